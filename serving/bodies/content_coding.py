"""Bodies that come compressed, and what they may become."""

from __future__ import annotations

import zlib

from serving.errors import BodyTooLargeError, MalformedBodyError, UnsupportedMediaTypeError

IDENTITY = "identity"
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def decompressed(body: bytes, *, coding: str, max_bytes: int) -> bytes:
    """Undo a `Content-Encoding`. Takes a while for a large body: not on the event loop.

    Raises:
        BodyTooLargeError: it would become more than `max_bytes`; no more than that was kept.
        MalformedBodyError: it is not what it says, or ends early.
        UnsupportedMediaTypeError: another coding than gzip or deflate.
    """
    coding = coding.strip().lower()
    if coding in {"", IDENTITY}:
        return body
    if coding not in _WINDOW_BITS:
        raise UnsupportedMediaTypeError("of content encodings gzip and deflate are known")
    decompressor = zlib.decompressobj(_WINDOW_BITS[coding])
    try:
        data = decompressor.decompress(body, max_bytes + 1)
    except zlib.error as exc:
        raise MalformedBodyError(f"the body is not {coding}") from exc
    if len(data) > max_bytes:
        raise BodyTooLargeError(f"the body is larger than {max_bytes} bytes")
    if not decompressor.eof or decompressor.unused_data:
        raise MalformedBodyError(f"the body does not end as {coding} does")
    return data
