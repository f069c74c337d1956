"""Decodes every photograph once and keeps the pixels on disk.

The cache is a memory map, so a data set may be larger than the memory. Its folder is named by everything
that decides the pixels: the files' paths and contents, the image spec, the decoder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL
from tqdm import tqdm

from contract.errors import ImageError, MiwakeError
from contract.image import decode
from contract.image_spec import ImageSpec
from training.errors import CacheError, DatasetError
from training.photographs import Photograph

# Raise it when `contract.image.decode` gives other pixels than before.
DECODER_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A file that gave no pixels: its relative path, the error's code, and why."""

    path: str
    code: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class DecodedPhotographs:
    """All photographs that gave pixels.

    Attributes:
        pixels: uint8 [files, H, W, 3], a read-only memory map. Rows of unreadable files are zeros.
        photographs: the readable ones, by relative path.
        rows: where each of them lies in `pixels`, by relative path.
        sha256: of each file's content, by relative path.
        unreadable: the others.
        dataset_sha256: over the relative paths and contents of all files.
    """

    pixels: npt.NDArray[np.uint8]
    photographs: tuple[Photograph, ...]
    rows: dict[str, int]
    sha256: dict[str, str]
    unreadable: tuple[Unreadable, ...]
    dataset_sha256: str


def default_cache() -> Path:
    """Where decoded pixels are kept unless the caller says otherwise."""
    return Path.home() / ".cache" / "miwake"


def decode_photographs(
    photographs: Sequence[Photograph], spec: ImageSpec, *, cache: Path, progress: bool
) -> DecodedPhotographs:
    """Decode in parallel, or map the pixels an earlier call has kept.

    Raises:
        DatasetError: a file vanished or may not be read, or a class has no readable photograph.
        CacheError: the cache cannot be written.
    """
    digests = _file_digests(photographs, progress=progress)
    dataset_sha256 = _dataset_digest(photographs, digests)
    folder = cache / f"pixels-{_key(dataset_sha256, spec)}"
    try:
        if not (folder / "unreadable.json").is_file():
            _fill(folder, photographs, spec, progress=progress)
        pixels = np.load(folder / "pixels.npy", mmap_mode="r")
        listed = json.loads((folder / "unreadable.json").read_text("utf-8"))
    except OSError as exc:
        raise CacheError(f"cannot keep decoded pixels in {cache}: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise CacheError(f"the decoded pixels in {folder} are damaged: delete that folder") from exc
    unreadable = tuple(Unreadable(**entry) for entry in listed)
    readable = _readable(photographs, unreadable)
    return DecodedPhotographs(
        pixels=pixels,
        photographs=readable,
        rows={photograph.relative: row for row, photograph in enumerate(photographs)},
        sha256=dict(zip((p.relative for p in photographs), digests, strict=True)),
        unreadable=unreadable,
        dataset_sha256=dataset_sha256,
    )


def _readable(
    photographs: Sequence[Photograph], unreadable: tuple[Unreadable, ...]
) -> tuple[Photograph, ...]:
    refused = {entry.path for entry in unreadable}
    readable = tuple(p for p in photographs if p.relative not in refused)
    lost = sorted({p.label for p in photographs} - {p.label for p in readable})
    if lost:
        raise DatasetError(f"the class {lost[0]!r} has no photograph that can be read")
    return readable


def _file_digests(photographs: Sequence[Photograph], *, progress: bool) -> list[str]:
    with ThreadPoolExecutor() as pool:
        digests = pool.map(lambda p: hashlib.sha256(_read(p)).hexdigest(), photographs)
        return list(tqdm(digests, "reading", len(photographs), disable=None if progress else True))


def _read(photograph: Photograph) -> bytes:
    try:
        return photograph.path.read_bytes()
    except OSError as exc:
        raise DatasetError(f"cannot read {photograph.path}: {exc.strerror}") from exc


def _dataset_digest(photographs: Sequence[Photograph], digests: Sequence[str]) -> str:
    lines = (f"{digest}  {p.relative}\n" for p, digest in zip(photographs, digests, strict=True))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _key(dataset_sha256: str, spec: ImageSpec) -> str:
    # Pillow brings its own libjpeg: another version may round another way.
    decider = [dataset_sha256, spec.to_dict(), DECODER_VERSION, PIL.__version__]
    return hashlib.sha256(json.dumps(decider, sort_keys=True).encode()).hexdigest()[:32]


def _fill(folder: Path, photographs: Sequence[Photograph], spec: ImageSpec, *, progress: bool) -> None:
    """Write the cache aside and rename it, so that an interrupted run leaves none that looks whole."""
    aside = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    aside.mkdir(parents=True)
    try:
        unreadable = _decode_all(aside / "pixels.npy", photographs, spec, progress=progress)
        listed = json.dumps([asdict(entry) for entry in unreadable])
        (aside / "unreadable.json").write_text(listed, "utf-8")
        _rename(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


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
    pixels = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    _reserve(path)

    def decode_one(row: int) -> Unreadable | None:
        photograph = photographs[row]
        try:
            pixels[row] = decode(_read(photograph), spec)
        except ImageError as exc:
            return _refused(photograph, exc)
        return None

    with ThreadPoolExecutor() as pool:
        results = pool.map(decode_one, range(len(photographs)))
        bar = tqdm(results, "decoding", len(photographs), disable=None if progress else True)
        refused = [result for result in bar if result is not None]
    pixels.flush()
    return refused


def _reserve(path: Path) -> None:
    """Take the room now: writing to a memory map on a full disk kills the process instead of raising."""
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _refused(photograph: Photograph, error: MiwakeError) -> Unreadable:
    return Unreadable(path=photograph.relative, code=error.code, detail=str(error))
