"""Training is killed, or ended by Ctrl-C, again and again: the same command goes on to the same outcome."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ctrl_c import heed_ctrl_c
from tests.training.pictures import write_classes

RECIPE = """
name = "small"
network = "cnn3"
weights = "none"

[image]
height = 32
width = 32

[head]
pooling = "flatten"
hidden = [16]
dropout = 0.5

[[stages]]
frozen = 5
optimizer = "adam"
rate = 0.001
epochs = 4
batch_size = 8
augmented = false

[[stages]]
frozen = "none"
optimizer = "sgd"
rate = 0.003
momentum = 0.9
schedule = "cosine"
epochs = {epochs}
batch_size = 8

[augmentation]
shear = 0.1
zoom = 0.1
flip = true
"""
LONGEST_WAIT_SECONDS = 120

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture
def signals(request: pytest.FixtureRequest) -> list[signal.Signals]:
    if request.config.getoption("--prove"):
        return [signal.SIGKILL, signal.SIGINT, *([signal.SIGKILL] * 9)]
    return [signal.SIGKILL, signal.SIGINT]


class Training:
    """`miwake train` on the same photographs, with the same recipe, into one folder."""

    def __init__(self, folder: Path, photographs: Path, *, epochs: int) -> None:
        folder.mkdir()
        (folder / "small.toml").write_text(RECIPE.format(epochs=epochs), "utf-8")
        self.folder = folder
        self._command = [
            *(sys.executable, "-m", "miwake", "train", str(photographs), "--name", "toy", "--seed", "7"),
            *("--models", "models", "--runs", "runs", "--cache", "cache", "--recipe", "small.toml"),
        ]

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command,
            cwd=self.folder,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_ctrl_c,  # noqa: PLW1509 - no thread here
        )

    def run(self) -> str:
        with self.start() as process:
            _, error = process.communicate()
        assert process.returncode == 0, error
        return error

    def epochs(self) -> int:
        """How many are in the history of the only run."""
        histories = list(self.folder.glob("runs/*/history.csv"))
        return histories[0].read_text("utf-8").count("\n") - 1 if histories else 0

    def finished(self) -> bool:
        return any(self.folder.glob("runs/*/report.json"))

    def versions(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("models/toy/[0-9]*"))

    def outcome(self) -> tuple[Any, list[Any]]:
        """What the report says but for times, and all weights of the published network."""
        import keras

        [path] = self.folder.glob("runs/*/report.json")
        report = json.loads(path.read_text("utf-8"))
        history = [
            line.rsplit(",", 1)[0] for line in (path.parent / "history.csv").read_text("utf-8").splitlines()
        ]
        model = self.folder / "models" / "toy" / "1" / "assets.extra" / "model.keras"
        weights = keras.saving.load_model(model, compile=False).get_weights()
        figures = {key: report[key] for key in ("test", "validation", "calibration", "image_counts")}
        return (figures, history), weights


def end(training: Training, number: signal.Signals, *, after: int, seconds: float) -> str:
    """Send the signal that long after some more epochs; returns what was written to stderr."""
    until = training.epochs() + after
    give_up = time.monotonic() + LONGEST_WAIT_SECONDS
    with training.start() as process:
        while training.epochs() < until and process.poll() is None:
            assert time.monotonic() < give_up
            time.sleep(0.01)
        time.sleep(seconds)
        os.kill(process.pid, number)
        _, error = process.communicate()
    return error


@pytest.mark.timeout(1200)
# Keras 3.15 reads its variables with `np.array(x)`, whose TensorFlow side NumPy 2 finds out of date.
@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
def test_training_goes_on_to_the_same_outcome(tmp_path: Path, signals: list[signal.Signals]) -> None:
    photographs = write_classes(tmp_path / "photographs", per_class=20)
    epochs = 20 * len(signals)  # several times what all of them wait for: a busy machine signals late
    undisturbed = Training(tmp_path / "undisturbed", photographs, epochs=epochs)
    disturbed = Training(tmp_path / "disturbed", photographs, epochs=epochs)
    chance = random.Random(0)  # noqa: S311 - no secret
    undisturbed.run()

    for number in signals:
        before = disturbed.epochs()
        error = end(disturbed, number, after=chance.randint(1, 4), seconds=chance.uniform(0, 0.2))
        assert not disturbed.finished()
        assert disturbed.versions() == []
        assert disturbed.epochs() > before
        if number == signal.SIGINT:
            assert "Traceback" not in error
            assert error.splitlines()[-1].startswith("interrupted: the same command goes on")
    said = disturbed.run()

    figures, weights = disturbed.outcome()
    expected_figures, expected_weights = undisturbed.outcome()
    assert "goes on with" in said
    assert figures == expected_figures
    assert all(np.array_equal(a, b) for a, b in zip(weights, expected_weights, strict=True))
    assert disturbed.versions() == ["1"]
