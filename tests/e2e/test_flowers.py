"""`miwake train` by itself on real photographs: the Oxford 17 Flowers, which may not be redistributed."""

from __future__ import annotations

import csv
import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow.parquet as pq
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
def training(models: Path, pytestconfig: pytest.Config) -> str:
    """By the recipe that train follows by itself with --prove, else by one that takes a third of the time."""
    quick = [] if pytestconfig.getoption("--prove") else ["--recipe", "efficientnet-lite0-linear"]
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
        *quick,
    ]
    command = [sys.executable, "-m", "miwake", "train", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_flowers_are_told_apart_by_93_percent(training: str) -> None:
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


BAD = {
    "unsupported_format": (b"", b"no image", b"%PDF-1.7", b"<svg/>", b"PK\x03\x04"),
    "image_undecodable": (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"),
}


def test_a_whole_archive_is_scored_as_evaluate_says_and_bad_files_say_why(
    training: str, models: Path, tmp_path: Path
) -> None:
    del training
    planted = _plant(tmp_path / "bad", FLOWERS / "iris" / "image_0401.jpg")
    score = [sys.executable, "-m", "miwake", "score", str(FLOWERS), str(tmp_path / "bad")]
    score += ["--to", str(models / "flowers"), "--out", str(tmp_path / "out.parquet")]

    ended = subprocess.run(score, capture_output=True, text=True, check=True)

    assert ended.stderr == ""
    rows = pq.ParquetFile(tmp_path / "out.parquet").read().to_pylist()
    assert (len(rows), json.loads(ended.stdout)["errors"]) == (1400, 40)
    assert {Path(row["path"]).name: row["code"] for row in rows if row["code"]} == planted
    said = {Path(row["path"]).relative_to(FLOWERS).as_posix(): row for row in rows if row["code"] is None}
    (predictions,) = (models.parent / "runs").glob("*/predictions.csv")
    with predictions.open() as file:
        trainers = {row["path"]: row for row in csv.DictReader(file)}
    assert len(trainers) > 100
    assert {path: said[path]["top"][0]["label"] for path in trainers} == {
        path: row["predicted"] for path, row in trainers.items()
    }
    assert _confusion(said[path] | {"truth": path.split("/")[0]} for path in trainers) == _evaluated(models)


def _plant(folder: Path, photograph: Path) -> dict[str, str]:
    """40 bad files: texts, headers without a picture, and a photograph cut at ever other places."""
    folder.mkdir()
    whole, planted = photograph.read_bytes(), {}
    contents = [(code, content) for code, some in BAD.items() for content in some]
    cuts = [("image_undecodable", whole[: len(whole) * n // 40]) for n in range(1, 41 - len(contents))]
    for number, (code, content) in enumerate(itertools.chain(contents, cuts)):
        (folder / f"{number:02}.jpg").write_bytes(content)
        planted[f"{number:02}.jpg"] = code
    return planted


def _confusion(rows: Iterator[dict[str, object]]) -> Counter[tuple[object, object]]:
    return Counter((row["truth"], row["top"][0]["label"]) for row in rows)  # type: ignore[index]


def _evaluated(models: Path) -> Counter[tuple[object, object]]:
    """What `miwake evaluate` counts on the photographs the model never saw."""
    evaluate = [sys.executable, "-m", "miwake", "evaluate", str(models / "flowers"), str(FLOWERS), "--json"]
    evaluate += ["--cache", str(models.parent / "cache")]
    said = json.loads(subprocess.run(evaluate, capture_output=True, text=True, check=True).stdout)
    return Counter(
        {
            (truth, answer): count
            for truth, counts in zip(said["labels"], said["confusion"], strict=True)
            for answer, count in zip(said["labels"], counts, strict=True)
            if count
        }
    )
