"""A run that was interrupted reports the whole of it, not its last process alone."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import replace

import pytest

from .plans import plan_in

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]
_WAITED = 3.0


class Interrupted(Exception):  # noqa: N818 - no error
    """Raised where a person would press Ctrl-C."""


@pytest.fixture(scope="module")
def two_stages(tiny_recipe):
    """Both on two fixed copies of each photograph."""
    stage = replace(tiny_recipe.stages[0], frozen=3)
    augmentation = replace(tiny_recipe.augmentation, copies=2)
    return replace(tiny_recipe, stages=(stage, stage), augmentation=augmentation)


@pytest.fixture(scope="module")
def resumed(two_stages, pictures, tmp_path_factory):
    """Interrupted when the second stage begins; the first one had no room, and waited in its fit."""
    from training.train import train

    said = []

    def wait_then_interrupt(line):
        said.append(line)
        if len(said) == 1:
            time.sleep(_WAITED)
        if sum("run once" in one for one in said) > 1:
            raise Interrupted

    plan = plan_in(tmp_path_factory.mktemp("resumed"), pictures, two_stages)
    with pytest.raises(Interrupted):
        train(replace(plan, cache_bytes=0), say=wait_then_interrupt, progress=False)
    return train(plan, progress=False)


@pytest.fixture(scope="module")
def report(resumed):
    return json.loads((resumed.folder / "report.json").read_text("utf-8"))


def test_its_seconds_are_those_of_both_processes(resumed, report):
    with (resumed.folder / "history.csv").open(encoding="utf-8", newline="") as file:
        epochs = [float(row["seconds"]) for row in csv.DictReader(file)]

    assert len(epochs) == 4
    assert report["seconds"]["fit"] > _WAITED + sum(epochs) - 0.01


def test_the_report_the_terminal_and_the_comparison_say_the_same_seconds(resumed, report):
    from training.compare import read_run

    assert list(report["seconds"]) == ["decode", "build", "fit", "evaluate", "report", "export"]
    assert report["seconds"] == {phase: round(value, 2) for phase, value in resumed.seconds.items()}
    assert read_run(resumed.folder).seconds == pytest.approx(sum(resumed.seconds.values()), abs=0.05)


def test_the_report_says_what_each_stage_did_instead_of_what_the_recipe_asks_for(report):
    assert report["recipe_values"]["augmentation"]["copies"] == 2
    assert report["stages"] == [
        {"frozen_layers": "no room", "copies": 0},
        {"frozen_layers": "once", "copies": 2},
    ]


def test_the_page_says_so_too(resumed):
    page = (resumed.folder / "report.html").read_text("utf-8")

    assert (
        "stage 1: run every epoch, as what they give had no room (--cache-bytes), and pictures changed anew "
        "every epoch, not drawn from 2 fixed copies; stage 2: run once, on 2 fixed changed copies of each "
        "photograph"
    ) in page
    assert "With the same photographs, versions and machine, and again no room for its fixed copies" in page
