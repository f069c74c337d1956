"""Plans of runs that leave everything in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.recipe import Recipe

if TYPE_CHECKING:
    from training.plan import Plan


def plan_in(folder: Path, photographs: Path, recipe: Recipe, **changes: Any) -> Plan:
    """A run of a model called `tiny` with models, runs and cache in the folder."""
    from training.plan import Plan

    given = {"name": "tiny", "models": folder / "models", "runs": folder / "runs", "cache": folder / "cache"}
    return Plan(photographs=photographs, recipe=recipe, **given | changes)
