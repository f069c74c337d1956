"""All chance of a fit, from (seed, stage, epoch) alone: an epoch run again draws the same numbers."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

_STATE = "seed_generator_state"


@dataclass(frozen=True, kw_only=True)
class EpochSeed:
    """One epoch of one stage of one run; stage and epoch from 0."""

    seed: int
    stage: int
    epoch: int

    def rng(self, purpose: str) -> np.random.Generator:
        """The numbers of one purpose, whatever any other draws."""
        return np.random.default_rng([self.seed, self.stage, self.epoch, zlib.crc32(purpose.encode())])

    def integer(self, purpose: str) -> int:
        """One number for what takes a seed: 0 to 2**31 - 1."""
        return int(self.rng(purpose).integers(2**31))


def seed_layers(model: Any, epoch_seed: EpochSeed) -> None:
    """Set the state of all random layers of a model: dropout and augmentation."""
    rng = epoch_seed.rng("layers")
    for variable in model.variables:
        if variable.path.endswith(_STATE):
            variable.assign(rng.integers(2**32, size=variable.shape, dtype=np.uint32))
