"""Plans of runs that leave everything in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.plan import Plan
from training.recipe import Recipe


def plan_in(folder: Path, photographs: Path, recipe: Recipe, **changes: Any) -> Plan:
    """A run of a model called `tiny` with models, runs and cache in the folder."""
    given = {"name": "tiny", "models": folder / "models", "runs": folder / "runs", "cache": folder / "cache"}
    return Plan(photographs=photographs, recipe=recipe, **given | changes)
