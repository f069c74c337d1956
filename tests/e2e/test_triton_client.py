"""Triton's stock client, unchanged, against `miwake serve`: over HTTP and gRPC, blocking and with asyncio."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from contract.image import decode
from tests.gateway_process import GatewayProcess, free_port
from tests.triton_environment import PYTHON, needs_tritonclient

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow, needs_tritonclient]

CLIENT = Path(__file__).with_name("triton_client.py")
KINDS = ("http", "http-aio", "grpc", "grpc-aio")


@dataclass(frozen=True, kw_only=True)
class Served:
    """A gateway, and what each kind of client was told by it."""

    gateway: GatewayProcess
    grpc_port: int
    picture: Path
    pixels: Path

    def address(self, kind: str) -> str:
        return f"127.0.0.1:{self.grpc_port if kind.startswith('grpc') else self.gateway.port}"

    @functools.cache  # noqa: B019 - lives as long as the tests of this file
    def told(self, kind: str) -> dict[str, Any]:
        command = [PYTHON, CLIENT, kind, self.address(kind), self.picture, self.pixels]
        finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert finished.returncode == 0, finished.stderr
        told: dict[str, Any] = json.loads(finished.stdout)
        return told

    @functools.cached_property
    def native(self) -> dict[str, Any]:
        """What the native API says of the picture."""
        response = httpx.post(f"{self.gateway.url}/predict", content=self.picture.read_bytes())
        prediction: dict[str, Any] = response.json()["predictions"][0]
        return prediction


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from tests.colour_model import COLOURS, SPEC, colour_picture, publish_colours

    folder = tmp_path_factory.mktemp("triton")
    publish_colours(folder / "models" / "colours", labels=COLOURS)
    picture, pixels = folder / "picture.png", folder / "pixels.npy"
    picture.write_bytes(colour_picture("green"))
    np.save(pixels, decode(colour_picture("green"), SPEC)[np.newaxis])
    port = free_port()
    environment = {"MIWAKE_GRPC_PORT": str(port), "MIWAKE_DRAIN_SECONDS": "0.1"}
    with GatewayProcess(folder / "models", log=folder / "log", environment=environment) as gateway:
        yield Served(gateway=gateway, grpc_port=port, picture=picture, pixels=pixels)


@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_the_gateway_and_its_model_live_and_ready(served: Served, kind: str) -> None:
    told = served.told(kind)

    assert [told[name] for name in ("live", "ready", "model ready", "version ready")] == [True] * 4
    assert told["other version ready"] is False


@pytest.mark.parametrize("kind", KINDS)
def test_it_reads_metadata_configuration_and_index(served: Served, kind: str) -> None:
    told = served.told(kind)

    assert told["server metadata"]["name"] == "miwake"
    assert [tensor["name"] for tensor in told["model metadata"]["inputs"]] == ["image", "images"]
    assert "colours" in json.dumps(told["model config"])
    assert "READY" in json.dumps(told["index"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("question", ["encoded", "pixels", "by version", "with time"])
def test_the_answer_is_that_of_the_native_api(served: Served, kind: str, question: str) -> None:
    answer = served.told(kind)[question]

    native = {one["label"]: one["probability"] for one in served.native["top"]}
    assert answer["label"] == [served.native["label"]]
    assert np.round(answer["probability"], 6).tolist() == [served.native["probability"]]
    answered = dict(
        zip(("red", "green", "blue"), np.round(answer["probabilities"][0], 6).tolist(), strict=True)
    )
    assert answered == native
    assert answer["version"] == "1"


@pytest.mark.parametrize("kind", KINDS)
def test_the_id_comes_back(served: Served, kind: str) -> None:
    assert served.told(kind)["encoded"]["id"] == "job-7"


@pytest.mark.parametrize("kind", KINDS)
def test_two_images_get_two_answers(served: Served, kind: str) -> None:
    assert served.told(kind)["two"]["label"] == ["green", "green"]


@pytest.mark.parametrize("kind", KINDS)
def test_class_count_gives_the_best_as_text(served: Served, kind: str) -> None:
    answer = served.told(kind)["classes"]

    probability, index, label = answer["probabilities"][0][0].split(":")
    assert (index, label) == ("1", "green")
    assert float(probability) == served.native["probability"]
    assert len(answer["probabilities"][0]) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings_and_heat_maps_come_where_asked_for(served: Served, kind: str) -> None:
    answer = served.told(kind)["all outputs"]

    assert np.linalg.norm(answer["embeddings"][0]) == pytest.approx(1)
    assert np.shape(answer["heatmaps"]) == (1, 8, 8)
    assert answer["label"] == ["green"]


@pytest.mark.parametrize("kind", ["http", "http-aio"])
@pytest.mark.parametrize("question", ["json", "gzip"])
def test_json_tensors_and_compressed_bodies_are_taken(served: Served, kind: str, question: str) -> None:
    assert served.told(kind)[question]["label"] == ["green"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("question", "http_status", "grpc_status", "part"),
    [
        ("no such model", "404", "NOT_FOUND", "nope"),
        ("no such version", "404", "NOT_FOUND", "9"),
        ("no such output", "400", "INVALID_ARGUMENT", "logits"),
        ("a bad image", "415", "INVALID_ARGUMENT", "image 1"),
        ("other pixels", "422", "INVALID_ARGUMENT", "8"),
        ("no time", "504", "DEADLINE_EXCEEDED", ""),
        ("load", "405", "UNIMPLEMENTED", "operator"),
    ],
)
def test_a_refusal_is_the_clients_own_exception(  # noqa: PLR0913, PLR0917 - a table
    served: Served, kind: str, question: str, http_status: str, grpc_status: str, part: str
) -> None:
    refused = served.told(kind)[question]

    expected = f"StatusCode.{grpc_status}" if kind.startswith("grpc") else http_status
    assert refused["status"] == expected, refused
    assert part in refused["message"]
