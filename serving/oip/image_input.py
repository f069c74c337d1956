"""The one input of a request: encoded images, or pixels.

Every size is checked against the bytes that are there before anything is made of them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from contract.image import Pixels
from serving.bodies.named_image import too_many_images
from serving.oip.errors import TensorError

IMAGE = "image"
IMAGES = "images"
BYTES = "BYTES"
UINT8 = "UINT8"
# Values given one by one, in JSON or as `contents`, cost many times their size in memory and time. One
# picture of 224 by 224, nested, has 201,000 commas and brackets; more goes as raw bytes, which cost nothing.
MAX_LISTED_VALUES = 250_000

Images = tuple[bytes | Pixels, ...]

_LENGTH = struct.Struct("<I")
_PIXELS_RANK = 4
_CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class ImageInput:
    """What a request says of its input, checked but for its values: N >= 1 images.

    Attributes:
        name: `image` for encoded ones, BYTES [N] or [N, 1]; `images` for pixels, UINT8 [N, H, W, 3].
        shape: as declared.
    """

    name: str
    shape: tuple[int, ...]

    @classmethod
    def declared(cls, name: str, datatype: str, shape: Sequence[int], *, max_images: int) -> ImageInput:
        """Check a declaration.

        Raises:
            TensorError: no such input, of another datatype or of a shape it cannot have.
            BodyTooLargeError: more than `max_images`.
        """
        takes = {IMAGE: BYTES, IMAGES: UINT8}.get(name)
        if takes is None:
            raise TensorError(f"no input {name[:64]!r}; send `{IMAGE}` ({BYTES}) or `{IMAGES}` ({UINT8})")
        if datatype != takes:
            raise TensorError(f"input {name} is of datatype {takes}, not {datatype[:64]!r}")
        given = tuple(shape)
        if not (_is_column(given) if name == IMAGE else _is_pixels(given)):
            form = "[N] or [N, 1]" if name == IMAGE else "[N, H, W, 3]"
            raise TensorError(f"input {name} has a shape {form} with N of at least 1")
        if given[0] > max_images:
            raise too_many_images(max_images)
        return cls(name=name, shape=given)

    @property
    def is_pixels(self) -> bool:
        """Whether its values are pixels, not files."""
        return self.name == IMAGES

    def from_raw(self, data: bytes) -> Images:
        """Read the raw form: pixels as they are; each file after its length in 4 bytes, little-endian.

        Raises:
            TensorError: other than the shape says.
        """
        if self.is_pixels:
            return self._pixels(data)
        return self.from_files(self._files(data))

    def from_values(self, values: Iterable[object]) -> Images:
        """Pixels given one by one, row-major.

        Raises:
            TensorError: not whole numbers from 0 to 255, or not as many as the shape says.
        """
        try:
            data = bytes(values)  # type: ignore[arg-type]  # it is what checks them
        except (TypeError, ValueError) as exc:
            raise TensorError(f"input {self.name} holds whole numbers from 0 to 255") from exc
        return self._pixels(data)

    def from_files(self, files: Sequence[bytes]) -> Images:
        """Encoded images.

        Raises:
            TensorError: not as many as the shape says, or one without a byte.
        """
        if len(files) != self.shape[0]:
            raise TensorError(f"input {self.name} has {len(files)} elements, its shape says {self.shape[0]}")
        for index, file in enumerate(files):
            if not file:
                raise TensorError(f"input {self.name}: element {index} is empty")
        return tuple(files)

    def _pixels(self, data: bytes) -> Images:
        # In Python's own numbers, which do not overflow.
        expected = math.prod(self.shape)
        if len(data) != expected:
            raise TensorError(f"input {self.name} has {len(data)} values, its shape says {expected}")
        return tuple(np.frombuffer(data, dtype=np.uint8).reshape(self.shape))

    def _files(self, data: bytes) -> list[bytes]:
        files = []
        at = 0
        for index in range(self.shape[0]):
            start = at + _LENGTH.size
            if start > len(data):
                raise TensorError(f"input {self.name} ends before element {index}")
            at = start + int(_LENGTH.unpack_from(data, at)[0])
            if at > len(data):
                raise TensorError(f"input {self.name} ends within element {index}")
            files.append(data[start:at])
        if at != len(data):
            raise TensorError(f"input {self.name} has {len(data) - at} bytes after its last element")
        return files


def _is_column(shape: tuple[int, ...]) -> bool:
    return len(shape) in {1, 2} and shape[0] >= 1 and shape[1:] in {(), (1,)}


def _is_pixels(shape: tuple[int, ...]) -> bool:
    return len(shape) == _PIXELS_RANK and min(shape) >= 1 and shape[-1] == _CHANNELS
