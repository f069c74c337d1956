"""Changes of a models.toml: one at a time, whole or not at all, and with its comments kept."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from contract.disk import write_atomically
from contract.model_folder import is_version_name, model_folders, version_folders
from modelserver.models_config import check_config_is_ours, write_config
from modelserver.models_file import (
    FILE_NAME,
    PREVIOUS,
    STABLE,
    ModelsFileError,
    parse_models_file,
    read_models_file,
    sidecar_of,
)
from modelserver.version_lint import UnfitVersionError, refuse_unfit


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone in a folder of models, for as long as the block lasts, among those who ask here.

    Raises:
        OSError: there is no such folder.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def promote(folder: Path, model: str, version: int, *, alias: str = STABLE) -> None:
    """Let an alias stand for a version. With `stable`, what answered before becomes `previous`.

    A folder without a models.toml gets one, which names all its models.

    Raises:
        UnfitVersionError: the version is not there or not fit to be served.
        ModelsFileError: models.toml cannot be read or changed so.
        ModelFolderError: there is no model at all.
        OSError: nothing can be written.
    """
    with locked(folder):
        _refuse_unfit(folder, model, version)
        aliases = {alias: version}
        if alias == STABLE and (before := _answering(folder, model)) != version:
            aliases[PREVIOUS] = before
        _set_aliases(folder, model, aliases)


def rollback(folder: Path, model: str) -> int:
    """Let `stable` stand for what it stood for before, and `previous` for what it stands for now.

    Returns:
        The version that is stable now.

    Raises:
        UnfitVersionError: that version is not there any more or not fit to be served.
        ModelsFileError: there is nothing to go back to, or models.toml cannot be read.
        OSError: nothing can be written.
    """
    with locked(folder):
        aliases = _aliases(folder, model)
        if STABLE not in aliases or PREVIOUS not in aliases:
            raise ModelsFileError(
                f"model {model} has no {PREVIOUS} version to go back to in {folder / FILE_NAME}"
            )
        back = aliases[PREVIOUS]
        _refuse_unfit(folder, model, back)
        _set_aliases(folder, model, {STABLE: back, PREVIOUS: aliases[STABLE]})
        return back


def _aliases(folder: Path, model: str) -> Mapping[str, int]:
    """Those of a model now; none where nothing is said of it."""
    path = folder / FILE_NAME
    entry = read_models_file(path).models.get(model) if path.exists() else None
    return entry.aliases if entry else {}


def _answering(folder: Path, model: str) -> int:
    """What answers where no version is asked for: `stable`, else the newest or what a sidecar is of."""
    if (stable := _aliases(folder, model).get(STABLE)) is not None:
        return stable
    sidecar = sidecar_of(folder / model)
    return sidecar.version if sidecar else max(version_folders(folder / model))


def _refuse_unfit(folder: Path, model: str, version: int) -> None:
    there = version_folders(folder / model)
    if version not in there:
        numbers = ", ".join(map(str, there)) or "none"
        raise UnfitVersionError(f"model {model} has no version {version} in {folder}; there are: {numbers}")
    names = [path.name for path in (folder / model).iterdir() if is_version_name(path.name)]
    if sum(int(name) == version for name in names) > 1:
        raise UnfitVersionError(f"{folder / model} has two folders for version {version}")
    refuse_unfit(there[version], model=model, sidecar=sidecar_of(folder / model))


def _set_aliases(folder: Path, model: str, aliases: Mapping[str, int]) -> None:
    """Write models.toml, then the models.config that follows from it; both are checked before either."""
    check_config_is_ours(folder)
    path = folder / FILE_NAME
    document = tomlkit.parse(path.read_text("utf-8") if path.exists() else _of_all_models(folder))
    models: Any = document["models"]
    if model not in models:
        models[model] = {}
    before = models[model].get("aliases")
    if isinstance(before, Table):  # it may hold comments
        before.update(aliases)
    else:  # one line: written anew, it is tidily spaced
        models[model]["aliases"] = tomlkit.inline_table()
        models[model]["aliases"].update({**(before or {}), **aliases})
    text = tomlkit.dumps(document)
    parse_models_file(text, path=path)
    write_atomically(path, text)
    write_config(folder)


def _of_all_models(folder: Path) -> str:
    """A models.toml that serves what is served without one."""
    document = tomlkit.document()
    names = tuple(model_folders(folder))
    document["default"] = names[0]
    models = tomlkit.table(is_super_table=True)
    for name in names:
        models[name] = tomlkit.table()
    document["models"] = models
    return tomlkit.dumps(document)
