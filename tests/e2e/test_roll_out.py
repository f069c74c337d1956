"""`miwake models` in front of a gateway and a model server that both run already, as in production."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.gateway_process import GatewayProcess

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


def run(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "miwake", "models", *map(str, arguments)], check=True)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """`colours` in versions 1 and 2, of different labels, and `legacy`, made elsewhere."""
    from tests.colour_model import publish_colours
    from tests.foreign_model import sidecar_toml

    models = tmp_path / "models"
    for version in "12":
        publish_colours(models / "colours", labels=(f"red{version}", f"green{version}", f"blue{version}"))
    (models / "legacy.toml").write_text(sidecar_toml())
    (models / "models.toml").write_text(
        'default = "colours"\n[models.colours]\n[models.legacy]\nsidecar = "legacy.toml"\n'
    )
    return models


@pytest.fixture
def address(models: Path) -> Iterator[str]:
    """Of a model server that serves what models.config says, and goes on reading it."""
    run("config", models)
    flags = (f"--model_config_file={models / 'models.config'}", "--model_config_file_poll_wait_seconds=1")
    with subprocess.Popen(
        [sys.executable, "-m", "serving.embedded", *flags, "--port=0"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1]
        server.terminate()


def top(gateway: GatewayProcess, content: bytes, *, path: str = "/predict") -> tuple[int, str]:
    """(version, label) of an answer; nothing is known of it while a version changes."""
    response = httpx.post(f"{gateway.url}{path}", content=content, timeout=30)
    if response.is_error:
        return 0, response.json()["code"]
    body = response.json()
    return body["version"], body["predictions"][0]["label"]


def wait_for(gateway: GatewayProcess, content: bytes, expected: tuple[int, str]) -> None:
    give_up = time.monotonic() + 30
    while (answer := top(gateway, content)) != expected:
        assert time.monotonic() < give_up, answer
        time.sleep(0.1)


def test_promotion_and_roll_back_change_which_version_answers(
    models: Path, address: str, tmp_path: Path
) -> None:
    from tests.colour_model import colour_picture

    red = colour_picture("red")
    with GatewayProcess(models, "--model-server", address, log=tmp_path / "log") as gateway:
        assert top(gateway, red) == (2, "red2")

        run("promote", models, "colours", 1)
        wait_for(gateway, red, (1, "red1"))
        run("promote", models, "colours", 2)
        wait_for(gateway, red, (2, "red2"))
        run("rollback", models, "colours")
        wait_for(gateway, red, (1, "red1"))
        assert top(gateway, red, path="/predict?version_label=previous") == (2, "red2")


def test_a_model_made_elsewhere_answers_as_keras_does(models: Path, tmp_path: Path) -> None:
    from contract.image import decode
    from contract.image_spec import ImageSpec
    from tests.foreign_model import write_foreign_model
    from tests.pictures import encoded

    model = write_foreign_model(models / "legacy" / "3")
    picture = encoded()
    with GatewayProcess(models, "--model-server", "embedded", log=tmp_path / "log") as gateway:
        give_up = time.monotonic() + 30
        while (response := httpx.post(f"{gateway.url}/models/legacy/predict", content=picture)).is_error:
            assert time.monotonic() < give_up, response.text
            time.sleep(0.1)

    pixels = decode(picture, ImageSpec(height=8, width=8))
    expected = np.asarray(model(pixels[None].astype(np.float32) / 255))[0]
    answered = {c["label"]: c["probability"] for c in response.json()["predictions"][0]["top"]}
    assert response.json()["version"] == 3
    np.testing.assert_allclose([answered[label] for label in ("cat", "dog", "owl")], expected, atol=1e-5)
