"""`make demo`: real photographs, the default recipe, a real answer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.gateway_process import GatewayProcess, free_port

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "miwake", "demo", "--port", str(free_port())]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=580)


def test_the_demo_trains_well_and_answers_a_photograph_over_http(
    demo: subprocess.CompletedProcess[str],
) -> None:
    assert demo.returncode == 0, demo.stderr
    accuracy = re.search(r"test accuracy ([\d.]+) on 120 images", demo.stdout)
    assert accuracy
    assert float(accuracy[1]) >= 0.95
    assert re.search(r"answer: \d, probability [\d.]+", demo.stdout)
    assert "Next:" in demo.stdout


def test_the_demos_model_answers_photographs_it_never_saw(
    demo: subprocess.CompletedProcess[str], folder: Path, tmp_path: Path
) -> None:
    del demo
    photographs = sorted((folder / "photographs" / "hand-signs" / "test").glob("*/*.png"))[::6]
    with GatewayProcess(folder / "models", log=tmp_path / "log") as gateway:
        files = [("image", (path.name, path.read_bytes())) for path in photographs]
        answer = httpx.post(f"{gateway.url}/predict", files=files, timeout=60).json()

    right = [
        prediction["label"] == path.parent.name
        for prediction, path in zip(answer["predictions"], photographs, strict=True)
    ]
    assert sum(right) >= 18
    assert len(right) == 20
