"""ModelInfer over a real socket."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
import numpy as np
import pytest

from contract.errors import MiwakeError
from modelserver.errors import ModelServerAwayError, OverloadedError
from serving.grpc.messages import inference_pb2 as pb
from tests.fake_model_server import FakeModelServer
from tests.serving.grpc.caller import PNG, caller, encoded_request, pixels_request, until_in_flight

Tensor = pb.ModelInferRequest.InferInputTensor
Output = pb.ModelInferRequest.InferRequestedOutputTensor


def values(answer: pb.ModelInferResponse) -> dict[str, Any]:
    kinds = {"FP32": lambda raw: np.frombuffer(raw, "<f4").tolist(), "BYTES": lambda raw: raw}
    return {
        output.name: kinds[output.datatype](raw)
        for output, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
    }


async def refusal(request: pb.ModelInferRequest, **changes: Any) -> grpc.aio.AioRpcError:
    async with caller(FakeModelServer(), **changes) as calls:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await calls.infer(request)
    return caught.value


async def test_an_encoded_image_gets_its_label_and_the_id_comes_back() -> None:
    async with caller(FakeModelServer()) as calls:
        answer = await calls.infer(encoded_request(PNG, id="job-7"))

    assert (answer.model_name, answer.model_version, answer.id) == ("toy", "1", "job-7")
    assert values(answer)["label"] == b"\x03\x00\x00\x00cat"
    assert values(answer)["probabilities"] == pytest.approx([0.7, 0.2, 0.1])


async def test_values_may_come_as_contents() -> None:
    files = Tensor(name="image", datatype="BYTES", shape=[1, 1])
    files.contents.bytes_contents.append(PNG)
    numbers = Tensor(name="images", datatype="UINT8", shape=[1, 8, 8, 3])
    numbers.contents.uint_contents.extend([7] * 192)

    async with caller(FakeModelServer()) as calls:
        for tensor in (files, numbers):
            answer = await calls.infer(pb.ModelInferRequest(model_name="toy", inputs=[tensor]))
            assert values(answer)["label"] == b"\x03\x00\x00\x00cat"


async def test_outputs_are_those_asked_for() -> None:
    classes = Output(name="probabilities")
    classes.parameters["classification"].int64_param = 1
    asked = [Output(name="embeddings"), classes, Output(name="heatmaps")]

    async with caller(FakeModelServer()) as calls:
        answer = await calls.infer(encoded_request(PNG, outputs=asked))

    assert [(one.name, list(one.shape)) for one in answer.outputs] == [
        ("embeddings", [1, 2]),
        ("probabilities", [1, 1]),
        ("heatmaps", [1, 8, 8]),
    ]
    assert values(answer)["probabilities"] == b"\x0e\x00\x00\x000.700000:0:cat"


def with_contents_of_pixels(*numbers: int) -> pb.ModelInferRequest:
    tensor = Tensor(name="images", datatype="UINT8", shape=[1, 8, 8, 3])
    tensor.contents.uint_contents.extend(numbers)
    return pb.ModelInferRequest(model_name="toy", inputs=[tensor])


def with_timeout(text: str) -> pb.ModelInferRequest:
    request = encoded_request(PNG)
    request.parameters["timeout"].string_param = text
    return request


REFUSED = {
    "no inputs": (pb.ModelInferRequest(model_name="toy"), "INVALID_ARGUMENT"),
    "no values": (pixels_request(raw_input_contents=[]), "INVALID_ARGUMENT"),
    "too few bytes": (pixels_request(raw_input_contents=[bytes(191)]), "INVALID_ARGUMENT"),
    "bytes for two": (pixels_request(raw_input_contents=[bytes(192)] * 2), "INVALID_ARGUMENT"),
    "contents of too few": (with_contents_of_pixels(1, 2), "INVALID_ARGUMENT"),
    "contents beyond a byte": (with_contents_of_pixels(*[256] * 192), "INVALID_ARGUMENT"),
    "no such version": (encoded_request(PNG, model_version="9"), "NOT_FOUND"),
    "no such output": (encoded_request(PNG, outputs=[Output(name="logits")]), "INVALID_ARGUMENT"),
    "a timeout of a word": (with_timeout("soon"), "INVALID_ARGUMENT"),
    "a bad image": (encoded_request(PNG, b"text"), "INVALID_ARGUMENT"),
    "too many images": (encoded_request(*[PNG] * 65), "RESOURCE_EXHAUSTED"),
}


@pytest.mark.parametrize(("request_message", "status"), REFUSED.values(), ids=REFUSED)
async def test_a_bad_request_is_refused_in_one_line(
    request_message: pb.ModelInferRequest, status: str
) -> None:
    error = await refusal(request_message)

    assert error.code().name == status, error.details()
    assert 0 < len(error.details() or "") < 300


async def test_an_unknown_model_is_not_found_and_the_code_is_in_the_trailers() -> None:
    request = encoded_request(PNG)
    request.model_name = "nope" * 10_000

    error = await refusal(request)

    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert len(error.details() or "") <= 1024
    assert dict(error.trailing_metadata())["miwake-code"] == "model_not_found"


async def test_a_bad_image_among_good_ones_fails_the_request_and_is_named() -> None:
    error = await refusal(encoded_request(PNG, PNG, b"text"))

    assert (error.details() or "").startswith("image 2: ")
    assert dict(error.trailing_metadata())["miwake-code"] == "unsupported_format"


async def test_bytes_that_are_no_message_are_the_clients_fault() -> None:
    async with caller(FakeModelServer()) as calls:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await calls.raw("/inference.GRPCInferenceService/ModelInfer", b"\x2a\x7f", pb.ModelInferResponse)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_message_larger_than_a_body_may_be_is_refused() -> None:
    error = await refusal(encoded_request(PNG + bytes(2_000_000)), max_body_bytes=1_000_000)

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_compressed_message_is_taken_and_limited_by_what_it_becomes() -> None:
    options = {"compression": grpc.Compression.Gzip}
    async with caller(FakeModelServer(), max_body_bytes=1_000_000) as calls:
        answer = await calls.infer(encoded_request(PNG), **options)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await calls.infer(encoded_request(bytes(50_000_000)), **options)

    assert values(answer)["label"] == b"\x03\x00\x00\x00cat"
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ModelServerAwayError("away"), "UNAVAILABLE"),
        (OverloadedError("full"), "UNAVAILABLE"),
    ],
)
async def test_what_may_be_tried_again_is_unavailable(error: MiwakeError, status: str) -> None:
    server = FakeModelServer()
    async with caller(server) as calls:
        server.predict_error = error
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await calls.infer(encoded_request(PNG))

    assert caught.value.code().name == status


async def test_an_unexpected_error_is_internal_without_its_text() -> None:
    def broken(images: Any) -> Any:
        raise RuntimeError(f"/srv/secret {len(images)}")

    server = FakeModelServer()
    async with caller(server) as calls:
        server.models["toy"][1].network = broken
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await calls.infer(encoded_request(PNG))

    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in (caught.value.details() or "")


async def test_the_clients_deadline_ends_the_work() -> None:
    server = FakeModelServer()
    async with caller(server, timeout_seconds=60) as calls:
        server.predict_gate = asyncio.Event()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await calls.infer(encoded_request(PNG), timeout=0.2)
        await until_in_flight(calls, 0)
        metrics = (await calls.http.get("/metrics")).text

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert 'route="grpc:ModelInfer",status="504"' in metrics


async def test_tritons_timeout_spends_the_deadline() -> None:
    request = encoded_request(PNG)
    request.parameters["timeout"].int64_param = 100_000
    server = FakeModelServer()
    async with caller(server, timeout_seconds=60) as calls:
        server.predict_gate = asyncio.Event()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await calls.infer(request)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert dict(caught.value.trailing_metadata())["miwake-code"] == "deadline_exceeded"
