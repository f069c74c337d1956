"""What the network looked at: Grad-CAM over a few right and wrong answers, and its share on padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.cut import CutModel
from training.export.grad_cam import heatmaps_and_logits
from training.report.answers import Answers, Indexes
from training.report.padding import PaddingHeat, padding

MOST_WRONG, MOST = 12, 24
_BATCH_SIZE = 8  # activations of early layers are large


@dataclass(frozen=True, kw_only=True)
class Look:
    """One test image and where the network looked for its answer.

    Attributes:
        index: of the test image.
        heatmap: float32 [H, W], 0 to 1; all zeros where nothing spoke for the answer.
        padding: bool [H, W].
    """

    index: int
    heatmap: npt.NDArray[np.float32]
    padding: npt.NDArray[np.bool_]

    @property
    def area_on_padding(self) -> float:
        """Share of the image."""
        return float(self.padding.mean())

    @property
    def heat_on_padding(self) -> float:
        """Share of the heat; 0 where there is none."""
        total = float(self.heatmap.sum())
        return float(self.heatmap[self.padding].sum()) / total if total else 0.0


def look(cut: CutModel, answers: Answers) -> tuple[Look, ...]:
    """Grad-CAM of the answered class, of at most 12 wrong answers and, with them, at most 24 in all."""
    wrong = answers.draw(np.flatnonzero(~answers.right), MOST_WRONG)
    right = answers.draw(np.flatnonzero(answers.right), MOST - len(wrong))
    indexes = np.concatenate([right, wrong])
    batches = (indexes[start : start + _BATCH_SIZE] for start in range(0, len(indexes), _BATCH_SIZE))
    return tuple(found for batch in batches for found in _look_at(cut, answers, batch))


def padding_heat(looks: Sequence[Look]) -> PaddingHeat | None:
    """How much of the heat falls on padding; None where no image has any."""
    padded = [one for one in looks if one.padding.any() and one.heatmap.any() and not one.padding.all()]
    if not padded:
        return None
    return PaddingHeat(
        images=len(padded),
        area=float(np.mean([one.area_on_padding for one in padded])),
        heat=float(np.mean([one.heat_on_padding for one in padded])),
    )


def _look_at(cut: CutModel, answers: Answers, indexes: Indexes) -> list[Look]:
    images = np.stack([answers.pixels(int(index)) for index in indexes])
    classes = tf.constant(answers.predicted[indexes], tf.int32)
    heatmaps, _ = heatmaps_and_logits(cut, tf.constant(images), classes)
    return [
        Look(index=int(index), heatmap=heatmap, padding=padding(image))
        for index, heatmap, image in zip(indexes, heatmaps.numpy(), images, strict=True)
    ]
