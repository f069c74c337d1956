"""A finished version into a folder of models, from wherever it was made: all at once, or not at all."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from contract.aside import written_beside
from contract.disk import sync_folder, sync_tree
from contract.errors import MiwakeError, ModelFolderError
from contract.model_folder import INCOMING, is_version_name, read_manifest
from modelserver.models_config import check_config_is_ours, models_file_of, write_config
from modelserver.models_edit import locked
from modelserver.models_file import sidecar_of
from modelserver.version_lint import UnfitVersionError, refuse_unfit


@dataclass(frozen=True, kw_only=True)
class Published:
    """A version that is there now.

    Attributes:
        model: its name.
        version: its number there.
        folder: where it lies.
        is_named: whether models.toml names the model; one that it does not name is not served.
    """

    model: str
    version: int
    folder: Path
    is_named: bool = True


class ConfigBehindError(MiwakeError):
    """A version is published, but the model server is not told of it yet."""


def publish(folder: Path, finished: Path, *, number: int | None = None) -> Published:
    """Copy a version, then bring models.config up to date.

    Args:
        folder: of models; made where it is missing.
        finished: the version's folder, on any disk. Its manifest names the model; of one made elsewhere,
            the folder it lies in.
        number: its version there; the finished folder's own name where left out, or the next free one where
            that is no number.

    Raises:
        UnfitVersionError: it is not fit to be served, or its number is taken.
        ManifestError: its manifest cannot be read.
        ModelsFileError: models.toml cannot be read, or a models.config is there that somebody else wrote.
        OSError: it cannot be read or written.
        ConfigBehindError: the version is there, but models.config could not be written. After any other
            error no version is.
    """
    finished = finished.resolve()
    model = _model_of(finished)
    target = folder / model
    refuse_unfit(finished, model=model, sidecar=sidecar_of(target))
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        check_config_is_ours(folder)
        target.mkdir(exist_ok=True)
        try:
            version = _free_number(target, finished, number)
            _copy(finished, target / str(version))
        finally:
            with contextlib.suppress(OSError):  # the first version failed; not so where there are others
                target.rmdir()
        is_named = _configure(folder, model, version)
    return Published(model=model, version=version, folder=target / str(version), is_named=is_named)


def _configure(folder: Path, model: str, version: int) -> bool:
    """Bring models.config up to date; whether models.toml, where there is one, names the model."""
    try:
        write_config(folder)
        return model in models_file_of(folder).models
    except (MiwakeError, OSError) as exc:
        raise ConfigBehindError(
            f"{model} version {version} is published, but models.config does not tell of it: {exc}; "
            f"mend that, then run `miwake models config {folder}`"
        ) from exc


def _model_of(finished: Path) -> str:
    try:
        return read_manifest(finished).name
    except ModelFolderError:
        return finished.parent.name


def _free_number(target: Path, finished: Path, number: int | None) -> int:
    """The number to publish by.

    Raises:
        UnfitVersionError: it is taken, as 4 is by 00000004 too.
    """
    taken = {int(path.name) for path in target.iterdir() if is_version_name(path.name)}
    if number is None and not is_version_name(finished.name):
        return max(taken, default=0) + 1
    wanted = int(finished.name) if number is None else number
    if wanted in taken:
        raise UnfitVersionError(
            f"{target} has a version {wanted} already, which is never replaced: choose another with --as"
        )
    return wanted


def _copy(finished: Path, target: Path) -> None:
    with written_beside(target.with_name(INCOMING)) as aside:
        shutil.copytree(finished, aside)
        # Content before the name: after a power cut a version is whole or absent.
        sync_tree(aside)
        aside.rename(target)
        sync_folder(target.parent)
