"""What is known of a folder of photographs when a recipe is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
        learnt: of them those that may be learnt from, so of no held-out split.
        classes: how many.
        smallest: photographs of the smallest class.
        largest: of the largest.
        largest_side: pixels of the longest side of some of them; 0 where none could be read.
        contrast: None where the sample is too small for any cross-validation.
    """

    images: int
    learnt: int
    classes: int
    smallest: int
    largest: int
    largest_side: int
    contrast: Contrast | None
