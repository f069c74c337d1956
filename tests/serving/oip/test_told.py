"""What the protocol tells of the gateway and of its models."""

from __future__ import annotations

from contract.manifest import Manifest
from modelserver.models_file import ModelEntry, ModelsFile
from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.manifests import golden, manifest
from tests.serving.gateway_client import gateway
from tests.serving.oip.asking import PNG, listed, output


def newer() -> Manifest:
    return manifest(labels=("x", "y", "z"), golden=golden((0.1, 0.2, 0.7)))


async def test_a_gateway_that_can_answer_is_live_and_ready() -> None:
    async with gateway(FakeModelServer()) as client:
        live = await client.get("/v2/health/live")
        ready = await client.get("/v2/health/ready")
        server = await client.get("/v2")

    assert (live.json(), ready.json()) == ({"live": True}, {"ready": True})
    assert server.json()["name"] == "miwake"
    assert "binary_tensor_data" in server.json()["extensions"]


async def test_a_gateway_without_a_model_is_live_and_not_ready() -> None:
    async with gateway(FakeModelServer({}), ready=False) as client:
        live = await client.get("/v2/health/live")
        ready = await client.get("/v2/health/ready")
        model = await client.get("/v2/models/toy/ready")

    assert live.status_code == 200
    assert (ready.status_code, ready.json()) == (503, {"ready": False})
    assert (model.status_code, model.json()) == (503, {"name": "toy", "ready": False})


async def test_the_metadata_says_what_goes_in_and_comes_out() -> None:
    async with gateway(FakeModelServer()) as client:
        told = (await client.get("/v2/models/toy")).json()

    assert (told["name"], told["versions"], told["platform"]) == ("toy", ["1"], "tensorflow_savedmodel")
    assert told["inputs"] == [
        {"name": "image", "datatype": "BYTES", "shape": [-1]},
        {"name": "images", "datatype": "UINT8", "shape": [-1, 8, 8, 3]},
    ]
    assert {one["name"]: one["shape"] for one in told["outputs"]} == {
        "probabilities": [-1, 3],
        "label": [-1],
        "probability": [-1],
        "embeddings": [-1, -1],
        "heatmaps": [-1, 8, 8],
    }


async def test_the_shapes_told_are_those_that_are_answered() -> None:
    async with gateway(FakeModelServer()) as client:
        told = (await client.get("/v2/models/toy")).json()["outputs"]
        asked = [{"name": one["name"]} for one in told]
        response = await client.post(
            "/v2/models/toy/infer", json={"inputs": [listed(PNG, PNG)], "outputs": asked}
        )

    for one in told:
        answered = output(response, one["name"])
        assert answered["datatype"] == one["datatype"]
        assert len(answered["shape"]) == len(one["shape"])
        assert all(said in (-1, got) for said, got in zip(one["shape"], answered["shape"], strict=True))


async def test_the_configuration_leaves_the_batch_out_of_its_dimensions() -> None:
    async with gateway(FakeModelServer(), max_images_per_request=16) as client:
        told = (await client.get("/v2/models/toy/config")).json()

    assert told["max_batch_size"] == 16
    assert told["input"][1] == {"name": "images", "data_type": "TYPE_UINT8", "dims": [8, 8, 3]}
    assert told["output"][0] == {"name": "probabilities", "data_type": "TYPE_FP32", "dims": [3]}


async def test_a_version_is_addressed_by_number_or_by_an_alias_of_models_toml() -> None:
    server = FakeModelServer({"toy": {1: FakeVersion(), 2: FakeVersion(newer())}})
    models = ModelsFile(default="toy", models={"toy": ModelEntry(aliases={"stable": 1, "next": 2})})

    async with gateway(server, models=models) as client:
        unasked = await client.post("/v2/models/toy/infer", json={"inputs": [listed(PNG)]})
        by_alias = await client.post("/v2/models/toy/versions/next/infer", json={"inputs": [listed(PNG)]})
        statuses = [
            (await client.get(f"/v2/models/toy/versions/{version}/ready")).status_code
            for version in ("1", "next", "3", "nobody")
        ]
        told = (await client.get("/v2/models/toy/versions/2")).json()

    assert output(unasked, "label")["data"] == ["cat"]
    assert output(by_alias, "label")["data"] == ["z"]
    assert statuses == [200, 200, 503, 404]
    assert told["versions"] == ["2", "1"]


async def test_the_index_lists_every_version_with_the_reason_where_one_cannot_answer() -> None:
    broken = FakeVersion(newer(), network=FakeVersion().network)
    async with gateway(FakeModelServer({"toy": {1: FakeVersion(), 2: broken}})) as client:
        every = (await client.post("/v2/repository/index")).json()
        ready = (await client.post("/v2/repository/index", json={"ready": True})).json()

    assert [(one["version"], one["state"]) for one in every] == [("2", "UNAVAILABLE"), ("1", "READY")]
    assert "golden" in every[0]["reason"]
    assert [one["version"] for one in ready] == ["1"]


async def test_the_index_reads_no_more_of_a_body_than_it_needs() -> None:
    async with gateway(FakeModelServer()) as client:
        large = await client.post("/v2/repository/index", content=b" " * 100_000)
        broken = await client.post("/v2/repository/index", content=b"{")

    assert (large.status_code, broken.status_code) == (413, 400)
