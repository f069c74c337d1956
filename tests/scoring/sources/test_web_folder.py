"""Folders of web servers, as servers write their pages."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from scoring.errors import SourceError
from scoring.sources import web_folder as module
from scoring.sources.web_folder import web_folder

NGINX = """<html><head><title>Index of /p/</title></head><body><h1>Index of /p/</h1><hr><pre>
<a href="../">../</a>
<a href="x/">x/</a>              28-Nov-2026 12:00       -
<a href="caf%C3%A9.jpg">café.jpg</a>     28-Nov-2026 12:00   12345
</pre><hr></body></html>"""
APACHE = """<table><tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th></tr>
<tr><td><a href="/">Parent Directory</a></td></tr>
<tr><td><a href="x/">x/</a></td></tr>
<tr><td><A HREF='a&amp;b.jpg'>a&amp;b.jpg</A></td></tr></table>"""
BY_HAND = """<a name="top"></a><a href="#top">up</a> <a href="mailto:me@example.com">me</a>
<a href="/p/a.jpg#large">a</a> <a href="http://host/p/b.jpg">b</a> <a href="https://host/p/c.jpg">c</a>
<a href="x/y/d.jpg">d</a> <a href="./e.jpg">e</a> <a href="f.jpg?v=2">f</a>
<a href="../q/a.jpg">elsewhere</a> <a href="http://other/p/a.jpg">elsewhere</a> <a href>nowhere</a>
<a href="é.jpg">é</a> <a href="http://[x">broken</a> <a href="x/?C=N;O=D">x</a> <a href="//HOST/p/g.jpg">g</a>
<a href="http://host:8080/p/a.jpg">elsewhere</a> <img src="h.jpg">"""


class _Pages:
    """As much of fsspec as is asked for here; gives a few bytes at a time."""

    protocol = ("http", "https")

    def __init__(self, page: str, *, found_at: str = ""):
        self._page = page
        self._found_at = found_at
        self.asked = []

    def open(self, url, mode, *, block_size, size):
        assert (mode, block_size, size) == ("rb", 0, 1)
        self.asked.append(url)
        return _Slow(self._page.encode(), self._found_at or url)


class _Slow(io.BytesIO):
    def __init__(self, page, url):
        super().__init__(page)
        self.r = SimpleNamespace(url=url)

    def read(self, size=-1, /):
        return super().read(min(size, 7))


@pytest.mark.parametrize(
    ("page", "names"),
    [
        (NGINX, ["x/", "caf%C3%A9.jpg"]),
        (APACHE, ["x/", "a&b.jpg"]),
        (BY_HAND, ["a.jpg", "b.jpg", "c.jpg", "x/y/d.jpg", "e.jpg", "f.jpg?v=2", "é.jpg", "x/", "g.jpg"]),
        ("\x00\xff no page at all", []),
    ],
)
def test_what_lies_in_the_folder_is_found(page, names):
    assert list(web_folder(_Pages(page), "http://host/p/")) == [f"http://host/p/{name}" for name in names]


@pytest.mark.parametrize("url", ["http://host/my photos", "http://host/my%20photos/"])
def test_a_folder_is_the_same_however_its_name_is_written(url):
    page = """<a href="/my%20photos/a.jpg">1</a> <a href="b%2Fc.jpg">2</a>"""
    pages = _Pages(page)
    folder = f"{url.rstrip('/')}/"

    assert list(web_folder(pages, url)) == [f"{folder}a.jpg", f"{folder}b%2Fc.jpg"]
    assert pages.asked == [folder]


@pytest.mark.parametrize("url", ["http://host/q/../p/", "http://host/./p/", "http://host//p/"])
def test_a_folders_address_may_be_written_in_a_roundabout_way(url):
    assert list(web_folder(_Pages("<a href='a.jpg'>a</a>"), url)) == [f"{url}a.jpg"]


def test_links_are_relative_to_where_the_page_was_found():
    pages = _Pages("<a href='/q/a.jpg'>a</a> <a href='b.jpg'>b</a>", found_at="http://host/q/")

    assert list(web_folder(pages, "http://host/p/")) == ["http://host/p/a.jpg", "http://host/p/b.jpg"]


@pytest.mark.parametrize("begun", ["<!-- ", "<a title='"])
def test_a_page_whose_tag_does_not_end_is_not_kept(begun, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST_TAG", 1000)

    with pytest.raises(SourceError, match="http://host/p/: no page of links"):
        list(web_folder(_Pages(begun + "x" * 2000), "http://host/p/"))
