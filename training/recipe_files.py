"""Reads recipes: TOML files, by name where they come with the package, by path otherwise."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from contract.errors import ManifestError
from training.errors import RecipeError
from training.recipe import Recipe
from training.typed_table import read_table

_RECIPES = resources.files("training") / "recipes"
_EXTENDS = "extends"
_DEEPEST = 5  # a recipe that extends itself ends there


def recipe_names() -> tuple[str, ...]:
    """The recipes that come with the package."""
    files = (Path(entry.name) for entry in _RECIPES.iterdir())
    return tuple(sorted(file.stem for file in files if file.suffix == ".toml"))


def recipe_summary(name: str) -> str:
    """The comment that opens a shipped recipe: source, command, hardware, time, expected score."""
    lines = (_RECIPES / f"{name}.toml").read_text("utf-8").splitlines()
    opening = lines[: next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))]
    return "\n".join(line.removeprefix("#").strip() for line in opening)


def load_recipe(name_or_path: str) -> Recipe:
    """Read a shipped recipe by name, or any TOML file by path.

    `extends = NAME` takes another recipe and replaces what is written: tables key by key, all else whole.

    Raises:
        RecipeError: no such recipe, not TOML, an unknown or missing key, a value of another type.
    """
    document = _whole_document(name_or_path, depth=0)
    try:
        return read_table(Recipe, document)
    except (ValueError, ManifestError) as exc:
        raise RecipeError(f"recipe {name_or_path}: {exc}") from exc


def _whole_document(name_or_path: str, *, depth: int) -> dict[str, Any]:
    document = _document(name_or_path)
    base = document.pop(_EXTENDS, None)
    if base is None:
        return document
    if not isinstance(base, str) or depth == _DEEPEST:
        raise RecipeError(f"recipe {name_or_path}: {_EXTENDS} does not name a recipe that ends somewhere")
    if base.endswith(".toml"):  # lies beside the recipe that names it
        base = str(Path(name_or_path).parent / base)
    return _merged(_whole_document(base, depth=depth + 1), document)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = base | changes
    for key in base.keys() & changes.keys():
        if isinstance(base[key], dict) and isinstance(changes[key], dict):
            merged[key] = base[key] | changes[key]
    return merged


def _document(name_or_path: str) -> dict[str, Any]:
    try:
        if name_or_path in recipe_names():
            text = (_RECIPES / f"{name_or_path}.toml").read_text("utf-8")
        elif name_or_path.endswith(".toml"):
            text = Path(name_or_path).read_text("utf-8")
        else:
            raise RecipeError(
                f"no recipe {name_or_path!r}: choose {', '.join(recipe_names())} or the path of a .toml file"
            )
        return tomllib.loads(text)
    except OSError as exc:
        raise RecipeError(f"cannot read recipe {name_or_path}: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise RecipeError(f"recipe {name_or_path} is not TOML: {exc}") from exc
