"""Tiny labelled photographs, made by code: three kinds of stripes that differ in colour and direction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

KINDS = {"amber": (230, 160, 30), "blue": (30, 60, 220), "green": (30, 200, 60)}


def write_picture(path: Path, colour: tuple[int, int, int], *, seed: int, side: int = 40) -> None:
    """One picture of a colour with noise; the format follows the name."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(-25, 26, (side, side, 3))
    stripes = 40 * (np.arange(side)[:, None, None] // 5 % 2)
    picture = np.clip(np.array(colour) + noise - stripes, 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def write_classes(root: Path, *, per_class: int, suffix: str = ".png", first_seed: int = 0) -> Path:
    """A folder a class; with another first seed, other pictures."""
    for number, (label, colour) in enumerate(KINDS.items()):
        for index in range(per_class):
            write_picture(
                root / label / f"{index:03d}{suffix}", colour, seed=first_seed + 1000 * number + index
            )
    return root
