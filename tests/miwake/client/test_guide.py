"""docs/guides/python-client.md: its examples run as they stand."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.manifest import Manifest
from modelserver.models_file import ModelEntry, ModelsFile
from tests.colour_server import colour_manifest, probabilities
from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.pictures import colour_picture
from tests.serving.gateway_thread import gateway_at_port

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "python-client.md"
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MODELS = ModelsFile(default="flowers", models={"flowers": ModelEntry(aliases={"stable": 1})})


def flowers() -> Manifest:
    """Of a model that takes red for a rose, green for a tulip and blue for a bluebell."""
    return dataclasses.replace(colour_manifest(name="flowers"), labels=("rose", "tulip", "bluebell"))


@pytest.fixture
def url() -> Iterator[str]:
    server = FakeModelServer({"flowers": {1: FakeVersion(flowers(), network=probabilities)}})
    with gateway_at_port(server, models=MODELS) as url:
        yield url


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    (tmp_path / "rose.jpg").write_bytes(colour_picture("red"))
    (tmp_path / "tulip.jpg").write_bytes(colour_picture("green"))
    (tmp_path / "notes.jpg").write_bytes(b"text")
    (tmp_path / "alice.key").write_text("mwk_alices\n")
    return tmp_path


def test_the_examples_run_as_they_stand(
    url: str, photographs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(photographs)
    examples = EXAMPLE.findall(GUIDE.read_text("utf-8"))
    assert len(examples) == 7

    names: dict[str, object] = {}
    for number, example in enumerate(examples, start=1):
        code = compile(example.replace("http://127.0.0.1:8000", url), f"example {number}", "exec")
        exec(code, names)  # noqa: S102 - that is the test

    printed = capsys.readouterr().out.splitlines()
    assert {
        "rose 0.999992 flowers 1",
        "tulip.jpg tulip",
        "rose.jpg rose",
        "flowers True 1",
        "('rose', 'tulip', 'bluebell')",
        "rose.jpg",
        "True order-7",
    } <= set(printed)
    assert any(line.startswith("notes.jpg unsupported_format ") for line in printed)
    assert any(line.startswith("model_not_found 404 ") for line in printed)
    assert (photographs / "why-tulip.png").read_bytes().startswith(b"\x89PNG")
