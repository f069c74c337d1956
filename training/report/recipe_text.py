"""A recipe as the TOML that `load_recipe` reads back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from training.recipe import Recipe


def recipe_text(recipe: Recipe) -> str:
    """All keys, also those that have their default."""
    return "\n".join(_table(asdict(recipe), name=""))


def _table(values: Mapping[str, Any], *, name: str) -> Iterator[str]:
    """Plain keys first: in TOML, all that follows a table's heading belongs to it."""
    for key, value in values.items():
        if not _is_table(value) and value is not None:
            yield f"{key} = {_value(value)}"
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield f"\n[{name}{key}]"
            yield from _table(value, name=f"{name}{key}.")
        elif _is_table(value):
            for entry in value:
                yield f"\n[[{name}{key}]]"
                yield from _table(entry, name=f"{name}{key}.")


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, tuple) and bool(value) and all(isinstance(entry, Mapping) for entry in value)
    )


def _value(value: Any) -> str:
    """Strings, numbers, booleans and lists of them are written as in JSON."""
    return json.dumps(value, ensure_ascii=False)
