"""The table of figures tells which runs are of the recipes as they are now, and how long they took."""

from __future__ import annotations

import json
import runpy
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from training.recipe_files import load_recipe

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "figures" / "recipes.py"


@pytest.fixture(scope="module")
def figures():
    return runpy.run_path(str(SCRIPT))


def _write_run(folder, recipe, *, seconds):
    folder.mkdir(parents=True)
    values = asdict(recipe) | {"weights": "file VGG16.h5"}
    report = {"name": "fine-1", "recipe_values": values, "seconds": seconds}
    (folder / "report.json").write_text(json.dumps(report), "utf-8")


def _row(figures):
    return next(row for row in figures["rows"]() if row.name == "fine-1")


def test_a_run_of_the_recipe_as_it_is_counts_wherever_its_weights_came_from(figures, tmp_path):
    recipe = load_recipe("efficientnet-lite0-finetune")
    _write_run(tmp_path / "runs" / "1", recipe, seconds={"fit": 2.0})

    assert figures["_report"](tmp_path, _row(figures))["name"] == "fine-1"


def test_a_run_of_the_recipe_as_it_was_does_not_count(figures, tmp_path):
    recipe = load_recipe("efficientnet-lite0-finetune")
    changed = replace(recipe, augmentation=replace(recipe.augmentation, zoom=0.3))
    _write_run(tmp_path / "runs" / "1", changed, seconds={"fit": 2.0})

    assert figures["_report"](tmp_path, _row(figures)) is None


def test_the_seconds_of_a_run_are_those_of_all_its_phases(figures, tmp_path):
    recipe = load_recipe("efficientnet-lite0-finetune")
    _write_run(tmp_path / "runs" / "1", recipe, seconds={"decode": 1.5, "fit": 12.0, "export": 2.0})

    assert figures["_report"](tmp_path, _row(figures))["wall_seconds"] == pytest.approx(15.5)
