"""A folder of a web server: its page of links, read a piece at a time."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

_CHUNK_BYTES = 64 * 1024


def is_web(filesystem: Any) -> bool:
    """Whether it is fsspec's file system of web servers."""
    return "http" in filesystem.protocol


def web_folder(filesystem: Any, url: str) -> Iterator[str]:
    """URLs of what a folder's page has links to, as far as it lies in the folder.

    Links are resolved as a browser does it; those that only sort the page, and all that lead elsewhere, are
    left out.

    Args:
        filesystem: of fsspec, of web servers.
        url: of the folder.
    """
    folder = f"{url.rstrip('/')}/"
    links = _Links()
    text = codecs.getincrementaldecoder("utf-8")("replace")
    # Without blocks it is read to its end once, as it comes.
    with filesystem.open(folder, "rb", block_size=0) as page:
        while chunk := page.read(_CHUNK_BYTES):
            links.feed(text.decode(chunk))
            yield from filter(None, (_inside(folder, link) for link in links.take()))


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self._found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._found.extend(value for name, value in attrs if name == "href" and value)

    def take(self) -> list[str]:
        """What was found since it was asked last."""
        found, self._found = self._found, []
        return found


def _inside(folder: str, link: str) -> str | None:
    """A link's URL, its beginning written as the folder's; None if it leads out of the folder."""
    target, here = urlsplit(urljoin(folder, link)), urlsplit(folder)
    depth = here.path.count("/")
    parts, above = target.path.split("/"), here.path.split("/")[:depth]
    name = "/".join(parts[depth:])
    if target.netloc != here.netloc or not name or [*map(unquote, parts[:depth])] != [*map(unquote, above)]:
        return None
    return f"{folder}{name}?{target.query}" if target.query else f"{folder}{name}"
