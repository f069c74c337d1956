"""A JSON array of many small whole numbers to numpy, without an object for each of them.

150,000 numbers make one image of 224x224. As Python lists they would take thirty times their text's memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from serving.errors import BodyTooLargeError, MalformedBodyError

MAX_DIMENSIONS = 8
_MAX_DIGITS = 5
_BLOCK_BYTES = 1 << 20
_DIGITS = b"0123456789"
_ZERO, _NINE, _COMMA, _OPEN, _CLOSE = b"09,[]"
_NOT_WHOLE = "a list of numbers holds one that is not whole"
_RAGGED = "a list of numbers is ragged"
_MALFORMED = "a list of numbers is not JSON"


def dense_array(text: bytes, *, max_values: int) -> npt.NDArray[np.uint16]:
    """Parse a regular nested array of whole numbers from 0 to 65535; 1.0 counts as whole.

    Args:
        text: JSON of brackets, digits, commas, points and whitespace; nothing else may be in it.
        max_values: more are refused before anything is made of them.

    Raises:
        BodyTooLargeError: more values.
        MalformedBodyError: not JSON, ragged, or of other numbers.
    """
    if text.count(b",") >= max_values:
        raise BodyTooLargeError(f"more than {max_values} numbers in one list")
    text = _plain(text)
    structure = text.translate(None, _DIGITS)
    shape = _shape(structure)
    if math.prod(shape) != structure.count(b",") + 1 or structure != _structure(shape):
        raise MalformedBodyError(_RAGGED)
    values = np.concatenate([_values(block) for block in _blocks(text)])
    if len(values) != math.prod(shape):
        raise MalformedBodyError(_MALFORMED)
    return values.reshape(shape)


def _plain(text: bytes) -> bytes:
    """The same without whitespace and without `.0`."""
    text = text.replace(b", ", b",")  # as nearly everybody writes it
    if re.search(rb"\s", text):
        if re.search(rb"[0-9.]\s+[0-9.]", text):
            raise MalformedBodyError(_MALFORMED)
        text = text.translate(None, b" \t\r\n")
    if b"." in text:
        if re.search(rb"\.[0-9]*+\.", text):
            raise MalformedBodyError(_MALFORMED)
        text = text.replace(b".0,", b",").replace(b".0]", b"]")
    if b"." in text:
        text = re.sub(rb"(?<=[0-9])\.0++(?=[,\]])", b"", text)
    if b"." in text:
        raise MalformedBodyError(_NOT_WHOLE)
    return text


def _shape(structure: bytes) -> tuple[int, ...]:
    """Of the array, if it is a regular one: by the lengths of the first array of each depth."""
    depth = len(structure) - len(structure.lstrip(b"["))
    if not 0 < depth <= MAX_DIMENSIONS:
        raise MalformedBodyError(f"a list of numbers has more than {MAX_DIMENSIONS} dimensions")
    shape: list[int] = []
    inner = 0
    for level in range(1, depth + 1):
        end = structure.find(b"]" * level)
        if end < 0:
            raise MalformedBodyError(_RAGGED)
        length = end + level - (depth - level)
        shape.insert(0, (length - 1) // (inner + 1))
        inner = length
    return tuple(shape)


def _structure(shape: tuple[int, ...]) -> bytes:
    """The brackets and commas of an array of that shape."""
    structure = b""
    for count in reversed(shape):
        structure = b"[" + b",".join([structure] * count) + b"]"
    return structure


def _blocks(text: bytes) -> Iterator[npt.NDArray[np.uint8]]:
    """Pieces of about a megabyte that end with a comma, and begin behind one; a comma is put before each."""
    start = 0
    while start < len(text):
        comma = text.find(b",", start + _BLOCK_BYTES)
        end = len(text) if comma < 0 else comma + 1
        yield np.frombuffer(b"," + text[start:end] + b",", dtype=np.uint8)
        start = end


def _values(chars: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """The numbers of a block; each stands behind a comma or `[`, and before a comma or `]`."""
    digit = (chars >= _ZERO) & (chars <= _NINE)
    edges = np.flatnonzero(digit[1:] != digit[:-1])
    before, last = edges[0::2], edges[1::2]
    lengths = last - before
    if np.any(chars[before] == _CLOSE) or np.any(chars[last + 1] == _OPEN):
        raise MalformedBodyError(_MALFORMED)
    if np.any((chars[before + 1] == _ZERO) & (lengths > 1)):
        raise MalformedBodyError(_MALFORMED)
    longest = int(lengths.max(initial=0))
    if longest > _MAX_DIGITS:
        raise MalformedBodyError("a list of numbers holds one that is too large")
    values = (chars[last] - _ZERO).astype(np.uint32)
    for place in range(1, longest):
        long = np.flatnonzero(lengths > place)
        values[long] += 10**place * (chars[last[long] - place] - _ZERO).astype(np.uint32)
    if np.any(values > np.iinfo(np.uint16).max):
        raise MalformedBodyError("a list of numbers holds one that is too large")
    return values.astype(np.uint16)
