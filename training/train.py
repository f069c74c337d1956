"""From a folder of photographs to a published version and the report of its run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from contract.manifest import check_model_name
from contract.model_folder import read_manifest
from training.calibration import Calibration, calibrate, softmax
from training.cut import CutModel
from training.dataset import Dataset, prepare_dataset
from training.duplicates import Duplicate
from training.evaluation import Evaluation, evaluate_probabilities
from training.export.golden import is_firm
from training.export.grad_cam import split_for_grad_cam
from training.export.publish import check_writable
from training.export.version import RunRecord, export_version, version_of_run
from training.features import FeatureCache
from training.fit import fit
from training.fit_svm import fit_svm
from training.inference import infer
from training.networks import Classifier, build_classifier, check_weights, float32_copy, weights_digest
from training.observer import Observer
from training.phases import Phases
from training.photographs import Photograph, Split, check_can_be_learnt, find_photographs, labels_of
from training.plan import Plan
from training.progress import Progress
from training.reading import Unreadable
from training.report.page import write_report
from training.run import Run
from training.run_folder import RunFolder, open_run
from training.run_record import manifest_of, packages, predictions_of, report_of, split_of
from training.stage import check_stages
from training.strategy import Scope, strategy_scope
from training.svm import LinearSvm
from training.tensorboard import EpochEvents

REPORT_PAGE = "report.html"
_MEASURED: tuple[Split, ...] = ("validation", "test")


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What a run gave.

    Attributes:
        version: the published folder.
        folder: of the run, with its report.
        evaluation: on the test split.
        calibration: of the probabilities.
        unreadable: files that gave no pixels.
        duplicates: photographs left out, as a held-out split has the same bytes.
        golden_is_firm: whether rounding on another machine cannot change a golden example's answer.
        seconds: by phase.
    """

    version: Path
    folder: Path
    evaluation: Evaluation
    calibration: Calibration
    unreadable: tuple[Unreadable, ...]
    duplicates: tuple[Duplicate, ...]
    golden_is_firm: bool
    seconds: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class _Fitted:
    """A network after its fit."""

    classifier: Classifier
    cut: CutModel
    progress: Progress
    svm: LinearSvm | None


def train(plan: Plan, *, say: Callable[[str], None] | None = None, progress: bool = True) -> TrainingResult:
    """Train, measure, export, publish and report; go on with an interrupted run of the same plan.

    Args:
        plan: what is asked for.
        say: takes a line for the person who waits.
        progress: whether to show progress bars; they are silent anyway where no terminal is.

    Raises:
        ManifestError: a name no server could use.
        RecipeError, DatasetError, CacheError, WeightsError, RunError, StrategyError, ExportError: see
            there; found out as early as possible.
        OutOfMemoryError: a device's memory does not hold a batch.
        FitError: the loss is no number any more.
        ContractBrokenError: the exported version does not answer as the network does.
    """
    check_model_name(plan.name)
    check_weights(plan.recipe)
    scope = strategy_scope(plan.strategy)
    check_writable(plan.models / plan.name)
    check_writable(plan.runs)
    phases = Phases()
    with phases.phase("decode"):
        found = find_photographs(plan.photographs)
        check_can_be_learnt(plan.photographs, found)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(plan.seed)
    with phases.phase("build"), scope():  # before the photographs are decoded: it may be impossible
        classifier = build_classifier(plan.recipe, classes=len(labels_of(found)))
        split_for_grad_cam(classifier.model)
        check_stages(classifier, plan.recipe)
    with phases.phase("decode"):
        data = _dataset(plan, found, progress=progress)
    with open_run(
        plan.runs, name=plan.name, command=plan.command, facts=_facts(plan, data), fresh=plan.fresh
    ) as folder:
        if folder.progress is not None:
            phases.add(folder.progress.seconds)
        observing = _observer(plan, folder, phases, say=say, progress=progress)
        with phases.phase("fit"), observing as observer:
            fitted = _fit(plan, classifier, data, folder, observer=observer, scope=scope)
        with phases.phase("evaluate"):
            run = _measured(plan, data, fitted, phases=phases, progress=progress)
        return _published(plan, run, folder, phases=phases)


def _dataset(plan: Plan, found: tuple[Photograph, ...], *, progress: bool) -> Dataset:
    return prepare_dataset(
        plan.photographs,
        found,
        plan.recipe.image,
        labels=labels_of(found),
        seed=plan.seed,
        cache=plan.cache_folder,
        progress=progress,
    )


def _facts(plan: Plan, data: Dataset) -> dict[str, Any]:
    """Everything that decides what comes out."""
    split = json.dumps([[p.relative, p.label, p.split] for p in data.photographs])
    return {
        "name": plan.name,
        "recipe": asdict(plan.recipe) | {"weights": weights_digest(plan.recipe) or plan.recipe.weights},
        "seed": plan.seed,
        "strategy": plan.strategy,
        "devices": len(tf.config.list_logical_devices()) if plan.strategy == "mirrored" else 1,
        "dataset_sha256": data.decoded.dataset_sha256,
        "split_sha256": hashlib.sha256(split.encode()).hexdigest(),
        "packages": packages(),
    }


