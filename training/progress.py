"""How far a fit has come: all that an interrupted one needs to go on as if nothing had happened."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from contract.aside import aside_path
from contract.disk import sync_file, sync_folder
from training.errors import RunError

HistoryRow = dict[str, float]
Arrays = tuple[npt.NDArray[Any], ...]
FrozenLayers = Literal["once", "every epoch", "no room"]
"""How a stage runs the layers it does not fit: `no room` to keep what they give is every epoch as well."""
_FACTS, _COUNTS = "facts", "counts"
_ARRAYS = ("weights", "optimizer", "best")
# What NumPy, zip and JSON raise on damaged content, and what well-formed content of another kind raises here.
_UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    AttributeError,
    KeyError,
    TypeError,
)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """After some epochs.

    Attributes:
        stage: from 0.
        epoch: epochs done of that stage.
        history: a row an epoch, of all stages.
        best_loss: the smallest validation loss of the stage.
        best_epoch: the number of epochs done when it came.
        weights: of the layers any stage so far has fitted.
        optimizer: its variables.
        best: the weights of the smallest validation loss.
        frozen_layers: how they ran, by stage; a file of before this was kept lacks stages.
        seconds: by phase of the run, those of interrupted processes too.
    """

    stage: int = 0
    epoch: int = 0
    history: tuple[HistoryRow, ...] = ()
    best_loss: float = float("inf")
    best_epoch: int = 0
    weights: Arrays = field(default=(), repr=False)
    optimizer: Arrays = field(default=(), repr=False)
    best: Arrays = field(default=(), repr=False)
    frozen_layers: Mapping[int, FrozenLayers] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    def next_stage(self, weights: Arrays) -> Progress:
        """At the start of the next stage."""
        return Progress(
            stage=self.stage + 1,
            history=self.history,
            weights=weights,
            frozen_layers=self.frozen_layers,
            seconds=self.seconds,
        )

    def with_frozen_layers(self, how: FrozenLayers) -> Progress:
        """Now that it is known how they run in this stage."""
        return replace(self, frozen_layers={**self.frozen_layers, self.stage: how})


def save_progress(path: Path, progress: Progress) -> None:
    """Write it in one rename: after a kill or a power cut the file holds this epoch or the one before.

    Raises:
        RunError: it cannot be written.
    """
    aside = aside_path(path)
    try:
        with aside.open("wb") as file:
            np.savez(file, allow_pickle=False, **_arrays(progress))
        sync_file(aside)
        aside.replace(path)
        sync_folder(path.parent)
    except OSError as exc:
        raise RunError(f"cannot keep how far the fit has come in {path}: {exc.strerror or exc}") from exc
    finally:
        aside.unlink(missing_ok=True)


def load_progress(path: Path) -> Progress | None:
    """What was saved, or None where nothing was.

    Raises:
        RunError: the file cannot be read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts = json.loads(stored[_FACTS].tobytes())
            counts = facts.pop(_COUNTS)
            arrays = {kind: _of_kind(stored, kind, counts[kind]) for kind in _ARRAYS}
            return Progress(**{**facts, **_converted(facts), **arrays})
    except FileNotFoundError:
        return None
    except _UNREADABLE as exc:
        raise RunError(f"{path} cannot be read: start anew with --fresh") from exc


def _converted(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON knows as a list, or by a text."""
    by_stage = facts.get("frozen_layers", {})
    return {
        "history": tuple(facts["history"]),
        "frozen_layers": {int(stage): how for stage, how in by_stage.items()},
    }


def _arrays(progress: Progress) -> dict[str, npt.NDArray[Any]]:
    facts = {key: value for key, value in vars(progress).items() if key not in _ARRAYS}
    numbered = {
        f"{kind}_{number}": array for kind in _ARRAYS for number, array in enumerate(getattr(progress, kind))
    }
    facts[_COUNTS] = {kind: len(getattr(progress, kind)) for kind in _ARRAYS}
    return {_FACTS: np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8), **numbered}


def _of_kind(stored: Mapping[str, npt.NDArray[Any]], kind: str, count: int) -> Arrays:
    return tuple(stored[f"{kind}_{number}"] for number in range(count))
