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
    found = {path.name: path for path in sorted(models.iterdir()) if version_numbers(path)}
    if not found:
        raise ModelNotFoundError(f"no model in {models}: expected {models}/<model>/<integer>/saved_model.pb")
    return found


def version_numbers(model: Path) -> tuple[int, ...]:
    """The versions of one model's folder, newest first; empty where there is none."""
    if not model.is_dir():
        return ()
    return tuple(
        sorted(
            (
                int(path.name)
                for path in model.iterdir()
                if path.name.isdecimal() and (path / "saved_model.pb").is_file()
            ),
            reverse=True,
        )
    )


def newest_manifest(model: Path) -> Manifest:
    """The manifest beside the newest version's SavedModel.

    Raises:
        ModelNotFoundError: no version, or no manifest in it.
        ManifestError: it cannot be read.
    """
    versions = version_numbers(model)
    if not versions:
        raise ModelNotFoundError(f"no version in {model}: expected {model}/<integer>/saved_model.pb")
    path = model / str(versions[0]) / MANIFEST_FILE
    try:
        return Manifest.from_json(path.read_bytes())
    except FileNotFoundError as exc:
        raise ModelNotFoundError(f"{model} version {versions[0]} carries no manifest") from exc
