"""Rows of scoring for tests."""

from __future__ import annotations

from typing import Any

from contract.prediction import Candidate
from scoring.row import Row

MODEL, VERSION = "toy", 3


def answered(path: str = "a.jpg", **changes: Any) -> Row:
    """Of a photograph that has a label."""
    members: dict[str, Any] = {
        "path": path,
        "sha256": "ab" * 32,
        "label": "rose",
        "probability": 0.75,
        "top": (Candidate("rose", 0.75), Candidate("tulip", 0.25)),
        "model": MODEL,
        "version": VERSION,
        "seconds": 0.125,
    }
    return Row(**(members | changes))


def refused(path: str = "a.jpg", **changes: Any) -> Row:
    """Of a photograph that has none."""
    members: dict[str, Any] = {
        "path": path,
        "sha256": "cd" * 32,
        "model": MODEL,
        "version": VERSION,
        "code": "unsupported_format",
        "detail": "not an image",
        "seconds": 0.25,
    }
    return Row(**(members | changes))
