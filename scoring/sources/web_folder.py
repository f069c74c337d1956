"""A folder of a web server: its page of links, read a piece at a time."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from scoring.errors import SourceError
from scoring.sources.protocols import protocols_of

_CHUNK_BYTES = 64 * 1024
_LONGEST_TAG = 1024 * 1024


def is_web(filesystem: Any) -> bool:
    """Whether it is fsspec's file system of web servers."""
    return "http" in protocols_of(filesystem)


def web_folder(filesystem: Any, url: str) -> Iterator[str]:
    """URLs of what a folder's page has links to, as far as it lies in the folder.

    Links are relative to where the page was found, by which way ever it was led there. Those that sort the
    page, and all that lead elsewhere, are left out. A file linked from two pages comes twice.

    Args:
        filesystem: of fsspec, of web servers.
        url: of the folder.

    Raises:
        SourceError: the page is no page of links.
    """
    folder = f"{url.rstrip('/')}/"
    links = _Links()
    text = codecs.getincrementaldecoder("utf-8")("replace")
    # Without blocks it is read to its end once, as it comes; with a size it is not asked for that first, by a
    # request that takes every failure for a file that is not there.
    with filesystem.open(folder, "rb", block_size=0, size=1) as page:
        found_at = str(page.r.url)
        while chunk := page.read(_CHUNK_BYTES):
            links.feed(text.decode(chunk))
            if len(links.rawdata) > _LONGEST_TAG:
                raise SourceError(f"{folder}: no page of links: a tag of it does not end")
            names = (_name_inside(found_at, link) for link in links.take())
            yield from (f"{folder}{name}" for name in names if name)


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


def _name_inside(folder: str, link: str) -> str | None:
    """What a link's address has more than the folder's; None if it leads out of it, or nowhere."""
    try:
        target, here = urlsplit(urljoin(folder, link)), urlsplit(urljoin(folder, "."))
        same_server = (target.hostname, target.port) == (here.hostname, here.port)
    except ValueError:  # no address at all
        return None
    depth = here.path.count("/")
    parts, above = target.path.split("/"), here.path.split("/")[:depth]
    if not same_server or [*map(unquote, parts[:depth])] != [*map(unquote, above)]:
        return None
    name = "/".join(parts[depth:])
    return f"{name}?{target.query}" if target.query and name and not name.endswith("/") else name
