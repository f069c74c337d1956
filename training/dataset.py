"""Everything known of a tree of photographs before a network sees one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.image_spec import ImageSpec
from training.duplicates import Duplicate, leave_out_duplicates
from training.photographs import Photograph, Split, loose_files
from training.pixels import DecodedPhotographs, decode_photographs
from training.reading import Unreadable
from training.samples import Samples, samples_by_split
from training.split import assign_splits


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The photographs, decoded and split with a seed.

    Attributes:
        seed: of the split.
        decoded: all that gave pixels.
        photographs: those with a split, by relative path.
        labels: in the order of the network's outputs.
        samples: by split.
        duplicates: left out, as a split that measures them has the same bytes.
        unreadable: left out, as they gave no pixels or have no label.
    """

    seed: int
    decoded: DecodedPhotographs
    photographs: tuple[Photograph, ...]
    labels: tuple[str, ...]
    samples: dict[Split, Samples]
    duplicates: tuple[Duplicate, ...]
    unreadable: tuple[Unreadable, ...]


def prepare_dataset(  # noqa: PLR0913 - where from, how, and where to
    root: Path,
    found: Sequence[Photograph],
    spec: ImageSpec,
    *,
    labels: tuple[str, ...],
    seed: int,
    cache: Path,
    progress: bool,
) -> Dataset:
    """Decode, leave out what would be measured and learnt from, and split.

    Args:
        root: of the tree.
        found: in it, see `find_photographs`.
        spec: of the pixels.
        labels: of those found.
        seed: of the split.
        cache: for the pixels.
        progress: whether to show progress bars.

    Raises:
        DatasetError, CacheError: see there.
    """
    decoded = decode_photographs(found, spec, cache=cache, progress=progress)
    kept, duplicates = leave_out_duplicates(decoded.photographs, decoded.sha256)
    folders = {photograph.split for photograph in found if photograph.split is not None}
    photographs = assign_splits(kept, sha256=decoded.sha256, seed=seed, folders=folders)
    return Dataset(
        seed=seed,
        decoded=decoded,
        photographs=photographs,
        labels=labels,
        samples=samples_by_split(decoded, photographs, labels=labels),
        duplicates=duplicates,
        unreadable=(*decoded.unreadable, *without_label(root)),
    )


def without_label(root: Path) -> tuple[Unreadable, ...]:
    """The files that lie beside the class folders, listed as those that gave no pixels are."""
    return tuple(
        Unreadable(path=path, code="no_class_folder", detail="it lies in no class folder")
        for path in loose_files(root)
    )
