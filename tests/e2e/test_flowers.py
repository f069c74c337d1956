"""The default recipe on real photographs: the Oxford 17 Flowers, which may not be redistributed."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.gateway_process import GatewayProcess

FLOWERS = Path(__file__).parents[3] / "shared" / "data" / "flowers17"

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.slow,
    pytest.mark.shared,
    pytest.mark.skipif(not FLOWERS.is_dir(), reason="the photographs are not on this machine"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flowers") / "models"


@pytest.fixture(scope="module")
def training(models: Path) -> str:
    arguments = [
        str(FLOWERS),
        "--name",
        "flowers",
        "--models",
        str(models),
        "--cache",
        str(models.parent / "cache"),
        "--runs",
        str(models.parent / "runs"),
    ]
    command = [sys.executable, "-m", "miwake", "train", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_default_recipe_reaches_93_percent(training: str) -> None:
    accuracy = re.search(r"test accuracy ([\d.]+)", training)

    assert accuracy
    assert float(accuracy[1]) >= 0.93


def test_the_model_answers_over_http_for_photographs_it_never_saw(
    training: str, models: Path, tmp_path: Path
) -> None:
    del training
    with (models / "flowers" / "1" / "assets.extra" / "split.csv").open() as file:
        unseen = [row for row in csv.DictReader(file) if row["split"] == "test"][::7]
    files = [("image", (row["path"], (FLOWERS / row["path"]).read_bytes())) for row in unseen]
    with GatewayProcess(models, log=tmp_path / "log") as gateway:
        answer = httpx.post(f"{gateway.url}/predict", files=files, timeout=60).json()

    right = sum(
        prediction["label"] == row["label"]
        for prediction, row in zip(answer["predictions"], unseen, strict=True)
    )
    assert right >= 0.9 * len(unseen)
