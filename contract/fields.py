"""Typed reading of objects of a JSON or TOML document, with errors that name the member."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from contract.errors import ManifestError, MiwakeError


class Fields:
    """One object; every reader raises an error naming the member that is wrong.

    Args:
        value: the object, or anything else that stands in its place.
        path: where it stands in its document, with a '.' at its end.
        document: what errors call the document.
        error: the type of the errors.
    """

    def __init__(
        self,
        value: object,
        *,
        path: str = "",
        document: str = "manifest",
        error: type[MiwakeError] = ManifestError,
    ) -> None:
        self._path = path
        self._document = document
        self._error = error
        if not isinstance(value, Mapping):
            raise self.refusal(f"{path.rstrip('.') or 'the document'} is not an object")
        self._members: Mapping[str, Any] = value

    def refusal(self, text: str) -> MiwakeError:
        """An error of this document, to be raised."""
        return self._error(f"{self._document}: {text}")

    def _get(self, name: str) -> Any:
        if name not in self._members:
            raise self.refusal(f"{self._path}{name} is missing")
        return self._members[name]

    def member_refusal(self, name: str, text: str) -> MiwakeError:
        """An error that names a member of this object, to be raised."""
        return self.refusal(f"{self._path}{name} {text}")

    def _wrong(self, name: str, expected: str) -> MiwakeError:
        return self.member_refusal(name, f"is not {expected}")

    def _inner(self, value: object, path: str) -> Fields:
        return Fields(value, path=f"{self._path}{path}.", document=self._document, error=self._error)

    def only(self, *names: str) -> None:
        """Refuse any member but these: what is misspelt must not be passed over."""
        for name in self._members:
            if name not in names:
                raise self.refusal(f"{self._path}{name} is not known; there are: {', '.join(names)}")

    def has(self, name: str) -> bool:
        """Whether a member is there, and not null."""
        return self._members.get(name) is not None

    def boolean(self, name: str) -> bool:
        """True or false."""
        value = self._get(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

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
        return self._inner(self._get(name), name)

    def objects(self, name: str) -> tuple[Fields, ...]:
        """A list of objects."""
        return tuple(self._inner(item, f"{name}[{index}]") for index, item in enumerate(self._list(name)))

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

    def __iter__(self) -> Iterator[str]:
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
