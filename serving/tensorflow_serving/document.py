"""A JSON document in which long lists of numbers are arrays."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

from serving.errors import BodyTooLargeError, MalformedBodyError
from serving.tensorflow_serving.dense_array import MAX_DIMENSIONS, dense_array

# A string, whose end may be missing, or the longest run of what lists of numbers are written with.
# Possessive: a hostile document is read once, never again from the next character.
_PIECES = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|\[[][0-9., \t\r\n]*+', re.DOTALL)
_ARRAY = "\0array "
_NUL = b"\\u0000"
_CROWDED = "the JSON body holds more values than its images need"


def read_document(data: bytes, *, max_values: int, max_structure: int) -> Any:
    """Parse JSON; takes a while for a large body: not on the event loop.

    Args:
        data: the body.
        max_values: numbers in one list.
        max_structure: commas and opening brackets outside of strings and lists of numbers, and these.

    Returns:
        As `json.loads`, but each list that holds whole numbers alone is an array uint16, of any dimension.

    Raises:
        BodyTooLargeError: more of either; refused before it is parsed.
        MalformedBodyError: not JSON, or a list of numbers that is none of whole numbers from 0 to 65535.
    """
    if not data:
        raise MalformedBodyError("the body is empty")
    if _NUL in data:
        raise MalformedBodyError("the body holds a NUL")
    rest, lists = _split(data, max_pieces=max_structure)
    _refuse_odd(rest, max_structure=max_structure)
    arrays = [dense_array(text, max_values=max_values) for text in lists]
    try:
        document = from_json(rest, allow_inf_nan=False)
    except ValueError as exc:
        raise MalformedBodyError(f"JSON: {exc}") from exc
    return _restored(document, arrays)


def _split(data: bytes, *, max_pieces: int) -> tuple[bytes, list[bytes]]:
    """The document with a placeholder for each list of numbers, and those lists."""
    rest: list[bytes] = []
    lists: list[bytes] = []
    end = 0
    for count, match in enumerate(_PIECES.finditer(data)):
        if count > max_pieces:
            raise BodyTooLargeError(_CROWDED)
        numbers = _numbers(match[0]) if match[0].startswith(b"[") else b""
        if not numbers:
            continue
        rest += [data[end : match.start()], f'"\\u0000array {len(lists)}"'.encode()]
        lists.append(numbers)
        end = match.start() + len(numbers)
    rest.append(data[end:])
    return b"".join(rest), lists


def _numbers(run: bytes) -> bytes:
    """The list of numbers that a run begins with; empty where it is part of a list of other things."""
    unopened = run.count(b"]") - run.count(b"[")
    if not 0 <= unopened <= MAX_DIMENSIONS:
        return b""
    run = run.rstrip(b", \t\r\n")
    for _ in range(unopened):
        run = run[:-1].rstrip(b", \t\r\n") if run.endswith(b"]") else run
    return run if run.endswith(b"]") and re.search(rb"[0-9]", run) else b""


def _refuse_odd(rest: bytes, *, max_structure: int) -> None:
    """Refuse what would become many objects, and say so where it is a list of numbers gone wrong."""
    bare = re.sub(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', b"", rest, flags=re.DOTALL)
    if re.search(rb"NaN|Infinity", bare):
        raise MalformedBodyError("NaN and Infinity are not JSON")
    if sum(map(bare.count, (b",", b"[", b"{"))) <= max_structure:
        return
    if re.search(rb"\[\s*-?[0-9]", bare):
        raise MalformedBodyError("a list of numbers holds something else than whole numbers from 0 to 255")
    raise BodyTooLargeError("the JSON body holds more values than its images need")


def _restored(value: Any, arrays: list[Any]) -> Any:
    """The document with the arrays back in their places."""
    if isinstance(value, dict):
        if any(key.startswith(_ARRAY) for key in value):
            raise MalformedBodyError("JSON: a list stands where a name must")
        return {key: _restored(member, arrays) for key, member in value.items()}
    if isinstance(value, list):
        return [_restored(member, arrays) for member in value]
    if isinstance(value, str) and value.startswith(_ARRAY):
        return arrays[int(value.removeprefix(_ARRAY))]
    return value
