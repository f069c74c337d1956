"""Everything a finished fit is known by: what the report shows and the manifest says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.calibration import Calibration, softmax
from training.cut import CutModel
from training.dataset import Dataset
from training.evaluation import Evaluation
from training.networks import Classifier
from training.photographs import Split
from training.progress import FrozenLayers, HistoryRow
from training.recipe import Recipe
from training.svm import LinearSvm


@dataclass(frozen=True, kw_only=True)
class Run:
    """A fitted classifier, its photographs and what was measured.

    Attributes:
        name: of the model.
        command: that started it; empty where no command did.
        recipe: as it was followed.
        data: all photographs with their splits.
        classifier: float32, as exported.
        cut: the same network, cut for Grad-CAM.
        history: a row an epoch; empty for a support vector machine.
        frozen_layers: how each stage ran those, from 0; without those of a run that an older version began.
        svm: the machine, where the recipe has one.
        calibration: of the logits.
        logits: float32 [N, C] of `validation` and `test`, before the temperature.
        evaluations: of both.
        packages: versions, by package name.
        seconds: by phase.
    """

    name: str
    command: str
    recipe: Recipe
    data: Dataset
    classifier: Classifier
    cut: CutModel
    history: tuple[HistoryRow, ...]
    frozen_layers: Mapping[int, FrozenLayers]
    svm: LinearSvm | None
    calibration: Calibration
    logits: Mapping[Split, npt.NDArray[np.float32]]
    evaluations: Mapping[Split, Evaluation]
    packages: Mapping[str, str]
    seconds: Mapping[str, float]

    @property
    def model(self) -> Any:
        """uint8 [N, H, W, 3] to logits float32 [N, C]."""
        return self.classifier.model

    def copies(self, stage: int) -> int | None:
        """How many fixed copies of each photograph its pictures were drawn from; None where nobody knows."""
        how = self.frozen_layers.get(stage)
        asked = self.recipe.augmentation_of(self.recipe.stages[stage]).copies
        return None if how is None else asked * (how == "once")

    def probabilities(self, split: Split) -> npt.NDArray[np.float64]:
        """As they are answered, before rounding: [N, C]."""
        return softmax(self.logits[split], self.calibration.temperature)
