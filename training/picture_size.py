"""How large the pictures of a folder are, by the headers of some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from contract.errors import ImageError
from contract.image import size_in_header
from training.errors import UnreadableFileError
from training.photographs import Photograph
from training.reading import read

_LOOKED_AT = 100


def largest_side(photographs: Sequence[Photograph]) -> int:
    """Pixels of the longest side among at most 100 of them, taken evenly.

    What training would leave out (no image, one with too many pixels) does not count: 0 where that is all.
    """
    total = len(photographs)
    count = min(_LOOKED_AT, total)
    return max(_longer_sides(photographs[n * total // count] for n in range(count)), default=0)


def _longer_sides(photographs: Iterable[Photograph]) -> Iterator[int]:
    for photograph in photographs:
        try:
            yield max(size_in_header(read(photograph)))
        except (ImageError, UnreadableFileError):
            continue
