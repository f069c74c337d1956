"""Measures a published version on labelled photographs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from contract.model_folder import pinned_version
from training.dataset import without_label
from training.errors import DatasetError
from training.evaluation import Evaluation, evaluate_probabilities
from training.exported_model import ExportedModel
from training.photographs import Photograph, find_photographs
from training.pixels import DecodedPhotographs, decode_photographs, default_cache
from training.reading import Unreadable
from training.samples import samples_of
from training.split_record import trained_on

_BATCH_SIZE = 32


@dataclass(frozen=True, kw_only=True)
class EvaluationResult:
    """The figures, and what is not in them.

    Attributes:
        version: that answered.
        evaluation: its figures.
        unreadable: files that gave no pixels or have no label.
        trained_on: how many photographs were left out because the version was fitted on the same bytes.
    """

    version: Path
    evaluation: Evaluation
    unreadable: tuple[Unreadable, ...]
    trained_on: int


def evaluate(
    model: Path, photographs: Path, *, cache: Path | None = None, progress: bool = True
) -> EvaluationResult:
    """Ask a version about every photograph of a tree, or of its `test/` where it has one.

    Photographs it was trained on, or whose split chose when to stop, are left out.

    Args:
        model: a version's folder, or a model's, of which the newest version answers.
        photographs: a folder a class; the classes are the model's labels, or some of them.
        cache: where decoded pixels are kept, or None for the user's own cache folder.
        progress: whether to show progress bars.

    Raises:
        ModelFolderError: no version lies there.
        ContractBrokenError: see `ExportedModel`.
        DatasetError: a folder is no label of the model, it was trained on all, or as `find_photographs`.
    """
    _, _, version = pinned_version(model)
    with ExportedModel(version) as exported:
        labels = exported.manifest.labels
        found = _of_test_split(find_photographs(photographs))
        _check_labels(found, labels)
        decoded = decode_photographs(
            found, exported.manifest.image, cache=cache or default_cache(), progress=progress
        )
        unseen = _unseen(decoded, trained_on(version))
        samples = samples_of(decoded, unseen, labels=labels)
        with tqdm(total=len(samples), desc="evaluating", disable=None if progress else True) as bar:
            answers = []
            for images in samples.batches(_BATCH_SIZE):
                answers.append(exported.predict(images))
                bar.update(len(images))
        evaluation = evaluate_probabilities(
            np.concatenate(answers),
            samples.labels,
            labels=labels,
            temperature=exported.manifest.temperature,
            unknown_threshold=exported.manifest.unknown_threshold,
        )
        return EvaluationResult(
            version=version,
            evaluation=evaluation,
            unreadable=(*decoded.unreadable, *without_label(photographs)),
            trained_on=len(decoded.photographs) - len(unseen),
        )


def _unseen(decoded: DecodedPhotographs, known: frozenset[str]) -> tuple[Photograph, ...]:
    unseen = tuple(p for p in decoded.photographs if decoded.sha256[p.relative] not in known)
    if not unseen:
        raise DatasetError(
            f"the model was trained on all {len(decoded.photographs)} photographs: none is left to measure it"
        )
    return unseen


def _of_test_split(photographs: tuple[Photograph, ...]) -> tuple[Photograph, ...]:
    return tuple(p for p in photographs if p.split == "test") or photographs


def _check_labels(photographs: tuple[Photograph, ...], labels: tuple[str, ...]) -> None:
    strangers = sorted({photograph.label for photograph in photographs} - set(labels))
    if strangers:
        raise DatasetError(f"the model has no label {strangers[0]!r}; its labels are {', '.join(labels)}")
