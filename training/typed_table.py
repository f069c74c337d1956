"""Reads a TOML table into a frozen dataclass, checking keys and types by its annotations."""

from __future__ import annotations

import types
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_WORDS = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}


def read_table(cls: type[T], table: object, *, path: str = "") -> T:
    """Build the dataclass `cls` of a parsed table.

    Raises:
        ValueError: an unknown or missing key or a value of another type; the text names the key.
    """
    if not isinstance(table, dict):
        raise ValueError(f"{path.rstrip('.')} is not a table")  # noqa: TRY004 - the document is wrong, not the call
    declared = {declaration.name: declaration for declaration in fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(table.keys() - declared.keys())
    if unknown:
        raise ValueError(f"unknown key {path}{unknown[0]}")
    for name, declaration in declared.items():
        required = declaration.default is MISSING and declaration.default_factory is MISSING
        if required and name not in table:
            raise ValueError(f"{path}{name} is missing")
    hints = get_type_hints(cls)
    return cls(**{name: _value(hints[name], value, path=f"{path}{name}") for name, value in table.items()})


def _value(hint: Any, value: object, *, path: str) -> Any:
    if is_dataclass(hint):
        return read_table(hint, value, path=f"{path}.")  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        return _tuple(hint, value, path=path)
    if get_origin(hint) in {Union, types.UnionType}:
        return _union(hint, value, path=path)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{path} is not one of {', '.join(map(str, get_args(hint)))}")
        return value
    if not _is(hint, value):
        raise ValueError(f"{path} is not {_WORDS[hint]}")
    return value


def _tuple(hint: types.GenericAlias, value: object, *, path: str) -> tuple[Any, ...]:
    """`tuple[X, ...]` takes any length, `tuple[X, X, X]` its own."""
    if not isinstance(value, list):
        raise ValueError(f"{path} is not a list")  # noqa: TRY004 - as above
    arguments = get_args(hint)
    if arguments[-1] is not Ellipsis and len(value) != len(arguments):
        raise ValueError(f"{path} is not a list of {len(arguments)}")
    return tuple(_value(arguments[0], item, path=f"{path}[{n}]") for n, item in enumerate(value))


def _union(hint: Any, value: object, *, path: str) -> Any:
    """The first member that takes the value; a TOML value is never None."""
    refusals = []
    for member in get_args(hint):
        if member is types.NoneType:
            continue
        try:
            return _value(member, value, path=path)
        except ValueError as exc:
            refusals.append(str(exc))
    raise ValueError(" and ".join(refusals))


def _is(hint: type, value: object) -> bool:
    """JSON's and TOML's booleans are no numbers, a whole number is a number."""
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)
