"""Folders as a finished run leaves them, written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def write_run(folder: Path, recognised: Mapping[str, bool], *, label: str = "rose") -> Path:
    """A run whose test images, named by their contents, are recognised or not."""
    folder.mkdir(parents=True)
    right = sum(recognised.values())
    report = {
        "recipe": "cnn3",
        "seed": 3,
        "image_counts": {"train": 40, "validation": 10, "test": len(recognised)},
        "test": {
            "images": len(recognised),
            "accuracy": right / len(recognised),
            "accuracy_interval": [0.1, 0.9],
            "log_loss": 0.5,
            "error_after": 0.05,
            "below_threshold": 0.25,
        },
        "seconds": {"fit": 10.0, "evaluate": 2.5},
    }
    (folder / "report.json").write_text(json.dumps(report), "utf-8")
    rows = [f"{name}.png,{name},{label},{label if ok else 'other'},0.9" for name, ok in recognised.items()]
    lines = ["path,sha256,label,predicted,probability", *rows]
    (folder / "predictions.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder
