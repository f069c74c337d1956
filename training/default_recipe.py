"""The recipe for who names none: the best measured of those that need no GPU and no download."""

from __future__ import annotations

from pathlib import Path

from training.advice.rules import FINETUNE, SMALL_PICTURES, is_large, is_small
from training.photographs import find_photographs, learnable
from training.picture_size import largest_side

DEFAULT_RECIPE = FINETUNE
DEFAULT_OF_MANY_SMALL_PICTURES = SMALL_PICTURES
DEFAULT_OF_ANOTHER_BACKBONE = "linear"


def default_recipe(photographs: Path) -> str:
    """Its name. Many small pictures allow what no CPU has the time for otherwise: to fine-tune all.

    Raises:
        DatasetError: as `find_photographs`.
    """
    learnt = learnable(find_photographs(photographs))
    if is_large(len(learnt)) and is_small(largest_side(learnt)):
        return DEFAULT_OF_MANY_SMALL_PICTURES
    return DEFAULT_RECIPE
