"""Decodes every photograph once and keeps the pixels on disk.

The cache is a memory map, so a data set may be larger than the memory. Its folder is named by everything
that decides the pixels: the files' paths and contents, the image spec, the decoder.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL

from contract.aside import written_aside
from contract.disk import sync_file
from contract.errors import ImageError
from contract.image import decode
from contract.image_spec import ImageSpec
from training.disk import new_disk_array
from training.errors import CacheError
from training.photographs import Photograph
from training.reading import Unreadable, file_digests, in_parallel, read_again, refused, without

# Raise it when `contract.image.decode` gives other pixels than before.
DECODER_VERSION = 1
_PIXELS, _UNREADABLE = "pixels.npy", "unreadable.json"


@dataclass(frozen=True, kw_only=True)
class DecodedPhotographs:
    """All photographs that gave pixels.

    Attributes:
        pixels: uint8 [files, H, W, 3], a read-only memory map. Rows of files that are no image are zeros.
        photographs: the readable ones, by relative path.
        rows: where each of them lies in `pixels`, by relative path.
        sha256: of each file's content, by relative path.
        unreadable: the others.
        dataset_sha256: over the relative paths and contents of all files that can be read.
    """

    pixels: npt.NDArray[np.uint8]
    photographs: tuple[Photograph, ...]
    rows: dict[str, int]
    sha256: dict[str, str]
    unreadable: tuple[Unreadable, ...]
    dataset_sha256: str


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What one folder of the cache holds."""

    pixels: npt.NDArray[np.uint8]
    unreadable: tuple[Unreadable, ...]


def default_cache() -> Path:
    """Where decoded pixels are kept unless the caller says otherwise."""
    return Path.home() / ".cache" / "miwake"


def decode_photographs(
    photographs: Sequence[Photograph], spec: ImageSpec, *, cache: Path, progress: bool
) -> DecodedPhotographs:
    """Decode in parallel, or map the pixels an earlier call has kept.

    Raises:
        DatasetError: a class has no readable photograph, or a file went away meanwhile.
        CacheError: the cache cannot be written.
    """
    sha256, closed = file_digests(photographs, progress=progress)  # not cached: what may be read can change
    files = without(closed, photographs)
    dataset_sha256 = _dataset_digest(sha256)
    kept = _kept_or_decoded(cache / f"pixels-{_key(dataset_sha256, spec)}", files, spec, progress=progress)
    return DecodedPhotographs(
        pixels=kept.pixels,
        photographs=without(kept.unreadable, files),
        rows={photograph.relative: row for row, photograph in enumerate(files)},
        sha256=sha256,
        unreadable=(*closed, *kept.unreadable),
        dataset_sha256=dataset_sha256,
    )


def _dataset_digest(sha256: dict[str, str]) -> str:
    lines = (f"{digest}  {relative}\n" for relative, digest in sha256.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _key(dataset_sha256: str, spec: ImageSpec) -> str:
    # Pillow brings its own libjpeg: another version may round another way.
    decider = [dataset_sha256, spec.to_dict(), DECODER_VERSION, PIL.__version__]
    return hashlib.sha256(json.dumps(decider, sort_keys=True).encode()).hexdigest()[:32]


def _kept_or_decoded(
    folder: Path, photographs: Sequence[Photograph], spec: ImageSpec, *, progress: bool
) -> _Kept:
    shape = (len(photographs), *spec.shape)
    try:
        kept = _kept(folder, shape)
        if kept is None:
            shutil.rmtree(folder, ignore_errors=True)  # absent, or damaged
            _fill(folder, photographs, spec, progress=progress)
            kept = _kept(folder, shape)
    except OSError as exc:
        raise CacheError(f"cannot keep decoded pixels in {folder.parent}: {exc.strerror or exc}") from exc
    if kept is None:
        raise CacheError(f"the decoded pixels in {folder} cannot be read back")
    return kept


def _kept(folder: Path, shape: tuple[int, ...]) -> _Kept | None:
    """What the folder holds, or None where it is absent or not what was written once."""
    try:
        pixels = np.load(folder / _PIXELS, mmap_mode="r")
        listed = json.loads((folder / _UNREADABLE).read_text("utf-8"))
        unreadable = tuple(Unreadable(**entry) for entry in listed)
    except (FileNotFoundError, EOFError, ValueError, TypeError):
        return None
    if pixels.shape != shape or pixels.dtype != np.uint8:
        return None
    return _Kept(pixels=pixels, unreadable=unreadable)


def _fill(folder: Path, photographs: Sequence[Photograph], spec: ImageSpec, *, progress: bool) -> None:
    """Write the cache aside and rename it, so that an interrupted run leaves none that looks whole."""
    with written_aside(folder) as aside:
        aside.mkdir()
        unreadable = _decode_all(aside / _PIXELS, photographs, spec, progress=progress)
        listed = json.dumps([asdict(entry) for entry in unreadable])
        (aside / _UNREADABLE).write_text(listed, "utf-8")
        sync_file(aside / _UNREADABLE)
        _rename(aside, folder)


def _rename(aside: Path, folder: Path) -> None:
    try:
        aside.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another run has filled it meanwhile, with the same pixels
            raise


def _decode_all(
    path: Path, photographs: Sequence[Photograph], spec: ImageSpec, *, progress: bool
) -> list[Unreadable]:
    shape = (len(photographs), *spec.shape)
    pixels = new_disk_array(path, shape, np.uint8)
    rows = {photograph.relative: row for row, photograph in enumerate(photographs)}

    def decode_one(photograph: Photograph) -> Unreadable | None:
        try:
            pixels[rows[photograph.relative]] = decode(read_again(photograph), spec)
        except ImageError as exc:
            return refused(photograph, exc)
        return None

    results = in_parallel(decode_one, photographs, description="decoding", progress=progress)
    pixels.flush()
    return [result for result in results if result is not None]
