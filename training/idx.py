"""The idx format of MNIST: many images, or their labels, in one file; https://yann.lecun.org/exdb/mnist/.

Two zero bytes, the type of a value (8 for uint8, the only one read here), the number of dimensions, each
dimension as a big-endian uint32, and the values. A file whose name ends in `.gz` is a gzip stream of that.
"""

from __future__ import annotations

import errno
import gzip
import io
import math
import struct
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.errors import DatasetError

_MAGIC = b"\0\0\x08"
_BLOCK = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})  # a disk, or what this user may have of it


@dataclass(frozen=True, kw_only=True, eq=False)
class IdxImage:
    """One image of a file.

    Attributes:
        images: uint8 [N, H, W], gray, or [N, H, W, 3], RGB.
        index: below N.
    """

    images: npt.NDArray[np.uint8]
    index: int

    def read(self) -> bytes:
        """The image as a PNG.

        Stored, not compressed: the same bytes whatever zlib is installed, so that digests of photographs
        compare between machines.
        """
        buffer = io.BytesIO()
        Image.fromarray(self.images[self.index]).save(buffer, "PNG", compress_level=0)
        return buffer.getvalue()


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """The values of a file, as a memory map of a nameless copy: they need not fit the memory.

    Raises:
        DatasetError: no idx file of uint8, one that is shorter or longer than its header says or holds
            nothing, no gzip stream where its name says so, or a temporary folder too full for the copy.
    """
    try:
        with _opened(path) as stream, tempfile.TemporaryFile() as copy:
            shape = _shape(stream, path)
            if _copy(stream, copy, limit=math.prod(shape) + 1) != math.prod(shape):
                raise DatasetError(
                    f"{path} is shorter or longer than the {shape} values its header announces"
                )
            return np.asarray(np.memmap(copy, np.uint8, "r", shape=shape))
    except (gzip.BadGzipFile, EOFError, zlib.error) as exc:
        raise DatasetError(f"{path} is no whole gzip stream") from exc
    except OSError as exc:
        raise DatasetError(_refusal(path, exc)) from exc


def _refusal(path: Path, exc: OSError) -> str:
    if exc.errno in _FULL:  # reading takes no room: it is the copy that found none
        return (
            f"the temporary folder {tempfile.gettempdir()} has no room for a copy of {path}: "
            f"{exc.strerror}; make some there, or name another folder with TMPDIR"
        )
    return f"cannot read {path}: {exc.strerror or exc}"


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _shape(stream: BinaryIO | gzip.GzipFile, path: Path) -> tuple[int, ...]:
    magic = stream.read(len(_MAGIC) + 1)
    if magic[:-1] != _MAGIC or not magic[-1]:
        raise DatasetError(f"{path} is no idx file of uint8: it begins with the bytes {magic.hex(' ')}")
    sizes = stream.read(4 * magic[-1])
    if len(sizes) < 4 * magic[-1]:
        raise DatasetError(f"{path} ends within its header")
    shape = struct.unpack(f">{magic[-1]}I", sizes)
    if 0 in shape:
        raise DatasetError(f"{path} holds nothing: its header announces {shape} values")
    return shape


def _copy(stream: BinaryIO | gzip.GzipFile, copy: BinaryIO, *, limit: int) -> int:
    """Copy at most `limit` bytes: how many there were."""
    copied = 0
    while block := stream.read(min(_BLOCK, limit - copied)):
        copy.write(block)
        copied += len(block)
    copy.flush()
    return copied
