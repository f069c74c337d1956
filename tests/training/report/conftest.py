"""One tiny run that was really fitted, of classes with difficult names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.pictures import write_classes

LABELS = ("<amber> & $x$", "blue", "緑 'green'")


@pytest.fixture(scope="session")
def photographs(tmp_path_factory) -> Path:
    root = write_classes(tmp_path_factory.mktemp("photographs"), per_class=14)
    (root / "amber").rename(root / LABELS[0])
    (root / "green").rename(root / LABELS[2])
    (root / "blue" / "notes <b>.jpg").write_text("no picture", "utf-8")
    return root


@pytest.fixture(scope="session")
def run(tmp_path_factory, tiny_recipe, photographs):
    from training.calibration import calibrate, softmax
    from training.dataset import prepare_dataset
    from training.evaluation import evaluate_probabilities
    from training.export.grad_cam import split_for_grad_cam
    from training.features import FeatureCache
    from training.fit import Observer, fit
    from training.inference import infer
    from training.networks import build_classifier
    from training.photographs import find_photographs, labels_of
    from training.run import Run

    cache = tmp_path_factory.mktemp("cache")
    found = find_photographs(photographs)
    data = prepare_dataset(
        photographs, found, tiny_recipe.image, labels=labels_of(found), seed=3, cache=cache, progress=False
    )
    classifier = build_classifier(tiny_recipe, classes=len(data.labels))
    done = fit(
        classifier,
        tiny_recipe,
        samples=data.samples,
        seed=3,
        cache=FeatureCache(folder=cache),
        observer=Observer(),
    )
    logits = {
        split: infer(classifier.model, data.samples[split], description=split, progress=False)
        for split in ("validation", "test")
    }
    calibration = calibrate(logits["validation"], data.samples["validation"].labels, coverage=0.95)
    evaluations = {
        split: evaluate_probabilities(
            softmax(logits[split], calibration.temperature),
            data.samples[split].labels,
            labels=data.labels,
            temperature=calibration.temperature,
            unknown_threshold=calibration.unknown_threshold,
        )
        for split in logits
    }
    return Run(
        name="tiny <i>model</i>",
        command="miwake train PHOTOGRAPHS --name 'tiny <i>model</i>'",
        recipe=tiny_recipe,
        data=data,
        classifier=classifier,
        cut=split_for_grad_cam(classifier.model),
        history=done.history,
        frozen_layers=done.frozen_layers,
        svm=None,
        calibration=calibration,
        logits=logits,
        evaluations=evaluations,
        packages={"keras": "3"},
        seconds={"fit": 61.0, "evaluate": 1.0},
    )
