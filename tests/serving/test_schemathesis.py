"""The OpenAPI document against the gateway itself: whatever it promises is asked, and more."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from modelserver.models_file import ModelEntry, ModelsFile
from serving.callers.new_keys import Allowance, add_key
from tests.fake_model_server import FakeModelServer
from tests.serving.gateway_thread import gateway_at_port

CONFIG = Path(__file__).with_name("schemathesis.toml")
MODELS = ModelsFile(default="toy", models={"toy": ModelEntry(aliases={"stable": 1})})
SECONDS = 1700


@pytest.fixture
def max_examples(request: pytest.FixtureRequest) -> int:
    return 200 if request.config.getoption("--prove") else 5


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_schemathesis_finds_nothing(max_examples: int, tmp_path: Path) -> None:
    with gateway_at_port(FakeModelServer(), models=MODELS) as url:
        finished = schemathesis(url, CONFIG, max_examples=max_examples, folder=tmp_path)

    assert finished.returncode == 0, finished.stdout
    assert cases(finished.stdout) > 1000


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_schemathesis_finds_no_way_around_the_keys(tmp_path: Path) -> None:
    keys_file, config = tmp_path / "keys.toml", tmp_path / "schemathesis.toml"
    keys_file.write_text("[keys]\n")
    key = add_key(keys_file, "shop", Allowance())
    config.write_text(f'{CONFIG.read_text()}\n[auth.openapi.apiKey]\napi_key = "{key}"\n')

    with gateway_at_port(FakeModelServer(), models=MODELS, keys_file=keys_file) as url:
        schema = tmp_path / "openapi.json"
        schema.write_bytes(httpx.get(f"{url}/openapi.json", headers={"x-api-key": key}).content)
        finished = schemathesis(url, config, max_examples=1, folder=tmp_path, location=str(schema))

    assert finished.returncode == 0, finished.stdout
    assert cases(finished.stdout) > 500


def schemathesis(
    url: str, config: Path, *, max_examples: int, folder: Path, location: str = ""
) -> subprocess.CompletedProcess[Any]:
    """Run in a folder of its own: it keeps a database of what it found."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)]
    options = ["--checks=all", f"--max-examples={max_examples}", "--continue-on-failure", "--seed=1"]
    where = [location or f"{url}/openapi.json", f"--url={url}", "--suppress-health-check=all"]
    return subprocess.run(
        [*command, "run", *where, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def cases(printed: str) -> int:
    """How many requests were made up."""
    found = re.search(r"([0-9]+) generated", printed)
    return int(found[1]) if found else 0
