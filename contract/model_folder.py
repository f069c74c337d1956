"""The layout `<models>/<model>/<integer>/saved_model.pb`: what training writes and servers read."""

from __future__ import annotations

import re
from pathlib import Path

from contract.errors import ModelFolderError
from contract.manifest import MANIFEST_FILE, Manifest

INCOMING = "incoming"  # what a hidden folder is called after in which a version waits for its number
_NUMBER = re.compile(r"[0-9]{1,18}")


def is_version_name(name: str) -> bool:
    """Whether TensorFlow Serving takes a folder of this name for a version; `00000004` is version 4."""
    return _NUMBER.fullmatch(name) is not None


def model_folders(models: Path) -> dict[str, Path]:
    """The models of a folder, by name, sorted.

    Raises:
        ModelFolderError: there is no such folder, or no model in it.
    """
    if not models.is_dir():
        raise ModelFolderError(f"{models} is not a folder")
    found = {path.name: path for path in sorted(models.iterdir()) if version_folders(path)}
    if not found:
        raise ModelFolderError(f"no model in {models}: expected {models}/<model>/<integer>/saved_model.pb")
    return found


def version_folders(model: Path) -> dict[int, Path]:
    """The versions of one model's folder, newest first; empty where there is none."""
    if not model.is_dir():
        return {}
    folders = [path for path in model.iterdir() if is_version_name(path.name) and _is_saved_model(path)]
    return {int(path.name): path for path in sorted(folders, key=lambda path: -int(path.name))}


def newest_version(model: Path) -> tuple[int, Path]:
    """The newest version of one model's folder.

    Raises:
        ModelFolderError: there is none.
    """
    for version, folder in version_folders(model).items():
        return version, folder
    raise ModelFolderError(f"no version in {model}: expected {model}/<integer>/saved_model.pb")


def pinned_version(path: Path, *, preferred: int | None = None) -> tuple[str, int, Path]:
    """(model's name, version, its folder) of a model's folder or of one of its versions' folders.

    Args:
        path: of a version, which is the one; or of a model.
        preferred: the model's version where it is there; else the newest.

    Raises:
        ModelFolderError: no version there.
    """
    model, path = model_folder_of(path), path.resolve()
    if path != model:
        return model.name, int(path.name), path
    versions = version_folders(model)
    if preferred in versions:
        return model.name, preferred, versions[preferred]
    return model.name, *newest_version(model)


def model_folder_of(path: Path) -> Path:
    """The model's folder, from itself or from one of its versions' folders; whether it is there or not."""
    path = path.resolve()
    return path.parent if is_version_name(path.name) and _is_saved_model(path) else path


def read_manifest(folder: Path) -> Manifest:
    """The manifest beside a version's SavedModel.

    Raises:
        ModelFolderError: the folder holds none.
        ManifestError: it cannot be read.
    """
    try:
        return Manifest.from_json((folder / MANIFEST_FILE).read_bytes())
    except FileNotFoundError as exc:
        raise ModelFolderError(f"{folder} carries no manifest") from exc


def _is_saved_model(folder: Path) -> bool:
    return (folder / "saved_model.pb").is_file()
