"""Pictures of no class: photographs of hands and of cats, for a model of something else."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from contract.image import decode
from contract.image_spec import ImageSpec
from training.tichonet import read_pictures


@dataclass(frozen=True, kw_only=True)
class ForeignPictures:
    """What a model is shown to see whether it says that it does not know.

    Attributes:
        pixels: uint8 [N, H, W, 3], decoded as every other image; N is 0 where the model knows all of them.
        counts: pictures by subject.
    """

    pixels: npt.NDArray[np.uint8]
    counts: Mapping[str, int]


def foreign_pictures(
    spec: ImageSpec, *, labels: Collection[str], known: Collection[str] = ()
) -> ForeignPictures:
    """The 120 test photographs of hand signs and the 105 of cats that come with the package tichonet-unit10.

    A subject is left out where one of its pictures is among the model's own, or a label contains its name.
    The package's pictures without a cat are not taken: many of them show flowers.

    Args:
        spec: the model's.
        labels: the model's.
        known: SHA-256, in hexadecimal, of the files the model was trained or measured on.

    Raises:
        DatasetError: the package is missing or damaged.
    """
    taken = {
        subject: files
        for subject, files in {"hand": _hands(), "cat": _cats()}.items()
        if not any(subject in label.lower() for label in labels) and not _any_known(files, known)
    }
    decoded = [decode(file, spec) for files in taken.values() for file in files]
    return ForeignPictures(
        pixels=np.stack(decoded) if decoded else np.empty((0, *spec.shape), np.uint8),
        counts={subject: len(files) for subject, files in taken.items()},
    )


def _hands() -> list[bytes]:
    pixels, _ = read_pictures("signs", "test")
    return [_png(picture) for picture in pixels]


def _cats() -> list[bytes]:
    files = []
    for split in ("train", "test"):
        pixels, is_cat = read_pictures("cats", split)
        files += [_png(picture) for picture in pixels[is_cat == 1]]
    return files


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """The very bytes that `training.hand_signs` writes."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _any_known(files: list[bytes], known: Collection[str]) -> bool:
    digests = frozenset(known)
    return any(hashlib.sha256(file).hexdigest() in digests for file in files)
