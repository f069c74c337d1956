"""From a folder of photographs to a published version."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import keras

from contract.image_spec import ImageSpec
from contract.manifest import Golden, Manifest, Provenance, check_model_name
from training.calibration import fit_temperature, softmax
from training.dataset import Dataset, prepare_dataset
from training.duplicates import Duplicate
from training.evaluation import Evaluation, evaluate_probabilities
from training.export.generated_images import generated_images
from training.export.golden import LEAST_MARGIN, across_labels, choose_golden, is_firm, photograph_bytes
from training.export.grad_cam import SplitModel, split_for_grad_cam
from training.export.publish import check_writable
from training.export.version import RunRecord, export_version
from training.fit import HistoryRow, fit
from training.inference import infer
from training.networks import Classifier, build_classifier, check_weights, weights_origin
from training.phases import Phases
from training.photographs import Split, check_can_be_learnt, find_photographs, labels_of
from training.pixels import default_cache
from training.reading import Unreadable
from training.recipe import Recipe

GoldenSource = Literal["generated", "photographs"]
MAX_BATCH_SIZE = 32


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What a run gave.

    Attributes:
        version: the published folder.
        evaluation: on the test split.
        temperature: of the probabilities.
        unreadable: files that gave no pixels.
        duplicates: photographs left out, as a held-out split has the same bytes.
        golden_is_firm: whether rounding on another machine cannot change a golden example's answer.
        seconds: by phase.
    """

    version: Path
    evaluation: Evaluation
    temperature: float
    unreadable: tuple[Unreadable, ...]
    duplicates: tuple[Duplicate, ...]
    golden_is_firm: bool
    seconds: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """A network and what was measured of it."""

    classifier: Classifier
    cut: SplitModel
    history: list[HistoryRow]
    temperature: float
    evaluations: dict[Split, Evaluation]


def train(  # noqa: PLR0913 - the options of the command
    photographs: Path,
    *,
    name: str,
    models: Path,
    recipe: Recipe,
    seed: int = 0,
    cache: Path | None = None,
    golden: GoldenSource = "generated",
    keep_keras: bool = True,
    progress: bool = True,
) -> TrainingResult:
    """Train, measure, export and publish.

    Args:
        photographs: a folder a class, see `training.photographs`.
        name: the model's.
        models: versions go to `<models>/<name>/<number>`.
        recipe: what to do.
        seed: of the split, the first weights, the shuffling and the augmentation.
        cache: where decoded pixels are kept, or None for the user's own cache folder.
        golden: whether the examples a server replays are generated pictures or test photographs.
        keep_keras: whether `model.keras` travels with the version.
        progress: whether to show progress bars; they are silent anyway where no terminal is.

    Raises:
        ManifestError: a name no server could use.
        RecipeError, DatasetError, CacheError, WeightsError, ExportError: see there; found out as early as
            possible.
        FitError: the loss is no number any more.
        ContractBrokenError: the exported version does not answer as the network does.
    """
    check_model_name(name)
    check_weights(recipe)
    check_writable(models / name)
    phases = Phases()
    with phases.phase("decode"):
        found = find_photographs(photographs)
        check_can_be_learnt(photographs, found)
        labels = labels_of(found)
    keras.utils.set_random_seed(seed)
    with phases.phase("build"):  # before the photographs are decoded: the recipe may ask for the impossible
        classifier = build_classifier(recipe, classes=len(labels))
        cut = split_for_grad_cam(classifier.model)
    with phases.phase("decode"):
        data = prepare_dataset(
            photographs,
            found,
            recipe.image,
            labels=labels,
            seed=seed,
            cache=cache or default_cache(),
            progress=progress,
        )
    fitted = _fit(classifier, cut, data, recipe, phases=phases, progress=progress)
    with phases.phase("export"):
        chosen = _golden(recipe.image, data, fitted, source=golden)
        manifest = _manifest(name, recipe, data, fitted, golden=chosen)
        version = export_version(
            fitted.classifier.model,
            models / name,
            split=fitted.cut,
            manifest=manifest,
            record=_record(manifest, data, fitted, seconds=phases.seconds),
            keep_keras=keep_keras,
        )
    return TrainingResult(
        version=version,
        evaluation=fitted.evaluations["test"],
        temperature=fitted.temperature,
        unreadable=data.unreadable,
        duplicates=data.duplicates,
        golden_is_firm=is_firm(chosen),
        seconds=phases.seconds,
    )


