"""What the gateway says of an image, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from contract import prediction
from contract.prediction import Candidate
from miwake.client.notebook import explanation_html, prediction_html

__all__ = ["Candidate", "Embedding", "Explanation", "Prediction"]


@dataclass(frozen=True, kw_only=True)
class Prediction(prediction.Prediction):
    """The label of one image; `unknown` where the best candidate is below the model's threshold.

    Attributes:
        label: the best one, or `unknown`.
        probability: of the best candidate, calibrated.
        top: candidates, which fall in probability.
        model: that answered.
        version: of it.
        request_id: what the gateway's log calls the request.
        name: of the image, if it has one.
    """

    model: str
    version: int
    request_id: str
    name: str | None = None

    def _repr_html_(self) -> str:
        """For notebooks."""
        return prediction_html(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """Where the model looked; of `overlay` and `heatmap` the one that was asked for is there.

    Attributes:
        label: that the heat map speaks of.
        probability: of that label.
        overlay: a PNG, the heat map over the image as the model saw it.
        heatmap: float32 [H, W] in [0, 1], at the model's image size.
    """

    label: str
    probability: float
    overlay: bytes | None = field(default=None, repr=False)
    heatmap: npt.NDArray[np.float32] | None = field(default=None, repr=False)
    model: str
    version: int
    request_id: str
    name: str | None = None

    def _repr_html_(self) -> str:
        """For notebooks."""
        return explanation_html(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedding:
    """What the network makes of an image before it decides.

    Attributes:
        vector: float32 [D], of length 1: a dot product is the cosine of two images.
    """

    vector: npt.NDArray[np.float32] = field(repr=False)
    model: str
    version: int
    request_id: str
    name: str | None = None
