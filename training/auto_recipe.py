"""The recipe for `--recipe auto`: chosen without a look at the photographs that will measure it."""

from __future__ import annotations

from pathlib import Path

from contract.image_spec import ImageSpec
from training.advice.advise import Advice, advise_on
from training.dataset import prepare_dataset
from training.photographs import check_can_be_learnt, find_photographs, labels_of, learnable


def advise_before_training(photographs: Path, *, seed: int, cache: Path, progress: bool = True) -> Advice:
    """What `miwake advise` would say of the photographs that training with this seed learns from.

    Raises:
        DatasetError, CacheError, WeightsError: as training would.
    """
    found = find_photographs(photographs)
    check_can_be_learnt(photographs, found)
    data = prepare_dataset(
        photographs,
        found,
        ImageSpec(),
        labels=labels_of(found),
        seed=seed,
        cache=cache,
        progress=progress,
    )
    learnt = len(learnable(found))  # before validation and test are drawn, as for `miwake advise`
    return advise_on(data.photographs, learnt=learnt, seed=seed, cache=cache, progress=progress)