def _fit(  # noqa: PLR0913 - what is fitted, on what, how
    classifier: Classifier, cut: SplitModel, data: Dataset, recipe: Recipe, *, phases: Phases, progress: bool
) -> _Fitted:
    with phases.phase("fit"):
        history = fit(classifier, recipe, samples=data.samples, seed=data.seed, progress=progress)
    with phases.phase("evaluate"):
        temperature, evaluations = _measure(classifier.model, data, progress=progress)
    return _Fitted(
        classifier=classifier, cut=cut, history=history, temperature=temperature, evaluations=evaluations
    )


def _measure(model: Any, data: Dataset, *, progress: bool) -> tuple[float, dict[Split, Evaluation]]:
    validation, test = data.samples["validation"], data.samples["test"]
    validation_logits = infer(model, validation, description="validation", progress=progress)
    test_logits = infer(model, test, description="test", progress=progress)
    temperature = fit_temperature(validation_logits, validation.labels)
    return temperature, {
        "validation": evaluate_probabilities(
            softmax(validation_logits, temperature), validation.labels, labels=data.labels
        ),
        "test": evaluate_probabilities(softmax(test_logits, temperature), test.labels, labels=data.labels),
    }


def _manifest(name: str, recipe: Recipe, data: Dataset, fitted: _Fitted, *, golden: Golden) -> Manifest:
    return Manifest(
        name=name,
        labels=data.labels,
        image=recipe.image,
        temperature=fitted.temperature,
        unknown_threshold=0.0,
        max_batch_size=MAX_BATCH_SIZE,
        explain_layer=fitted.cut.layer,
        metrics=fitted.evaluations["test"].metrics(),
        golden=golden,
        provenance=Provenance(
            recipe=recipe.name,
            seed=data.seed,
            dataset_sha256=data.decoded.dataset_sha256,
            image_counts={split: len(samples) for split, samples in data.samples.items()},
            backbone=recipe.network,
            weights=weights_origin(recipe),
            packages=_packages(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )


def _golden(spec: ImageSpec, data: Dataset, fitted: _Fitted, *, source: GoldenSource) -> Golden:
    model, temperature = fitted.classifier.model, fitted.temperature
    if source == "generated":
        return choose_golden(generated_images(), spec=spec, model=model, temperature=temperature)
    tested = [photograph for photograph in data.photographs if photograph.split == "test"]
    return choose_golden(
        (photograph_bytes(p.path, spec) for p in across_labels(tested, seed=data.seed)),
        spec=spec,
        model=model,
        temperature=temperature,
        least_margin=LEAST_MARGIN,
    )


def _record(manifest: Manifest, data: Dataset, fitted: _Fitted, *, seconds: Mapping[str, float]) -> RunRecord:
    return RunRecord(
        report={
            "name": manifest.name,
            "recipe": manifest.provenance.recipe,
            "seed": manifest.provenance.seed,
            "image_counts": dict(manifest.provenance.image_counts),
            "temperature": manifest.temperature,
            "validation": fitted.evaluations["validation"].to_dict(),
            "test": fitted.evaluations["test"].to_dict(),
            "unreadable": [asdict(entry) for entry in data.unreadable],
            "duplicates": [asdict(entry) for entry in data.duplicates],
            "seconds": {phase: round(value, 2) for phase, value in seconds.items()},
        },
        split=[
            {
                "path": photograph.relative,
                "label": photograph.label,
                "split": photograph.split,
                "sha256": data.decoded.sha256[photograph.relative],
            }
            for photograph in data.photographs
        ],
        history=fitted.history,
    )


def _packages() -> dict[str, str]:
    names = ("tensorflow", "keras", "numpy", "pillow")
    return {"python": sys.version.split()[0], **{name: metadata.version(name) for name in names}}
