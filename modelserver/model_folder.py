"""The layout `<models>/<model>/<integer>/saved_model.pb`, read only."""

from __future__ import annotations

from pathlib import Path

from contract.manifest import MANIFEST_FILE, Manifest
from modelserver.errors import ModelNotFoundError


def model_folders(models: Path) -> dict[str, Path]:
    """The models of a folder, by name, sorted.

    Raises:
        ModelNotFoundError: there is no such folder, or no model in it.
    """
    if not models.is_dir():
        raise ModelNotFoundError(f"{models} is not a folder")
    found = {path.name: path for path in sorted(models.iterdir()) if version_folders(path)}
    if not found:
        raise ModelNotFoundError(f"no model in {models}: expected {models}/<model>/<integer>/saved_model.pb")
    return found


def version_folders(model: Path) -> dict[int, Path]:
    """The versions of one model's folder, newest first; empty where there is none.

    A name with leading zeros is a version too: TensorFlow Serving takes `00000004` for 4.
    """
    if not model.is_dir():
        return {}
    folders = [path for path in model.iterdir() if path.name.isdecimal() and _is_saved_model(path)]
    return {int(path.name): path for path in sorted(folders, key=lambda path: -int(path.name))}


def newest_version(model: Path) -> tuple[int, Path]:
    """The newest version of one model's folder.

    Raises:
        ModelNotFoundError: there is none.
    """
    for version, folder in version_folders(model).items():
        return version, folder
    raise ModelNotFoundError(f"no version in {model}: expected {model}/<integer>/saved_model.pb")


def pinned_version(path: Path) -> tuple[str, int, Path]:
    """(model's name, version, its folder) of a model's folder or of one of its versions' folders.

    Raises:
        ModelNotFoundError: no version there.
    """
    path = path.resolve()
    if path.name.isdecimal() and _is_saved_model(path):
        return path.parent.name, int(path.name), path
    version, folder = newest_version(path)
    return path.name, version, folder


def read_manifest(folder: Path) -> Manifest:
    """The manifest beside a version's SavedModel.

    Raises:
        ModelNotFoundError: the folder holds none.
        ManifestError: it cannot be read.
    """
    try:
        return Manifest.from_json((folder / MANIFEST_FILE).read_bytes())
    except FileNotFoundError as exc:
        raise ModelNotFoundError(f"{folder} carries no manifest") from exc


def _is_saved_model(folder: Path) -> bool:
    return (folder / "saved_model.pb").is_file()
