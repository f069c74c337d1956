"""What a run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from training.pixels import default_cache
from training.recipe import Recipe
from training.strategy import Strategy

GoldenSource = Literal["generated", "photographs"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run: on what, how, and where to.

    Attributes:
        photographs: a folder a class, see `training.photographs`.
        name: the model's.
        models: versions go to `<models>/<name>/<number>`.
        runs: reports go to `<runs>/<id>/`.
        recipe: what to do.
        seed: of the split, the first weights, the shuffling and the augmentation.
        cache: where decoded pixels and the outputs of frozen layers are kept; None for the user's own.
        cache_bytes: most a stage's frozen outputs may take; None for half of what is free.
        golden: whether the examples a server replays are generated pictures or test photographs.
        keep_keras: whether `model.keras` travels with the version.
        strategy: which devices fit.
        tensorboard: whether to write events for it into the run's folder.
        fresh: whether to start anew where an interrupted run could be gone on with.
        command: that asked for it, for the record.
    """

    photographs: Path
    name: str
    models: Path
    runs: Path
    recipe: Recipe
    seed: int = 0
    cache: Path | None = None
    cache_bytes: int | None = None
    golden: GoldenSource = "generated"
    keep_keras: bool = True
    strategy: Strategy = "single"
    tensorboard: bool = False
    fresh: bool = False
    command: str = ""

    @property
    def cache_folder(self) -> Path:
        """The cache, with None looked up."""
        return self.cache or default_cache()
