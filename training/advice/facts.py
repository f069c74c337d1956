"""What is known of a folder of photographs when a recipe is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from training.advice.separability import Separability


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Early features beside late ones, on the same images.

    Attributes:
        images: of the sample.
        classes: of the sample.
        early: of the early layer.
        late: of the last one.
        early_is_better: by a paired test at 5 %.
        late_is_better: the same.
    """

    images: int
    classes: int
    early: Separability
    late: Separability
    early_is_better: bool
    late_is_better: bool


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Counts, and what was measured.

    Attributes:
        images: photographs found.
        classes: how many.
        smallest: photographs of the smallest class.
        largest: of the largest.
        contrast: None where the sample is too small for any cross-validation.
    """

    images: int
    classes: int
    smallest: int
    largest: int
    contrast: Contrast | None
