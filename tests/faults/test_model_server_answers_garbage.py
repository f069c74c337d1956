"""Whatever a model server answers, a client gets a right label or an honest error."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import numpy as np
import pytest

from contract import signatures
from modelserver.messages import prediction_pb2 as pb
from modelserver.tensors import to_message
from tests.colour_server import ColourServer, colour_gateway, in_thread
from tests.pictures import colour_picture, encoded

pytestmark = pytest.mark.slow

Spoil = Callable[[pb.PredictResponse], None]
OUTPUT = signatures.PROBABILITIES


@pytest.fixture(scope="module")
def server() -> ColourServer:
    return ColourServer()


@pytest.fixture(scope="module")
def url(server: ColourServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("gateway")
    with in_thread(server) as address, colour_gateway(address, folder) as gateway:
        yield gateway.url


def answering(array: np.ndarray) -> Spoil:
    return lambda response: response.outputs[OUTPUT].CopyFrom(to_message(array))


def changed(change: Callable[[pb.Tensor], object]) -> Spoil:
    return lambda response: (change(response.outputs[OUTPUT]), None)[1]


def other_type(tensor: pb.Tensor) -> None:
    tensor.dtype = pb.DT_INT32


def short(tensor: pb.Tensor) -> None:
    tensor.tensor_content = tensor.tensor_content[:-3]


def unknown_type(tensor: pb.Tensor) -> None:
    tensor.dtype = 99  # type: ignore[assignment]


GARBAGE: dict[str, Spoil] = {
    "too few rows": answering(np.zeros((0, 3), np.float32)),
    "too many rows": answering(np.full((64, 3), 1 / 3, np.float32)),
    "a row of another length": answering(np.full((1, 4), 1 / 4, np.float32)),
    "no batch dimension": answering(np.full(3, 1 / 3, np.float32)),
    "not a number": answering(np.full((1, 3), np.nan, np.float32)),
    "infinite": answering(np.full((1, 3), np.inf, np.float32)),
    "integers": answering(np.ones((1, 3), np.int32)),
    "bytes taken for another type": changed(other_type),
    "an unknown type": changed(unknown_type),
    "fewer bytes than announced": changed(short),
    "negative shape": changed(lambda tensor: tensor.tensor_shape.dim[0].__setattr__("size", -1)),
    "enormous shape": changed(lambda tensor: tensor.tensor_shape.dim[0].__setattr__("size", 2**40)),
    "no output": lambda response: response.outputs.clear(),
    "an output of another name": lambda response: (
        response.outputs["scores"].CopyFrom(response.outputs[OUTPUT]),
        response.outputs.pop(OUTPUT),
        None,
    )[2],
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_502_and_the_next_right_answer_is_given(
    url: str, server: ColourServer, garbage: str
) -> None:
    server.spoil = GARBAGE[garbage]
    spoiled = httpx.post(f"{url}/predict", content=colour_picture("green"))
    server.spoil = lambda _: None
    right = httpx.post(f"{url}/predict", content=colour_picture("green"))

    assert (spoiled.status_code, spoiled.json()["code"]) == (502, "contract_broken")
    assert right.json()["predictions"][0]["label"] == "green"


def test_a_huge_answer_is_read_and_what_is_of_no_use_is_left(url: str, server: ColourServer) -> None:
    def huge(response: pb.PredictResponse) -> None:
        response.outputs["more"].CopyFrom(to_message(np.zeros(32 * 1024 * 1024, np.uint8)))

    server.spoil = huge
    response = httpx.post(f"{url}/predict", content=colour_picture("blue"), timeout=60)
    server.spoil = lambda _: None

    assert response.json()["predictions"][0]["label"] == "blue"


def test_a_request_without_an_image_that_can_be_read_is_never_sent(url: str, server: ColourServer) -> None:
    before = len(server.batch_sizes)
    answers = [
        httpx.post(f"{url}/predict", content=b""),
        httpx.post(f"{url}/predict", content=b"no picture"),
        httpx.post(f"{url}/predict", content=encoded()[:60]),
        httpx.post(f"{url}/predict", json={"images": []}),
        httpx.post(f"{url}/predict", files=[("image", ("a", b"bad")), ("image", ("b", b"worse"))]),
        httpx.post(f"{url}/predict", files=[("other", ("a", encoded()))]),
    ]

    assert {400 <= answer.status_code < 500 for answer in answers} == {True}
    assert len(server.batch_sizes) == before
    assert min(server.batch_sizes) >= 1
