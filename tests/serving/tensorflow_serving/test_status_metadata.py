"""Status and metadata by TensorFlow Serving's REST API."""

from __future__ import annotations

import json

from modelserver.errors import ModelServerAwayError
from modelserver.models_file import ModelEntry, ModelsFile
from modelserver.protocol import VersionState
from tests.fake_model_server import FakeModelServer, FakeVersion, constant
from tests.serving.gateway_client import gateway


async def test_status_is_as_tensorflow_serving_writes_it() -> None:
    async with gateway(FakeModelServer()) as client:
        response = await client.get("/v1/models/toy")

    assert response.json() == {
        "model_version_status": [
            {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
    }


async def test_status_of_one_version_by_number_and_by_label() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(), 2: FakeVersion()}})
    models = ModelsFile(default="toy", models={"toy": ModelEntry(aliases={"stable": 1})})

    async with gateway(server, models=models) as client:
        every = await client.get("/v1/models/toy")
        one = [
            (await client.get(path)).json()["model_version_status"]
            for path in ("/v1/models/toy/versions/1", "/v1/models/toy/labels/stable")
        ]

    assert [status["version"] for status in every.json()["model_version_status"]] == ["2", "1"]
    assert [[status["version"] for status in statuses] for statuses in one] == [["1"], ["1"]]


async def test_a_version_that_may_not_answer_is_not_called_available() -> None:
    broken, lost = FakeVersion(network=constant(0.1, 0.2, 0.7)), FakeVersion()
    lost.state, lost.error = VersionState.END, "/srv/secret: no such file"
    server = FakeModelServer({"toy": {1: FakeVersion(), 2: broken, 3: lost}})

    async with gateway(server) as client:
        statuses = (await client.get("/v1/models/toy")).json()["model_version_status"]

    by_version = {status["version"]: status for status in statuses}
    assert by_version["1"]["state"] == "AVAILABLE"
    assert by_version["2"]["state"] in {"LOADING", "END"}
    assert (by_version["3"]["state"], by_version["3"]["status"]["error_code"]) == ("END", "UNKNOWN")
    assert "secret" not in json.dumps(statuses)


async def test_metadata_tells_the_signatures_that_take_images() -> None:
    async with gateway(FakeModelServer()) as client:
        response = await client.get("/v1/models/toy/metadata")

    answer = response.json()
    assert answer["model_spec"] == {"name": "toy", "signature_name": "", "version": "1"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert signatures.keys() == {"serving_default", "explain", "embed"}
    assert signatures["serving_default"] == {
        "inputs": {
            "images": {
                "dtype": "DT_UINT8",
                "tensor_shape": {
                    "dim": [{"size": size, "name": ""} for size in ("-1", "8", "8", "3")],
                    "unknown_rank": False,
                },
                "name": "",
            }
        },
        "outputs": {
            "probabilities": {
                "dtype": "DT_FLOAT",
                "tensor_shape": {
                    "dim": [{"size": "-1", "name": ""}, {"size": "3", "name": ""}],
                    "unknown_rank": False,
                },
                "name": "",
            }
        },
        "method_name": "tensorflow/serving/predict",
    }
    assert signatures["explain"]["inputs"]["class_index"]["dtype"] == "DT_INT32"


async def test_the_state_of_a_model_is_not_known_while_its_model_server_is_away() -> None:
    server = FakeModelServer()
    server.error = ModelServerAwayError("away")
    async with gateway(server, ready=False) as client:
        response = await client.get("/v1/models/toy")

    assert (response.status_code, list(response.json())) == (503, ["error"])
