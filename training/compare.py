"""Compares finished runs: their figures side by side, and a paired test on the test images they share."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from training.errors import RunError
from training.evaluation import Interval
from training.run_folder import PREDICTIONS_FILE, REPORT_FILE

SIGNIFICANT = 0.05
Image = tuple[str, str]
"""SHA-256 of a file and its true label."""


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """What a run's folder says.

    Attributes:
        id: the folder's name.
        recipe: its name.
        seed: of the run.
        train_images: how many.
        test_images: how many.
        accuracy: on the test split.
        accuracy_interval: 95 %.
        log_loss: on the test split.
        calibration_error: on the test split, of the probabilities as they are answered.
        below_threshold: share of the test images that are answered `unknown`.
        seconds: of all phases.
        right: by test image, whether it is recognised.
    """

    id: str
    recipe: str
    seed: int
    train_images: int
    test_images: int
    accuracy: float
    accuracy_interval: Interval
    log_loss: float
    calibration_error: float
    below_threshold: float
    seconds: float
    right: Mapping[Image, bool]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: all but the single images."""
        return asdict(replace(self, right={})) | {"right": sum(self.right.values())}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two runs on the test images both have.

    Attributes:
        first: id of a run.
        second: id of another.
        shared: how many test images both have.
        only_first: how many of them the first alone recognises.
        only_second: how many the second alone recognises.
        p_value: of McNemar's exact test; None where they share no image.
        corrected: the same after Holm's correction for all pairs of a comparison.
    """

    first: str
    second: str
    shared: int
    only_first: int
    only_second: int
    p_value: float | None
    corrected: float | None

    def sentence(self, *, first: str, second: str) -> str:
        """What it means, by these names for the runs."""
        if self.p_value is None or self.corrected is None:
            return f"{second} and {first} have no test image in common: they cannot be compared."
        p = f"p = {self.p_value:.2g}"
        if self.corrected != self.p_value:
            p += f", {self.corrected:.2g} after Holm's correction"
        counts = (
            f"of {self.shared} test images that both have, it alone recognises {self.only_second} and "
            f"{first} alone {self.only_first} ({p})"
        )
        if self.corrected >= SIGNIFICANT:
            return f"{second} is not shown to differ from {first}: {counts}."
        better = "better" if self.only_second > self.only_first else "worse"
        return f"{second} is {better} than {first}: {counts}."


def read_run(folder: Path) -> FinishedRun:
    """Read what a finished run has left.

    Raises:
        RunError: no run, an unfinished one, or files that cannot be read.
    """
    if not folder.is_dir():
        raise RunError(f"no run at {folder}")
    if not (folder / REPORT_FILE).exists():
        raise RunError(f"{folder} is no finished run: it has no {REPORT_FILE}")
    try:
        report = json.loads((folder / REPORT_FILE).read_text("utf-8"))
        return _run(folder.resolve().name, report, right=_right(folder / PREDICTIONS_FILE))
    except OSError as exc:
        raise RunError(f"cannot read {exc.filename}: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError, csv.Error) as exc:
        raise RunError(f"{folder} holds a report that cannot be read") from exc


def compare(runs: Sequence[FinishedRun]) -> tuple[Pair, ...]:
    """Each run but the first against the first, by McNemar's test in its exact form.

    McNemar 1947, 'Note on the sampling error of the difference between correlated proportions', Psychometrika
    12, 153-157: if two classifiers are equally good, an image that one alone recognises is as likely to be
    the one's as the other's. Corrected as Holm 1979, 'A simple sequentially rejective multiple test
    procedure', Scand. J. Stat. 6, 65-70.
    """
    pairs = [_paired(runs[0], other) for other in runs[1:]]
    tested = [pair.p_value for pair in pairs if pair.p_value is not None]
    corrected = iter(holm(tested))
    return tuple(pair if pair.p_value is None else replace(pair, corrected=next(corrected)) for pair in pairs)


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected p-values, in the order given."""
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def _paired(first: FinishedRun, second: FinishedRun) -> Pair:
    shared = first.right.keys() & second.right.keys()
    only_first = sum(first.right[image] and not second.right[image] for image in shared)
    only_second = sum(second.right[image] and not first.right[image] for image in shared)
    return Pair(
        first=first.id,
        second=second.id,
        shared=len(shared),
        only_first=only_first,
        only_second=only_second,
        p_value=_mcnemar(only_first, only_second) if shared else None,
        corrected=None,
    )


def _mcnemar(only_first: int, only_second: int) -> float:
    differing = only_first + only_second
    return float(binomtest(only_first, differing).pvalue) if differing else 1.0


def _right(path: Path) -> dict[Image, bool]:
    """One entry for files of equal bytes and label: they have one answer."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["sha256"], row["label"]): row["predicted"] == row["label"] for row in csv.DictReader(file)
        }


def _run(name: str, report: Mapping[str, Any], *, right: Mapping[Image, bool]) -> FinishedRun:
    test = report["test"]
    low, high = test["accuracy_interval"]
    return FinishedRun(
        id=name,
        recipe=report["recipe"],
        seed=report["seed"],
        train_images=report["image_counts"]["train"],
        test_images=test["images"],
        accuracy=test["accuracy"],
        accuracy_interval=(low, high),
        log_loss=test["log_loss"],
        calibration_error=test["error_after"],
        below_threshold=test["below_threshold"],
        seconds=sum(report["seconds"].values()),
        right=right,
    )
