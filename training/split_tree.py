"""Writes trees of split photographs: hard links where the file system can, copies elsewhere."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from training.errors import DatasetError
from training.photographs import Photograph


def write_trees(out: Path, trees: Mapping[str, Sequence[Photograph]], *, progress: bool) -> bool:
    """Write `out/<tree>/<split>/<relative>` for every photograph; `out` appears once it is whole.

    Args:
        out: must not exist.
        trees: photographs with a split, by the tree's folder in `out`; "" is `out` itself.
        progress: whether to show a progress bar.

    Returns:
        Whether all files are hard links.

    Raises:
        DatasetError: the disk is full or may not be written; nothing stays behind.
    """
    aside = out.with_name(f".{out.name}-{uuid.uuid4().hex}")
    files = [
        (photograph.path, aside / tree / str(photograph.split) / photograph.relative)
        for tree, photographs in trees.items()
        for photograph in photographs
    ]
    try:
        bar = tqdm(files, "writing", disable=None if progress else True)
        linked = [_link_or_copy(source, target) for source, target in bar]
        aside.rename(out)
    except OSError as exc:
        raise DatasetError(f"cannot write {out}: {exc.strerror or exc}") from exc
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return all(linked)


def _link_or_copy(source: Path, target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(source.resolve())  # of a symbolic link, the file it leads to
    except OSError:  # another file system, one without links, or a file of someone else
        shutil.copyfile(source, target)
        return False
    return True
