"""What is wrong with a folder of models, before a model server finds out.

Looks at names, files and permissions; whether a version loads and answers is for who can run it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from contract.errors import ManifestError, MiwakeError, ModelFolderError
from contract.manifest import check_model_name
from contract.model_folder import is_version_name, version_folders
from contract.sidecar import Sidecar
from modelserver.finding import Finding, error, warning
from modelserver.models_config import CONFIG_NAME, config_of_folder, is_ours
from modelserver.models_file import (
    FILE_NAME,
    ModelEntry,
    ModelsFile,
    ModelsFileError,
    read_models_file,
    sidecar_of,
)
from modelserver.version_lint import lint_version


def lint(folder: Path) -> list[Finding]:
    """Look at a folder of models, at the folder of one model, or at that of one version.

    Raises:
        ModelFolderError: there is no such folder.
        OSError: it cannot be listed.
    """
    if not folder.is_dir():
        raise ModelFolderError(f"{folder} is not a folder")
    folder = folder.absolute()
    if (folder / "saved_model.pb").exists():
        return list(lint_version(folder, model=folder.parent.name, sidecar=sidecar_of(folder.parent)))
    if is_model_folder(folder):
        return list(_lint_model(folder, sidecar_of(folder)))
    return list(_lint_models(folder))


def is_model_folder(folder: Path) -> bool:
    """Whether a folder is a model's, with versions in it, and not one of models."""
    return not (folder / FILE_NAME).exists() and any(is_version_name(path.name) for path in folder.iterdir())


def _lint_models(folder: Path) -> Iterator[Finding]:
    entries: Mapping[str, ModelEntry] = {}
    if (folder / FILE_NAME).exists():
        try:
            models_file = read_models_file(folder / FILE_NAME)
        except ModelsFileError as exc:
            yield error(folder / FILE_NAME, str(exc))
        else:
            entries = models_file.models
            yield from _lint_entries(folder, models_file)
    yield from _lint_config(folder)
    models = _visible_folders(folder)
    if not any(map(_by_number, models)):
        yield error(folder, "no model: expected <model>/<integer>/saved_model.pb")
    for model in models:
        entry = entries.get(model.name)
        if entry is None and not _by_number(model):
            yield warning(model, "no version in it: nothing of it is served")
            continue
        if entries and entry is None:
            yield warning(model, f"not named in {FILE_NAME}: it is not served")
        yield from _lint_model(model, entry.sidecar if entry else None)


def _lint_entries(folder: Path, models_file: ModelsFile) -> Iterator[Finding]:
    where = folder / FILE_NAME
    for name, entry in models_file.models.items():
        there = version_folders(folder / name)
        if not (folder / name).is_dir():
            yield error(where, f"there is no folder of model {name}")
            continue
        for alias, version in entry.aliases.items():
            if version not in there:
                yield error(where, f"alias {alias} of {name} is version {version}, which is not there")
        if entry.sidecar and entry.sidecar.version not in there:
            yield error(where, f"the sidecar of {name} is of version {entry.sidecar.version}, not there")


def _lint_config(folder: Path) -> Iterator[Finding]:
    """Whether a model server elsewhere is told what models.toml says."""
    path = folder / CONFIG_NAME
    if not path.exists():
        if (folder / FILE_NAME).exists():
            yield warning(path, "missing; `miwake models promote` and `publish` write it")
        return
    if not is_ours(path):
        return
    try:
        wanted = config_of_folder(folder)
    except MiwakeError:
        return  # said of models.toml already, or there is no model
    if path.read_text("utf-8") != wanted:
        yield error(path, "out of date; `miwake models config` writes it anew")


def _lint_model(model: Path, sidecar: Sidecar | None) -> Iterator[Finding]:
    try:
        check_model_name(model.name)
    except ManifestError as exc:
        yield error(model, str(exc))
    yield from _lint_names(model)
    by_number = _by_number(model)
    if not by_number:
        yield error(model, "no version: expected <integer>/saved_model.pb")
    for number, folders in sorted(by_number.items()):
        if len(folders) > 1:
            names = " and ".join(path.name for path in folders)
            yield error(model, f"two folders for version {number}: {names}")
        for folder in folders:
            yield from lint_version(folder, model=model.name, sidecar=sidecar)


def _lint_names(model: Path) -> Iterator[Finding]:
    for path in sorted(model.iterdir()):
        if path.name.startswith(".") and path.is_dir():
            yield warning(path, "of a publication that goes on, or left over by one that was interrupted")
        elif path.is_dir() and not is_version_name(path.name):
            yield warning(path, "not a version: its name is no whole number")


def _by_number(model: Path) -> Mapping[int, list[Path]]:
    folders = defaultdict(list)
    for path in sorted(model.iterdir()):
        if path.is_dir() and is_version_name(path.name):
            folders[int(path.name)].append(path)
    return folders


def _visible_folders(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
