"""Finds photographs: a folder a class, with or without folders for the splits above them, or idx files.

Three layouts are read:

- `train/ validation/ test/`, each with a folder a class, and no other folder beside them;
- one folder a class;
- the idx files of MNIST (`training.idx_folder`), and no folder beside them.

Everything in a class folder that is not hidden is a candidate. What is no image, or no file at all, is
refused later and listed in the report: nothing is skipped because of its name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from contract.prediction import UNKNOWN
from training.errors import DatasetError
from training.idx import IdxImage
from training.idx_folder import class_names, idx_pairs, read_pair

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_FEWEST_CLASSES = 2


class ImageWithin(Protocol):
    """An image in a file that holds many."""

    def read(self) -> bytes:
        """The image as a file of its own, of a format the decoder takes."""


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """What should be an image file, or lies in a file of images; `training.reading.read` gives its bytes.

    Attributes:
        path: where the file lies.
        relative: its path below the root, with forward slashes; the same on every machine. Bytes that are
            no UTF-8 are escaped, so that it can be written anywhere.
        label: the name of its class folder.
        split: what its folder says, or None where one tree is to be split.
        within: which image of the file, or None where the file is the image.
    """

    path: Path
    relative: str
    label: str
    split: Split | None
    within: ImageWithin | None = None


def find_photographs(root: Path) -> tuple[Photograph, ...]:
    """List all candidates, sorted by relative path.

    Raises:
        DatasetError: no such folder, no class folder, an empty one, one whose name is no UTF-8, a folder
            beside the splits that is none, or a folder that cannot be read; idx files that are damaged,
            incomplete or beside folders.
    """
    if not root.is_dir():
        raise DatasetError(f"no folder of photographs at {root}")
    try:
        found = list(_of_idx_files(root) or _of_class_folders(root))
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
    read = {path for pair in idx_pairs(root) for path in (pair.images, pair.labels)}
    found = (child for parent in parents for child in _visible(parent) if not _is_folder(child))
    return tuple(sorted(_relative(child, root) for child in found if child not in read))


def learnable(photographs: Sequence[Photograph]) -> tuple[Photograph, ...]:
    """Those that may be learnt from: of no held-out split."""
    return tuple(photograph for photograph in photographs if photograph.split in {None, "train"})


def labels_of(photographs: Sequence[Photograph]) -> tuple[str, ...]:
    """The classes in the order of the network's outputs: sorted folder names."""
    return tuple(sorted({photograph.label for photograph in photographs}))


def check_can_be_learnt(root: Path, photographs: Sequence[Photograph]) -> None:
    """Refuse what may be measured on but not learnt from.

    Raises:
        DatasetError: no `train/` beside other splits, a split's folder without class folders, fewer than two
            classes, a class that `train/` or `validation/` lacks, or one with the name that stands for no
            class at all.
    """
    learnt = {photograph.label for photograph in learnable(photographs)}
    if not learnt:
        raise DatasetError(f"{root} has no train/ folder with class folders")
    strangers = sorted({photograph.label for photograph in photographs} - learnt)
    if strangers:
        raise DatasetError(f"train/ has no folder for the class {strangers[0]!r} that another split has")
    if len(learnt) < _FEWEST_CLASSES:
        raise DatasetError(f"{root} gives the class {min(learnt)!r} alone; at least two are needed")
    _refuse_unknown(learnt)
    _refuse_split_without_classes(root, {photograph.split for photograph in photographs})
    validated = {photograph.label for photograph in photographs if photograph.split == "validation"}
    if validated and learnt - validated:
        raise DatasetError(
            f"validation/ has no folder for the class {min(learnt - validated)!r} that train/ has: add it, "
            "or take validation/ away and it is drawn from train/"
        )


def _refuse_split_without_classes(root: Path, found: Collection[Split | None]) -> None:
    """Beside `train/` a folder called as a split is one, and none is drawn in its place without a word."""
    for split in SPLITS:
        if "train" in found and split not in found and _is_folder(root / split):
            raise DatasetError(
                f"{root / split} has no class folder: add them, or take it away and {split} is drawn"
            )


def _refuse_unknown(labels: Iterable[str]) -> None:
    for label in sorted(labels):
        if label.casefold() == UNKNOWN:
            raise DatasetError(
                f"a class cannot be called {label!r}: it is the answer where no class fits; rename it"
            )


def _of_idx_files(root: Path) -> list[Photograph]:
    pairs = idx_pairs(root)
    folders = _folders(root)
    if pairs and folders:
        raise DatasetError(f"{printable(str(folders[0]))} stands beside idx files: take one of the two away")
    contents = [(pair, *read_pair(pair)) for pair in pairs]
    names = class_names([labels for _, _, labels in contents])
    return [
        Photograph(
            path=pair.images,
            relative=f"{pair.images.name}/{index:05}.png",
            label=names[value],
            split=pair.split,
            within=IdxImage(images=images, index=index),
        )
        for pair, images, labels in contents
        for index, value in enumerate(labels.tolist())
    ]


def _of_class_folders(root: Path) -> Iterator[Photograph]:
    for folder, split in _class_folders(root):
        yield from _of_class(root, folder, split)


def _class_folders(root: Path) -> list[tuple[Path, Split | None]]:
    folders: list[tuple[Path, Split | None]]
    if _has_split_folders(root):
        folders = [(f, split) for split in SPLITS if _is_folder(root / split) for f in _folders(root / split)]
    else:
        folders = [(folder, None) for folder in _folders(root)]
    for folder, _ in folders:
        if printable(folder.name) != folder.name:
            raise DatasetError(f"the class folder {printable(str(folder))} has a name that is no UTF-8")
    return folders


def _has_split_folders(root: Path) -> bool:
    """Whether the folders below the root are splits: a class may be called `train` too, or `test`."""
    names = {folder.name for folder in _folders(root)}
    strangers = sorted(names - set(SPLITS))
    if "train" in names and any(_folders(root / "train")):
        if strangers:
            raise DatasetError(
                f"{printable(str(root / strangers[0]))} stands beside train/: "
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
    return printable(path.relative_to(root).as_posix())


def printable(name: str) -> str:
    """A file name with what is no UTF-8 in it escaped."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
