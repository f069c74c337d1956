"""The `image` parts of a multipart body, parsed as it arrives and kept in memory.

Starlette's own form parser spools to files; a gateway with a read-only root has nowhere to put them, and
its body is limited anyway.
"""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from serving.bodies.named_image import NamedImage, too_many_images
from serving.errors import MalformedBodyError

FIELD = b"image"
# Fields of a form that are no images are passed over, but not without end.
_OTHER_PARTS = 16
_EMPTY = "no part named `image` in the multipart body"


class MultipartImages:
    """Collects the parts named `image`; other parts are passed over."""

    def __init__(self, boundary: bytes, *, max_images: int) -> None:
        self._max_images = max_images
        self._parts = 0
        self._images: list[NamedImage] = []
        self._header_name = b""
        self._header_value = b""
        self._disposition: dict[bytes, bytes] = {}
        self._part: list[bytes] = []
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            callbacks={
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            MalformedBodyError: they are not multipart.
            BodyTooLargeError: more images, or other parts, than allowed.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as exc:
            raise MalformedBodyError("the multipart body is broken") from exc

    def finish(self) -> list[NamedImage]:
        """The images, in order.

        Raises:
            MalformedBodyError: the body ended early, or no part is an image.
        """
        if not self._ended:
            raise MalformedBodyError("the multipart body is empty or ends early")
        if not self._images:
            raise MalformedBodyError(_EMPTY)
        return self._images

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._max_images + _OTHER_PARTS:
            raise too_many_images(self._max_images)
        self._disposition = {}
        self._part = []

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            _, self._disposition = parse_options_header(self._header_value)
        self._header_name, self._header_value = b"", b""

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._disposition.get(b"name") == FIELD:
            self._part.append(data[start:end])

    def _on_part_end(self) -> None:
        if self._disposition.get(b"name") != FIELD:
            return
        filename = self._disposition.get(b"filename")
        name = filename.decode("utf-8", "replace") if filename is not None else None
        image_bytes = b"".join(self._part)
        if not image_bytes:
            raise MalformedBodyError("a part named `image` is empty")
        if len(self._images) == self._max_images:
            raise too_many_images(self._max_images)
        self._images.append(NamedImage(name, image_bytes))

    def _on_end(self) -> None:
        self._ended = True
