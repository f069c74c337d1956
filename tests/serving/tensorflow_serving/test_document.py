"""JSON in which long lists of whole numbers become arrays, and hostile JSON becomes an error."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from serving.errors import BodyTooLargeError, MalformedBodyError
from serving.tensorflow_serving.document import read_document

PIXELS = np.random.default_rng(7).integers(0, 256, (3, 5, 4, 3))


def read(text: str | bytes, *, max_values: int = 10_000, max_structure: int = 64) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return read_document(data, max_values=max_values, max_structure=max_structure)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(PIXELS.tolist()),
        json.dumps(PIXELS.tolist(), separators=(",", ":")),
        json.dumps(PIXELS.tolist(), indent=2),
        json.dumps(PIXELS.astype(float).tolist()),
        json.dumps(PIXELS.tolist()).replace("[", " [ ").replace("]", "\r\n\t]"),
        re.sub("([0-9])([],])", r"\1.00 \2", json.dumps(PIXELS.tolist())),
    ],
    ids=["default", "compact", "indented", "floats", "spacious", "zeros"],
)
def test_a_list_of_whole_numbers_is_an_array_however_it_is_written(text: str) -> None:
    array = read(text)

    assert array.dtype == np.uint16
    np.testing.assert_array_equal(array, PIXELS)


@pytest.mark.parametrize(
    "value",
    [[7], [[1], [2]], [[[[[[[[5]]]]]]]], [0, 65535, 10, 9, 255, 256], [[0] * 40] * 3],
)
def test_any_regular_shape_is_read_as_numpy_would(value: Any) -> None:
    np.testing.assert_array_equal(read(json.dumps(value)), np.array(value))


def test_a_list_longer_than_a_block_is_read_whole() -> None:
    values = np.arange(600_000) % 65_536

    array = read(json.dumps(values.tolist()), max_values=600_000)

    np.testing.assert_array_equal(array, values)


def test_the_rest_of_the_document_is_as_json_has_it() -> None:
    document = {
        "signature_name": 'a "quoted" [1, 2] \\ name',
        "instances": [{"images": [[1, 2]], "class_index": 3}, {"b64": "[4,5]", "images": [6.5, -1]}, []],
        "other": [None, True, "é", 1e3, {"deep": [[0]]}],
    }

    read_back = read(json.dumps(document))

    np.testing.assert_array_equal(read_back["instances"][0].pop("images"), [[1, 2]])
    np.testing.assert_array_equal(read_back["other"][4].pop("deep"), [[0]])
    del document["instances"][0]["images"], document["other"][4]["deep"]
    assert read_back == document


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[1,2],[3]]", "ragged"),
        ("[[1,2],3]", "ragged"),
        ("[1,[2,3]]", "ragged"),
        ("[[1,2],[3,4]],[5]", "ragged|JSON"),
        ("[[[[1],1],1],1]", "ragged"),
        ("{[1,2]: 3}", "a list stands where a name must"),
        ("[1,,2]", "not JSON"),
        ("[,1]", "not JSON"),
        ("[1,]", "not JSON"),
        ("[1 2]", "not JSON"),
        ("[1 2,3]", "not JSON"),
        ("[01]", "not JSON"),
        ("[[1]2]", "ragged|not JSON"),
        ("[[1,]2]", "ragged|not JSON"),
        ("[1[2]]", "ragged|not JSON"),
        ("[[1],[]]", "ragged|not JSON"),
        ("[1.5]", "not whole"),
        ("[1.]", "not whole"),
        ("[.5]", "not whole"),
        ("[1.0.0]", "not JSON"),
        ("[65536]", "too large"),
        ("[123456]", "too large"),
        ("[99999999999999999999999]", "too large"),
        ("[NaN]", "NaN"),
        ("[1, Infinity]", "NaN"),
        ("[1, -Infinity]", "NaN"),
        ("[[[[[[[[[1]]]]]]]]]", "dimensions"),
        ("[1", "JSON"),
        ("[1]]", "JSON"),
        ('{"a": [1}', "JSON"),
        ('"never ends', "JSON"),
        ("", "empty"),
        ('"a\\u0000b"', "NUL"),
        ("[" * 60, "JSON"),
    ],
)
def test_what_is_no_such_json_is_refused(text: str, why: str) -> None:
    with pytest.raises(MalformedBodyError, match=why):
        read(text)


def test_more_numbers_than_the_images_need_are_refused() -> None:
    with pytest.raises(BodyTooLargeError, match="more than 100 numbers"):
        read(json.dumps([1] * 101), max_values=100)


@pytest.mark.parametrize("value", ["null", "-1", "1e2", '"x"', "true"])
def test_a_long_list_with_something_else_in_it_says_so(value: str) -> None:
    text = "[" + "1," * 1000 + value + ",1" * 1000 + "]"

    with pytest.raises(MalformedBodyError, match="whole numbers"):
        read(text)


HOSTILE = 2_000_000


@pytest.mark.parametrize(
    "data",
    [
        b"[" * HOSTILE,
        b"]" * HOSTILE,
        b"[1" + b"]" * HOSTILE,
        b"[1],".ljust(HOSTILE, b" "),
        b'[{"a":1},' * (HOSTILE // 9),
        b"[]," * (HOSTILE // 3),
        b"[{" * (HOSTILE // 2),
        b"[-" * (HOSTILE // 2),
        b'"\\' + b'"\\' * (HOSTILE // 2),
        b'""' * (HOSTILE // 2),
        b'"a",' * (HOSTILE // 4),
        b"{}," * (HOSTILE // 3),
        b"[1]a" * (HOSTILE // 4),
        b"[" + b"1 " * (HOSTILE // 2) + b"]",
        b"[" + b"[1]," * (HOSTILE // 4) + b"1]",
        b"[" + b"0." * (HOSTILE // 2) + b"]",
        b"[" + b"0" * HOSTILE + b"]",
        b"[1," + b" " * HOSTILE + b"1]",
    ],
    ids=lambda data: repr(data[:12]),
)
@pytest.mark.timeout(20)
def test_a_hostile_document_is_refused_in_no_time(data: bytes) -> None:
    """The limit of 20 s is far from what it takes, and near to nothing that grows with the square."""
    try:
        read(data, max_values=HOSTILE)
    except (MalformedBodyError, BodyTooLargeError):
        return
    assert data.startswith(b"[1,  ")  # the one that is only spacious


@pytest.mark.parametrize("seed", range(20))
def test_mutated_documents_read_as_json_reads_them_or_not_at_all(seed: int) -> None:
    random = np.random.default_rng(seed)
    text = json.dumps({"instances": PIXELS[:1, :2, :2].tolist(), "name": 'x"[1]'}).encode()
    for _ in range(300):
        data = bytearray(text)
        for _ in range(int(random.integers(1, 4))):
            data[int(random.integers(len(data)))] = random.choice(list(b'[]{},:0129. "\\-'))
        try:
            ours = read(bytes(data))
        except (MalformedBodyError, BodyTooLargeError):
            continue
        assert _plain(ours) == json.loads(data)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value
