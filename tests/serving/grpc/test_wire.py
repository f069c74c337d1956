"""A message is weighed before it is parsed."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from contract.errors import MiwakeError
from serving.errors import BodyTooLargeError, MalformedBodyError
from serving.grpc.infer_messages import parse
from serving.grpc.messages import inference_pb2 as pb
from serving.oip.image_input import MAX_LISTED_VALUES

Request = pb.ModelInferRequest


def large_request() -> pb.ModelInferRequest:
    """As large as one that is let in may be: 1024 files, one by one, and as many numbers."""
    tensor = Request.InferInputTensor(name="image", datatype="BYTES", shape=[1024])
    tensor.contents.bytes_contents.extend([b"a file"] * 1024)
    request = Request(model_name="toy", inputs=[tensor], raw_input_contents=[bytes(8_000_000)])
    request.parameters["timeout"].int64_param = 5
    return request


def test_a_message_that_is_well_comes_through() -> None:
    request = large_request()

    assert parse(request.SerializeToString(), Request) == request


CROWDED = {
    "empty tensors": b"\x2a\x00" * 500_000,
    "empty outputs": b"\x32\x00" * 500_000,
    "empty files": b"\x2a\x84\x89\x7a\x2a\x80\x89\x7a" + b"\x42\x00" * 1_000_000,
    "parameters": b"".join(b"\x22\x05\x0a\x03%03x" % (n % 4096) for n in range(100_000)),
    "unknown fields": b"\x98\x06\x01" * 500_000,
    "numbers one by one": b"\x2a\x82\xb5\x18\x2a\xfe\xb4\x18" + b"\x20\x01" * 199_999,
    "numbers in a row": b"\x2a\x85\x89\x7a\x2a\x81\x89\x7a\x22\xfd\x88\x7a" + b"\x01" * 1_999_997,
    "a shape without end": b"\x2a\x84\x89\x7a\x1a\x80\x89\x7a" + b"\x01" * 2_000_000,
}


@pytest.mark.parametrize("data", CROWDED.values(), ids=CROWDED)
def test_a_message_that_would_become_much_larger_is_refused_without_the_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLargeError):
            parse(data, Request)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2_000_000


def test_numbers_up_to_the_limit_are_let_in() -> None:
    tensor = Request.InferInputTensor(name="images", datatype="UINT8", shape=[1])
    tensor.contents.uint_contents.extend([255] * (MAX_LISTED_VALUES - 8))
    request = Request(inputs=[tensor])

    parsed = parse(request.SerializeToString(), Request)

    assert len(parsed.inputs[0].contents.uint_contents) == MAX_LISTED_VALUES - 8


BROKEN = {
    "a length beyond the end": b"\x2a\x7f",
    "a length of more than 2**63": b"\x2a" + b"\xff" * 9 + b"\x01",
    "a number without an end": b"\x2a" + b"\xff" * 20,
    "a tag alone": b"\x2a",
    "a group": b"\x2b\x2c",
    "eight bytes that are not there": b"\x29\x00",
    "text that is no text": b"\x0a\x02\xff\xfe",
    "a tensor that ends early": b"\x2a\x02\x0a\x7f",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_no_message_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        parse(data, Request)


def test_a_damaged_message_is_either_read_or_refused() -> None:
    """2,000 messages, each with a few bytes changed: nothing but our own errors comes out."""
    rng = random.Random(4)  # noqa: S311 - a test
    tensor = Request.InferInputTensor(name="image", datatype="BYTES", shape=[2, 1])
    request = Request(model_name="toy", id="7", inputs=[tensor], raw_input_contents=[b"\1\0\0\0a"])
    request.outputs.add(name="label").parameters["classification"].int64_param = 2
    good = request.SerializeToString()
    refused = 0
    for _ in range(2000):
        data = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            parse(bytes(data), Request)
        except MiwakeError:
            refused += 1

    assert 0 < refused < 2000
