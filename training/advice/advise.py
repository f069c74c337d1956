"""Looks at photographs and recommends a recipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.image_spec import ImageSpec
from training.advice.estimate import Pace, estimated_seconds, seconds_a_step, seconds_to_decode
from training.advice.facts import Contrast, Facts
from training.advice.features import EARLY_LAYER, early_and_late
from training.advice.rules import is_unbalanced, reasons_for, recipe_for
from training.advice.sample import comparable, draw_sample
from training.advice.separability import is_better, rightly_answered, separability
from training.inference import infer
from training.phases import Phases
from training.photographs import Photograph, check_can_be_learnt, find_photographs, labels_of, learnable
from training.picture_size import largest_side
from training.pixels import decode_photographs, default_cache
from training.reading import Unreadable
from training.samples import samples_of

_FEWEST_CLASSES = 2
_Features = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A recommendation and what it rests on.

    Attributes:
        recipe: the name of the recommended one.
        class_weights: whether it should be given them.
        reasons: a sentence each.
        facts: counted and measured.
        estimated_seconds: by recipe, on this machine.
        unreadable: files of the sample that gave no pixels.
    """

    recipe: str
    class_weights: bool
    reasons: tuple[str, ...]
    facts: Facts
    estimated_seconds: Mapping[str, float]
    unreadable: tuple[Unreadable, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self) | {"early_layer": EARLY_LAYER}


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """What the sample said."""

    contrast: Contrast | None
    pace: Pace
    unreadable: tuple[Unreadable, ...]


def advise(photographs: Path, *, seed: int = 0, cache: Path | None = None, progress: bool = True) -> Advice:
    """Recommend a recipe for a folder.

    Args:
        photographs: a folder a class, see `training.photographs`.
        seed: of the sample.
        cache: where its decoded pixels are kept, or None for the user's own cache folder.
        progress: whether to show progress bars.

    Raises:
        DatasetError: as for training, or a class of the sample has no readable photograph.
        WeightsError, CacheError: see there.
    """
    found = find_photographs(photographs)
    check_can_be_learnt(photographs, found)
    learnt = len(learnable(found))
    return advise_on(found, learnt=learnt, seed=seed, cache=cache, progress=progress)


def advise_on(
    found: Sequence[Photograph],
    *,
    learnt: int,
    seed: int = 0,
    cache: Path | None = None,
    progress: bool = True,
) -> Advice:
    """Recommend a recipe for photographs.

    Those of validation and test are counted and never looked at: with splits assigned, the choice of a
    recipe knows nothing of the images that measure it.

    Raises:
        DatasetError, WeightsError, CacheError: as `advise`.
    """
    sample = draw_sample(found, seed=seed)
    measured = _measure(sample, cache=cache or default_cache(), progress=progress)
    facts = _facts(found, sample, learnt=learnt, contrast=measured.contrast)
    pace = measured.pace
    return Advice(
        recipe=recipe_for(facts),
        class_weights=is_unbalanced(facts),
        reasons=tuple(reasons_for(facts)),
        facts=facts,
        estimated_seconds=estimated_seconds(pace, images=len(found), largest_side=facts.largest_side),
        unreadable=measured.unreadable,
    )


def _facts(
    found: Sequence[Photograph], sample: Sequence[Photograph], *, learnt: int, contrast: Contrast | None
) -> Facts:
    counts = Counter(photograph.label for photograph in learnable(found))
    return Facts(
        images=len(found),
        learnt=learnt,
        classes=len(counts),
        smallest=min(counts.values()),
        largest=max(counts.values()),
        largest_side=largest_side(sample),
        contrast=contrast,
    )


def _measure(sample: Sequence[Photograph], *, cache: Path, progress: bool) -> _Measured:
    spec, phases = ImageSpec(), Phases()
    decoded = decode_photographs(sample, spec, cache=cache, progress=progress)
    compared = comparable(decoded.photographs, decoded.sha256)
    can_compare = len(labels_of(compared)) >= _FEWEST_CLASSES
    chosen = compared if can_compare else decoded.photographs  # the pace is measured all the same
    samples = samples_of(decoded, chosen, labels=labels_of(chosen))
    model, width = early_and_late(spec)
    with phases.phase("forward"):
        features = infer(model, samples, description="features", progress=progress)
    early, late = features[:, :width], features[:, width:]
    pace = Pace(
        decode=seconds_to_decode(decoded.photographs, spec),
        forward=phases.seconds["forward"] / len(samples),
        step=seconds_a_step(late, samples.labels),
    )
    contrast = _contrast(early, late, samples.labels) if can_compare else None
    return _Measured(contrast=contrast, pace=pace, unreadable=decoded.unreadable)


def _contrast(early: _Features, late: _Features, labels: npt.NDArray[np.int64]) -> Contrast:
    early_right, late_right = (rightly_answered(features, labels) for features in (early, late))
    return Contrast(
        images=len(labels),
        classes=len(np.unique(labels)),
        early=separability(early_right, labels),
        late=separability(late_right, labels),
        early_is_better=is_better(early_right, late_right),
        late_is_better=is_better(late_right, early_right),
    )
