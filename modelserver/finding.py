"""One thing that is wrong with a folder of models."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Level(StrEnum):
    """How bad it is: an error keeps something from being served as it should be."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """What is wrong, and where."""

    level: Level
    where: Path
    text: str

    def __str__(self) -> str:
        return f"{self.level}: {self.where}: {self.text}"


def error(where: Path, text: str) -> Finding:
    """What must be mended."""
    return Finding(Level.ERROR, where, text)


def warning(where: Path, text: str) -> Finding:
    """What is worth a look."""
    return Finding(Level.WARNING, where, text)
