"""What the model makes of pictures of nothing it knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from training.calibration import softmax
from training.errors import DatasetError
from training.export.graph import embedder, last_dense
from training.foreign import Foreign, Seen, measure_foreign
from training.foreign_pictures import ForeignPictures, foreign_pictures
from training.inference import infer
from training.report.answers import Answers
from training.report.embeddings import Embedded, embed_some, of_length_1
from training.run import Run
from training.samples import Samples

_TRAINING_IMAGES = 500  # to be quick; the notes hold with so many as well


@dataclass(frozen=True, kw_only=True)
class ForeignLook:
    """The measurement, or why there is none.

    Attributes:
        measured: None where nothing foreign could be shown.
        counts: pictures by subject.
        reason: why nothing was measured; empty where it was.
    """

    measured: Foreign | None = None
    counts: dict[str, int]
    reason: str = ""


def look_at_foreign(run: Run, answers: Answers, known: Embedded) -> ForeignLook:
    """Show the model photographs of hands and cats, unless it was trained on them."""
    try:
        shown = foreign_pictures(
            run.recipe.image, labels=run.data.labels, known=run.data.decoded.sha256.values()
        )
    except DatasetError as exc:
        return ForeignLook(counts={}, reason=str(exc))
    if not len(shown.pixels):
        return ForeignLook(counts={}, reason="the model was trained on the very photographs kept for this")
    training = embed_some(run.model, run.data.samples["train"], most=_TRAINING_IMAGES, seed=run.data.seed)
    measured = measure_foreign(
        Seen(top_probabilities=answers.confidence[known.indexes], embeddings=known.vectors),
        _seen(run.model, shown, temperature=run.calibration.temperature),
        training_embeddings=training.vectors,
        threshold=run.calibration.unknown_threshold,
    )
    return ForeignLook(measured=measured, counts=dict(shown.counts))


def _seen(model: Any, shown: ForeignPictures, *, temperature: float) -> Seen:
    none = np.zeros(len(shown.pixels), dtype=np.int64)
    samples = Samples(values=shown.pixels, rows=np.arange(len(none)), labels=none)
    features = infer(embedder(model), samples, description="foreign images", progress=False)
    logits = np.asarray(last_dense(model)(features), dtype=np.float32)  # the last layer of every network here
    return Seen(top_probabilities=softmax(logits, temperature).max(axis=1), embeddings=of_length_1(features))
