"""Finds photographs: a folder a class, with or without folders for the splits above them.

Two layouts are read:

- `train/ validation/ test/`, each with a folder a class, and no other folder beside them;
- one folder a class.

Everything in a class folder that is not hidden is a candidate. What is no image, or no file at all, is
refused later and listed in the report: nothing is skipped because of its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from training.errors import DatasetError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_FEWEST_CLASSES = 2


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """What should be an image file.

    Attributes:
        path: where it lies.
        relative: its path below the root, with forward slashes; the same on every machine. Bytes that are
            no UTF-8 are escaped, so that it can be written anywhere.
        label: the name of its class folder.
        split: what its folder says, or None where one tree is to be split.
    """

    path: Path
    relative: str
    label: str
    split: Split | None


def find_photographs(root: Path) -> tuple[Photograph, ...]:
    """List all candidates, sorted by relative path.

    Raises:
        DatasetError: no such folder, no class folder, an empty one, one whose name is no UTF-8, a folder
            beside the splits that is none, or a folder that cannot be read.
    """
    if not root.is_dir():
        raise DatasetError(f"no folder of photographs at {root}")
    try:
        folders = _class_folders(root)
        found = [photograph for folder, split in folders for photograph in _of_class(root, folder, split)]
    except OSError as exc:
        raise DatasetError(f"cannot read {exc.filename}: {exc.strerror}") from exc
    if not found:
        raise DatasetError(f"no class folder in {root}")
    return tuple(sorted(found, key=lambda photograph: photograph.relative))


def loose_files(root: Path) -> tuple[str, ...]:
    """Relative paths of what lies beside the class folders, and so has no label.

    Raises:
        DatasetError: as `find_photographs`.
    """
    parents = {folder.parent for folder, _ in _class_folders(root)} | {root}
    found = (child for parent in parents for child in _visible(parent) if not _is_folder(child))
    return tuple(sorted(_relative(child, root) for child in found))


def labels_of(photographs: Sequence[Photograph]) -> tuple[str, ...]:
    """The classes in the order of the network's outputs: sorted folder names."""
    return tuple(sorted({photograph.label for photograph in photographs}))


def check_can_be_learnt(root: Path, photographs: Sequence[Photograph]) -> None:
    """Refuse what may be measured on but not learnt from.

    Raises:
        DatasetError: no `train/` beside other splits, fewer than two classes, or a class `train/` lacks.
    """
    learnt = {photograph.label for photograph in photographs if photograph.split in {None, "train"}}
    if not learnt:
        raise DatasetError(f"{root} has no train/ folder with class folders")
    strangers = sorted({photograph.label for photograph in photographs} - learnt)
    if strangers:
        raise DatasetError(f"train/ has no folder for the class {strangers[0]!r} that another split has")
    if len(learnt) < _FEWEST_CLASSES:
        raise DatasetError(f"{root} holds {len(learnt)} class folder; at least two are needed")


def _class_folders(root: Path) -> list[tuple[Path, Split | None]]:
    folders: list[tuple[Path, Split | None]]
    if _has_split_folders(root):
        folders = [(f, split) for split in SPLITS if _is_folder(root / split) for f in _folders(root / split)]
    else:
        folders = [(folder, None) for folder in _folders(root)]
    for folder, _ in folders:
        if _printable(folder.name) != folder.name:
            raise DatasetError(f"the class folder {_printable(str(folder))} has a name that is no UTF-8")
    return folders


def _has_split_folders(root: Path) -> bool:
    """Whether the folders below the root are splits: a class may be called `train` too, or `test`."""
    names = {folder.name for folder in _folders(root)}
    strangers = sorted(names - set(SPLITS))
    if "train" in names and any(_folders(root / "train")):
        if strangers:
            raise DatasetError(
                f"{_printable(str(root / strangers[0]))} stands beside train/: "
                "the folders there may be train, validation and test"
            )
        return True
    return not strangers and any(folder for name in names for folder in _folders(root / name))


def _of_class(root: Path, folder: Path, split: Split | None) -> Iterator[Photograph]:
    files = list(_candidates(folder, seen=set()))
    if not files:
        raise DatasetError(f"the class folder {folder} is empty")
    for file in files:
        yield Photograph(path=file, relative=_relative(file, root), label=folder.name, split=split)


def _candidates(folder: Path, *, seen: set[Path]) -> Iterator[Path]:
    """All files below a folder; a folder met again (links can form a ring) stands for itself."""
    seen.add(folder.resolve())
    for child in _visible(folder):
        if _is_folder(child) and child.resolve() not in seen:
            yield from _candidates_or_itself(child, seen=seen)
        else:
            yield child


def _candidates_or_itself(folder: Path, *, seen: set[Path]) -> Iterator[Path]:
    try:
        yield from _candidates(folder, seen=seen)
    except OSError:
        yield folder


def _folders(folder: Path) -> list[Path]:
    return [child for child in _visible(folder) if _is_folder(child)]


def _visible(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if not child.name.startswith("."))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a link to where this user may not look
        return False


def _relative(path: Path, root: Path) -> str:
    return _printable(path.relative_to(root).as_posix())


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
