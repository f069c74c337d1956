"""What the model answers to the test split, image by image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.photographs import Photograph
from training.run import Run
from training.samples import Samples

Indexes = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The test images and the answers, side by side.

    Attributes:
        labels: C names.
        photographs: N, in the samples' order.
        samples: their pixels.
        probabilities: float64 [N, C], calibrated.
        seed: of what is drawn among them.
    """

    labels: tuple[str, ...]
    photographs: tuple[Photograph, ...]
    samples: Samples
    probabilities: npt.NDArray[np.float64]
    seed: int

    @property
    def truth(self) -> Indexes:
        """Class indexes [N]."""
        return self.samples.labels

    @property
    def predicted(self) -> Indexes:
        """Class indexes [N]."""
        answered: Indexes = self.probabilities.argmax(axis=1)
        return answered

    @property
    def confidence(self) -> npt.NDArray[np.float64]:
        """The top probabilities [N]."""
        top: npt.NDArray[np.float64] = self.probabilities.max(axis=1)
        return top

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether the top label is the true one [N]."""
        same: npt.NDArray[np.bool_] = self.predicted == self.truth
        return same

    def pixels(self, index: int) -> npt.NDArray[np.uint8]:
        """uint8 [H, W, 3], read from the memory map."""
        return np.array(self.samples.values[self.samples.rows[index]])

    def draw(self, indexes: Indexes, count: int) -> Indexes:
        """At most so many of these, at random but the same each time, in random order."""
        rng = np.random.default_rng(self.seed)
        return rng.permutation(indexes)[:count]


def answers_of(run: Run) -> Answers:
    """Those of a run's test split."""
    return Answers(
        labels=run.data.labels,
        photographs=tuple(p for p in run.data.photographs if p.split == "test"),
        samples=run.data.samples["test"],
        probabilities=run.probabilities("test"),
        seed=run.data.seed,
    )
