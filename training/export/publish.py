"""Makes a version visible all at once, or not at all.

It is written within a sibling folder whose name is no number, which TensorFlow Serving ignores, and renamed.
What a killed process has left there is removed by the next one.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from contract.aside import written_beside
from contract.disk import sync_folder, sync_tree
from contract.model_folder import INCOMING, is_version_name
from training.errors import ExportError

_ATTEMPTS = 100


def publish(base: Path, write: Callable[[Path], None]) -> Path:
    """Have a version written and give it the next free number.

    Args:
        base: the model's folder, `<models>/<name>`; created where it is missing.
        write: writes the version into the folder it is given. Whatever it raises, nothing stays behind.

    Returns:
        `<base>/<number>`.

    Raises:
        ExportError: the disk is full or may not be written.
    """
    try:
        with _aside(base) as aside:
            write(aside)
            # Content before the name: after a power cut a version is whole or absent.
            sync_tree(aside)
            return _rename_to_next(aside, base)
    except OSError as exc:
        raise ExportError(f"cannot write a version into {base}: {exc.strerror or exc}") from exc


def check_writable(base: Path) -> None:
    """Find out before hours are spent whether a version could be published.

    Raises:
        ExportError: the folder cannot be made or written.
    """
    try:
        with _aside(base):
            pass
    except OSError as exc:
        raise ExportError(f"cannot write into {base}: {exc.strerror or exc}") from exc


@contextmanager
def _aside(base: Path) -> Iterator[Path]:
    """A hidden folder in the model's, gone at the end; so are those above it that it made and are empty."""
    with ExitStack() as undo:
        aside = _entered(base, undo)
        aside.mkdir()
        yield aside


def _entered(base: Path, undo: ExitStack) -> Path:
    for _ in range(_ATTEMPTS):
        made = [folder for folder in (base, *base.parents) if not folder.exists()]
        with suppress(FileExistsError):
            base.mkdir(parents=True)
            for folder in reversed(made):  # the callbacks run the other way round
                undo.callback(_remove_if_empty, folder)
        with suppress(FileNotFoundError):  # another run had made the model's folder, and took it away again
            return undo.enter_context(written_beside(base / INCOMING))
    raise FileNotFoundError(errno.ENOENT, "the folder goes away whenever it is made", str(base))


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _rename_to_next(aside: Path, base: Path) -> Path:
    while True:
        target = base / str(1 + _highest_number(base))
        try:
            aside.rename(target)
        except OSError:
            if not target.exists():
                raise
            continue  # another export was faster: a folder with content is never replaced
        sync_folder(base)
        return target


def _highest_number(base: Path) -> int:
    """Of any folder that is named as a version is, also one that holds none: its number is taken."""
    return max((int(child.name) for child in base.iterdir() if is_version_name(child.name)), default=0)