@contextmanager
def _observer(
    plan: Plan, folder: RunFolder, phases: Phases, *, say: Callable[[str], None] | None, progress: bool
) -> Iterator[Observer]:
    def save(done: Progress) -> None:
        folder.save(replace(done, seconds=phases.so_far()))

    say = say or (lambda _: None)
    done = folder.progress or Progress()
    if folder.progress is not None:
        say(f"goes on with {folder.path} after epoch {done.epoch} of stage {done.stage + 1}")
    if not plan.tensorboard:
        yield Observer(say=say, save=save, progress=progress)
        return
    with closing(EpochEvents(folder.path / "tensorboard", first_step=len(done.history))) as events:
        yield Observer(say=say, save=save, epoch=events.add, progress=progress)


def _fit(  # noqa: PLR0913 - what is fitted, on what, how
    plan: Plan, classifier: Classifier, data: Dataset, folder: RunFolder, *, observer: Observer, scope: Scope
) -> _Fitted:
    done, svm = Progress(), None
    if plan.recipe.svm is not None:
        svm = fit_svm(
            classifier,
            plan.recipe,
            samples=data.samples["train"],
            seed=plan.seed,
            progress=observer.progress,
        )
    else:
        done = fit(
            classifier,
            plan.recipe,
            samples=data.samples,
            seed=plan.seed,
            cache=FeatureCache(
                folder=plan.cache_folder, most_bytes=plan.cache_bytes, dtype=plan.recipe.features
            ),
            observer=observer,
            progress=folder.progress,
            scope=scope,
        )
    plain = float32_copy(classifier, plan.recipe)
    return _Fitted(classifier=plain, cut=split_for_grad_cam(plain.model), progress=done, svm=svm)


def _measured(plan: Plan, data: Dataset, fitted: _Fitted, *, phases: Phases, progress: bool) -> Run:
    model, samples = fitted.classifier.model, data.samples
    logits = {
        split: infer(model, samples[split], description=split, progress=progress) for split in _MEASURED
    }
    calibration = _calibration(plan, data, fitted, logits["validation"])
    return Run(
        name=plan.name,
        command=plan.command,
        recipe=plan.recipe,
        data=data,
        classifier=fitted.classifier,
        cut=fitted.cut,
        history=fitted.progress.history,
        frozen_layers=fitted.progress.frozen_layers,
        svm=fitted.svm,
        calibration=calibration,
        logits=logits,
        evaluations={
            split: evaluate_probabilities(
                softmax(logits[split], calibration.temperature),
                samples[split].labels,
                labels=data.labels,
                temperature=calibration.temperature,
                unknown_threshold=calibration.unknown_threshold,
            )
            for split in logits
        },
        packages=packages(),
        seconds=phases.seconds,
    )


def _calibration(plan: Plan, data: Dataset, fitted: _Fitted, validation_logits: Any) -> Calibration:
    """On the validation split; a support vector machine's on the margins of images it was not fitted on."""
    if fitted.svm is not None:
        return calibrate(
            fitted.svm.out_of_fold_logits, data.samples["train"].labels, coverage=plan.recipe.coverage
        )
    return calibrate(validation_logits, data.samples["validation"].labels, coverage=plan.recipe.coverage)


def _published(plan: Plan, run: Run, folder: RunFolder, *, phases: Phases) -> TrainingResult:
    with phases.phase("report"):  # first: what fails here leaves no version that a second try would double
        write_report(folder.path / REPORT_PAGE, run)
        folder.write_tables(history=run.history, split=split_of(run), predictions=predictions_of(run))
    with phases.phase("export"):
        version = version_of_run(plan.models / plan.name, folder.path.name)  # of a process that then died
        if version is None:
            version = _exported(plan, run, folder)
    folder.finish(report_of(run) | {"version": str(version)})
    return TrainingResult(
        version=version,
        folder=folder.path,
        evaluation=run.evaluations["test"],
        calibration=run.calibration,
        unreadable=run.data.unreadable,
        duplicates=run.data.duplicates,
        golden_is_firm=is_firm(read_manifest(version).golden),
        seconds=phases.seconds,
    )


def _exported(plan: Plan, run: Run, folder: RunFolder) -> Path:
    return export_version(
        run.model,
        plan.models / plan.name,
        split=run.cut,
        manifest=manifest_of(run, golden=plan.golden),
        record=RunRecord(
            report=report_of(run), split=split_of(run), history=run.history, run=folder.path.name
        ),
        keep_keras=plan.keep_keras,
    )
