"""Bodies that come compressed, and what they may become."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable

from serving.errors import BodyTooLargeError, MalformedBodyError, UnsupportedMediaTypeError

IDENTITY = "identity"
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
# As large as what malloc gives back at once, see serving/run.py: many smaller ones would leave holes.
_PIECE_BYTES = 8 * 1024 * 1024
InAThread = Callable[..., Awaitable[bytes]]


def is_coded(coding: str) -> bool:
    """Whether a `Content-Encoding` says anything."""
    return coding.strip().lower() not in {"", IDENTITY}


async def decompressed(
    body: bytes,
    coding: str,
    *,
    max_bytes: int,
    in_a_thread: InAThread,
    hold: Callable[[int], None],
) -> bytes:
    """Undo a `Content-Encoding`, piece by piece: a megabyte may become a gigabyte.

    Args:
        body: compressed.
        coding: as the header has it.
        max_bytes: that it may become.
        in_a_thread: does a piece of work, in time.
        hold: told of every piece; may refuse it by raising.

    Raises:
        BodyTooLargeError: it would become more than `max_bytes`.
        MalformedBodyError: it is not what it says, or ends early.
        UnsupportedMediaTypeError: another coding than gzip or deflate.
    """
    coding = coding.strip().lower()
    if coding not in _WINDOW_BITS:
        raise UnsupportedMediaTypeError("of content encodings gzip and deflate are known")
    decompressor = zlib.decompressobj(_WINDOW_BITS[coding])
    pieces, left = [], max_bytes
    while not decompressor.eof:
        piece = await in_a_thread(_piece, decompressor, body, coding)
        left -= len(piece)
        if left < 0:
            raise BodyTooLargeError(f"the body is larger than {max_bytes} bytes")
        hold(len(piece))
        pieces.append(piece)
        body = decompressor.unconsumed_tail
        if not piece:
            break
    if not decompressor.eof or decompressor.unused_data:
        raise MalformedBodyError(f"the body does not end as {coding} does")
    return b"".join(pieces)


def _piece(decompressor: zlib._Decompress, body: bytes, coding: str) -> bytes:
    try:
        return decompressor.decompress(body, _PIECE_BYTES)
    except zlib.error as exc:
        raise MalformedBodyError(f"the body is not {coding}") from exc
