"""`models.config`: what a model server is told to serve, by models.toml and the versions there are.

Of a model with aliases exactly the aliased versions and the newest one, which is tested before anybody
promotes it; of any other the newest two; of one made elsewhere the version its sidecar is of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from contract.disk import write_atomically
from contract.model_folder import model_folders, version_folders
from modelserver.models_file import FILE_NAME, ModelEntry, ModelsFile, ModelsFileError, read_models_file
from modelserver.tensorflow_serving_config import ServedFolder, models_config

CONFIG_NAME = "models.config"
_FIRST_LINE = "# Written by `miwake models`: changes here are lost.\n"


def served_config(models_file: ModelsFile, folder_of: Callable[[str], Path], *, base_path: str) -> str:
    """The text of a configuration.

    Args:
        models_file: the models and their aliases.
        folder_of: where a model's versions lie.
        base_path: where the model server sees a model of no path of its own, as `<base_path>/<model>`;
            empty: where it lies.

    Returns:
        Text protobuf. A model without any version to serve is left out: a path with nothing in it would
        keep TensorFlow Serving from starting, and from ever reading another configuration.
    """
    served = {}
    for name, entry in models_file.models.items():
        folder = folder_of(name)
        there = version_folders(folder)
        if versions := _served_versions(entry, there):
            path = f"{base_path.rstrip('/')}/{name}" if base_path else str(folder.resolve())
            pinned = versions if entry.aliases or entry.sidecar else None
            served[name] = ServedFolder(base_path=path, versions=pinned)
    return models_config(served)


def config_of_folder(folder: Path) -> str:
    """The text of the models.config that belongs into a folder of models.

    Raises:
        ModelsFileError: its models.toml cannot be read.
        ModelFolderError: it has none, and no model.
    """
    models_file = models_file_of(folder)
    text = served_config(models_file, lambda name: folder / name, base_path=models_file.base_path)
    return _FIRST_LINE + text


def models_file_of(folder: Path) -> ModelsFile:
    """The models.toml of a folder of models; without one all its models, none with an alias.

    Raises:
        ModelsFileError: it cannot be read.
        ModelFolderError: there is none, and no model.
    """
    path = folder / FILE_NAME
    return read_models_file(path) if path.exists() else ModelsFile.of(tuple(model_folders(folder)))


def write_config(folder: Path) -> None:
    """Bring a folder's models.config up to date.

    Raises:
        ModelsFileError: a models.config is there that somebody else wrote, or models.toml cannot be read.
        ModelFolderError: there is no models.toml, and no model.
        OSError: it cannot be written.
    """
    check_config_is_ours(folder)
    text, path = config_of_folder(folder), folder / CONFIG_NAME
    if not path.exists() or path.read_text("utf-8") != text:
        write_atomically(path, text)


def check_config_is_ours(folder: Path) -> None:
    """Refuse to write over a models.config that somebody else wrote.

    Raises:
        ModelsFileError: there is one.
    """
    path = folder / CONFIG_NAME
    if path.exists() and not is_ours(path):
        raise ModelsFileError(
            f"{path} was not written by `miwake models`: move it away, or what it says will be lost"
        )


def is_ours(path: Path) -> bool:
    """Whether a models.config was written here; if so, whatever it says can be worked out again."""
    return path.read_text("utf-8", errors="replace").startswith(_FIRST_LINE)


def _served_versions(entry: ModelEntry, there: Collection[int]) -> Sequence[int]:
    if not there:
        return ()
    wanted = {entry.sidecar.version} if entry.sidecar else {max(there), *entry.aliases.values()}
    return sorted(wanted.intersection(there))
