"""The bytes that the images of one request may have together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from serving.fetch.errors import UrlTooLargeError


class ByteBudget:
    """Counted while they arrive; what a failed image took comes back.

    Args:
        max_bytes: of all images.
        hold: told of all bytes before they are kept, so that other requests' count too; may refuse them by
            raising.
        release: told of those that are not kept after all.
    """

    def __init__(
        self, max_bytes: int, *, hold: Callable[[int], None], release: Callable[[int], None]
    ) -> None:
        self._left = max_bytes
        self._hold = hold
        self._release = release

    @contextlib.contextmanager
    def for_one_image(self) -> Iterator[OneImage]:
        """What an image takes in the block stays taken, unless the block fails."""
        image = OneImage(self)
        try:
            yield image
        except BaseException:
            self._left += image.taken
            self._release(image.taken)
            raise

    def refuse_more_than_is_left(self, count: int) -> None:
        """Raise UrlTooLargeError where that many bytes would be too many."""
        if count > self._left:
            raise UrlTooLargeError("the images are larger than one request may be")

    def take(self, count: int) -> None:
        """So many bytes are kept from now on."""
        self.refuse_more_than_is_left(count)
        self._hold(count)
        self._left -= count


class OneImage:
    """The part of one image in a request's budget."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self.taken = 0

    def expect(self, count: int) -> None:
        """Raise UrlTooLargeError where so many bytes, as announced, are too many."""
        self._budget.refuse_more_than_is_left(count)

    def take(self, count: int) -> None:
        """Count bytes that have come; raises UrlTooLargeError."""
        self._budget.take(count)
        self.taken += count
