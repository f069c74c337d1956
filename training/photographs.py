"""Finds photographs: a folder a class, with or without folders for the splits above them.

Two layouts are read:

- `train/ validation/ test/`, each with a folder a class; only `train/` must be there;
- one folder a class.

Every file that is not hidden is a candidate. What is no image is refused by the decoder later and listed
in the report: nothing is skipped because of its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from training.errors import DatasetError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_FEWEST_CLASSES = 2


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """A file that should be an image.

    Attributes:
        path: where it lies.
        relative: its path below the root, with forward slashes; the same on every machine.
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
        DatasetError: no such folder, fewer than two classes, an empty class folder, a class that `train/`
            lacks, or a folder that cannot be read.
    """
    if not root.is_dir():
        raise DatasetError(f"no folder of photographs at {root}")
    try:
        found = _by_split(root) if has_split_folders(root) else _by_class(root, folder=root, split=None)
    except OSError as exc:
        raise DatasetError(f"cannot read {exc.filename}: {exc.strerror}") from exc
    _check_classes(root, found)
    return tuple(sorted(found, key=lambda photograph: photograph.relative))


def labels_of(photographs: tuple[Photograph, ...]) -> tuple[str, ...]:
    """The classes in the order of the network's outputs: sorted folder names."""
    return tuple(sorted({photograph.label for photograph in photographs}))


def has_split_folders(root: Path) -> bool:
    """Whether the folders below the root are splits: a class may be called `train` too."""
    names = {folder.name for folder in _visible_folders(root)}
    return "train" in names and names <= set(SPLITS) and any(_visible_folders(root / "train"))


def _by_split(root: Path) -> list[Photograph]:
    return [
        photograph
        for split in SPLITS
        if (root / split).is_dir()
        for photograph in _by_class(root, folder=root / split, split=split)
    ]


def _by_class(root: Path, *, folder: Path, split: Split | None) -> list[Photograph]:
    found = []
    for class_folder in _visible_folders(folder):
        files = list(_visible_files(class_folder))
        if not files:
            raise DatasetError(f"the class folder {class_folder} is empty")
        found += [
            Photograph(
                path=file, relative=file.relative_to(root).as_posix(), label=class_folder.name, split=split
            )
            for file in files
        ]
    return found


def _visible_folders(folder: Path) -> Iterator[Path]:
    return (child for child in sorted(folder.iterdir()) if child.is_dir() and not _hidden(child))


def _visible_files(folder: Path) -> Iterator[Path]:
    for child in sorted(folder.iterdir()):
        if _hidden(child):
            continue
        if child.is_dir():
            yield from _visible_files(child)
        else:
            yield child


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _check_classes(root: Path, found: list[Photograph]) -> None:
    learnt = {photograph.label for photograph in found if photograph.split in {None, "train"}}
    if len(learnt) < _FEWEST_CLASSES:
        raise DatasetError(f"{root} holds {len(learnt)} class folders; at least two are needed")
    strangers = sorted({photograph.label for photograph in found} - learnt)
    if strangers:
        raise DatasetError(f"train/ has no folder for the class {strangers[0]!r} that another split has")
