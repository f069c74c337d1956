"""Typed reading of JSON objects, with errors that name the member."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from contract.errors import ManifestError


class Fields:
    """One JSON object; every reader raises ManifestError naming the member that is wrong."""

    def __init__(self, value: object, *, path: str = "") -> None:
        if not isinstance(value, Mapping):
            raise ManifestError(f"manifest: {path or 'the document'} is not an object")
        self._members: Mapping[str, Any] = value
        self._path = path

    def _get(self, name: str) -> Any:
        if name not in self._members:
            raise ManifestError(f"manifest: {self._path}{name} is missing")
        return self._members[name]

    def _wrong(self, name: str, expected: str) -> ManifestError:
        return ManifestError(f"manifest: {self._path}{name} is not {expected}")

    def string(self, name: str) -> str:
        """A string."""
        value = self._get(name)
        if not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def one_of(self, name: str, allowed: Sequence[Any]) -> Any:
        """One of the allowed values."""
        value = self._get(name)
        if value not in allowed:
            raise self._wrong(name, f"one of {', '.join(map(str, allowed))}")
        return value

    def integer(self, name: str) -> int:
        """A whole number (JSON's `true` is not one)."""
        value = self._get(name)
        if not _is_integer(value):
            raise self._wrong(name, "a whole number")
        return int(value)

    def number(self, name: str) -> float:
        """A finite number."""
        value = self._get(name)
        if not _is_number(value):
            raise self._wrong(name, "a finite number")
        return float(value)

    def strings(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self._list(name)
        if not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of strings")
        return tuple(value)

    def integers(self, name: str, *, length: int) -> tuple[int, ...]:
        """A list of whole numbers of the given length."""
        value = self._list(name)
        if len(value) != length or not all(map(_is_integer, value)):
            raise self._wrong(name, f"a list of {length} whole numbers")
        return tuple(value)

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of finite numbers."""
        value = self._list(name)
        if not all(map(_is_number, value)):
            raise self._wrong(name, "a list of finite numbers")
        return tuple(map(float, value))

    def object(self, name: str) -> Fields:
        """An object."""
        return Fields(self._get(name), path=f"{self._path}{name}.")

    def objects(self, name: str) -> tuple[Fields, ...]:
        """A list of objects."""
        return tuple(
            Fields(item, path=f"{self._path}{name}[{index}].") for index, item in enumerate(self._list(name))
        )

    def string_map(self, name: str) -> dict[str, str]:
        """An object whose members are strings."""
        members = self.object(name)
        return {key: members.string(key) for key in members}

    def number_map(self, name: str) -> dict[str, float]:
        """An object whose members are finite numbers."""
        members = self.object(name)
        return {key: members.number(key) for key in members}

    def integer_map(self, name: str) -> dict[str, int]:
        """An object whose members are whole numbers."""
        members = self.object(name)
        return {key: members.integer(key) for key in members}

    def __iter__(self) -> Any:
        return iter(self._members)

    def _list(self, name: str) -> list[Any]:
        value = self._get(name)
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        return value


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max  # not so for NaN, nor for a whole number too large for a float
