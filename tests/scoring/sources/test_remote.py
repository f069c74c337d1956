"""Photographs by URL: web servers, archives, and whatever fsspec reads."""

from __future__ import annotations

from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from scoring.errors import SourceError
from scoring.sources import remote
from scoring.sources.listed import Listed
from scoring.sources.listing import list_source
from scoring.sources.reader import Reader
from tests.archives import write_tar, write_zip
from tests.file_server import file_server

MEMBERS = {"b.jpg": b"b", "x/a.jpg": b"xa", "x/y/c.jpg": b"xyc", ".hidden/d.jpg": b"d", "x/._a.jpg": b"e"}
SEEN = {"b.jpg": b"b", "x/a.jpg": b"xa", "x/y/c.jpg": b"xyc"}


def _read(source: str) -> dict[str, bytes]:
    """What is listed, by its relative path, as it is read."""
    with Reader(max_bytes=1000) as reader:
        return {listed.relative: reader.read(listed.path) for listed in list_source(source)}


def _archive(folder: Path, name: str) -> Path:
    if name.endswith(".zip"):
        return write_zip(folder / name, MEMBERS)
    modes = {".tar": "w", ".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz", ".TGZ": "w:gz"}
    return write_tar(folder / name, MEMBERS, mode=modes[Path(name).suffix])


@pytest.fixture
def memory():
    MemoryFileSystem.store.clear()
    yield MemoryFileSystem()
    MemoryFileSystem.store.clear()


@pytest.mark.parametrize(
    "name", ["p.zip", "p.tar", "p.tar.gz", "p.tgz", "p.tar.bz2", "p.tar.xz", "P.TGZ", "1.zip.tar"]
)
def test_an_archive_is_known_by_its_name_and_read_as_the_folder_it_holds(tmp_path, name):
    assert _read(str(_archive(tmp_path, name))) == SEEN


def test_all_that_an_archive_holds_has_a_path_that_reads_it_alone(tmp_path):
    path = _archive(tmp_path, "p.zip")

    found = list(list_source(str(path)))

    assert found[1] == Listed(f"zip://x/a.jpg::{path}", "x/a.jpg")


@pytest.mark.parametrize("name", ["p.zip", "p.tar", "p.tgz"])
def test_an_archive_on_a_web_server_is_read_by_its_url(tmp_path, name):
    _archive(tmp_path, name)

    with file_server(tmp_path) as url:
        assert _read(f"{url}/{name}") == SEEN


def test_some_of_an_archive_is_chosen_by_its_url(tmp_path):
    path = _archive(tmp_path, "p.zip")

    assert _read(f"zip://x/*.jpg::{path}") == {"a.jpg": b"xa"}
    assert _read(f"zip://x::{path}") == {"a.jpg": b"xa", "y/c.jpg": b"xyc"}
    assert _read(f"zip://x/a.jpg::{path}") == {"a.jpg": b"xa"}


@pytest.mark.parametrize("prefix", ["./", ""])
def test_a_tar_of_a_folder_has_the_same_relative_paths_however_it_was_packed(tmp_path, prefix):
    path = write_tar(tmp_path / "p.tar", {f"{prefix}{name}": data for name, data in MEMBERS.items()})

    assert _read(str(path)) == SEEN


def test_a_tars_name_that_is_no_utf8_and_one_with_a_wildcard_are_read(tmp_path):
    path = write_tar(tmp_path / "p.tar", {"caf\udce9.jpg": b"1", "[a]*.jpg": b"2"})

    assert _read(str(path)) == {"caf\udce9.jpg": b"1", "[a]*.jpg": b"2"}


def test_a_folder_whose_name_ends_like_an_archives_is_a_folder(tmp_path):
    (tmp_path / "p.zip").mkdir()
    (tmp_path / "p.zip" / "a.jpg").write_bytes(b"a")

    assert _read(str(tmp_path / "p.zip")) == {"a.jpg": b"a"}


@pytest.mark.parametrize("name", ["p.zip", "p.tar", "p.tgz"])
@pytest.mark.parametrize("data", [b"", b"no archive at all" * 100])
def test_an_archive_that_is_none_is_one_clear_line(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)

    with pytest.raises(SourceError, match=rf"{name}: ") as caught:
        list(list_source(str(tmp_path / name)))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["p.zip", "p.tgz"])
def test_an_archive_that_ends_early_is_an_error_and_no_shorter_list(tmp_path, name):
    path = _archive(tmp_path, name)
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(SourceError, match=name):
        list(list_source(str(path)))


def test_a_web_server_gives_a_file_a_folder_and_a_glob(tmp_path):
    for name, data in MEMBERS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)

    with file_server(tmp_path) as url:
        assert _read(f"{url}/x/a.jpg") == {"a.jpg": b"xa"}
        assert _read(f"{url}/x/") == {"a.jpg": b"xa", "y/c.jpg": b"xyc"}
        assert _read(f"{url}/x/*.jpg") == {"a.jpg": b"xa"}
        assert [listed.path for listed in list_source(f"{url}/x/a.jpg")] == [f"{url}/x/a.jpg"]


def test_a_photograph_of_a_web_server_may_have_a_query(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"a")

    with file_server(tmp_path) as url:
        assert _read(f"{url}/a.jpg?signature=1") == {"a.jpg?signature=1": b"a"}


def test_a_web_servers_page_is_read_for_its_links_alone(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"a")
    (tmp_path / "index.html").write_text(
        '<a href="?C=N;O=D">Name</a> <a href="a.jpg">a</a> http://host/b.jpg'
    )

    with file_server(tmp_path) as url:
        assert _read(f"{url}/") == {"a.jpg": b"a"}
        assert _read(f"{url}/x/..//") == {"a.jpg": b"a"}


@pytest.mark.parametrize("status", [403, 500])
def test_a_web_server_that_refuses_says_why(tmp_path, monkeypatch, status):
    monkeypatch.setattr(SimpleHTTPRequestHandler, "list_directory", lambda self, _: self.send_error(status))

    with file_server(tmp_path) as url, pytest.raises(SourceError, match=f"{url}/: {status}, "):
        list(list_source(f"{url}/"))


def test_a_web_server_that_is_away_is_not_an_empty_one():
    with pytest.raises(SourceError, match=r"http://127\.0\.0\.1:1/x/: .*[Cc]onnect"):
        list(list_source("http://127.0.0.1:1/x/"))


def test_what_a_web_server_does_not_have_is_one_clear_line(tmp_path):
    with file_server(tmp_path) as url, pytest.raises(SourceError, match=r"/gone\.jpg") as caught:
        list(list_source(f"{url}/gone.jpg"))

    assert "\n" not in str(caught.value)


def test_a_bucket_is_listed_sorted_relative_to_what_was_asked_for(memory):
    for name, data in MEMBERS.items():
        memory.pipe(f"/bucket/{name}", data)

    assert list(_read("memory://bucket").items()) == list(SEEN.items())
    assert _read("memory://bucket/x/") == {"a.jpg": b"xa", "y/c.jpg": b"xyc"}
    assert _read("memory://bucket/**/c.jpg") == {"x/y/c.jpg": b"xyc"}
    assert _read("memory://bucket/x/a.jpg") == {"a.jpg": b"xa"}


def test_an_empty_bucket_is_an_error_since_nothing_else_tells_it_from_a_wrong_name(memory):
    del memory

    with pytest.raises(SourceError, match="memory://bucket: no file there"):
        list(list_source("memory://bucket"))


class _Hosted(MemoryFileSystem):
    """A store whose URLs name a host, which its paths do not."""

    protocol = "hosted"
    store: ClassVar[dict[str, Any]] = {}  # of its own
    pseudo_dirs: ClassVar[list[str]] = [""]

    def __init__(self, host: str, **options: Any) -> None:
        super().__init__(**options)
        self.host = host

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        path = path.removeprefix("hosted://host:21") if path.startswith("hosted://") else path
        return f"/{path.strip('/')}".rstrip("/")

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, str]:
        return {"host": path.removeprefix("hosted://").partition("/")[0]}


@pytest.mark.parametrize("source", ["hosted://host:21", "hosted://host:21/", "hosted://host:21/**/*.jpg"])
def test_a_path_keeps_the_host_that_it_is_read_from(source):
    fsspec.register_implementation("hosted", _Hosted, clobber=True)
    _Hosted(host="host:21").pipe("/x/a.jpg", b"a")

    assert _read(source) == {"x/a.jpg": b"a"}
    assert _read("hosted://host:21/x") == {"a.jpg": b"a"}
    assert [listed.path for listed in list_source(source)] == ["hosted://host:21/x/a.jpg"]


def test_a_chain_of_file_systems_is_kept_in_the_path(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"a")

    with file_server(tmp_path) as url:
        assert _read(f"simplecache::{url}/") == {"a.jpg": b"a"}
        assert [listed.path for listed in list_source(f"simplecache::{url}/")] == [
            f"simplecache::{url}/a.jpg"
        ]


def test_a_file_with_signs_of_a_glob_is_taken_by_its_name(memory):
    memory.pipe("/bucket/[1].jpg", b"sign")
    memory.pipe("/bucket/1.jpg", b"one")

    assert _read("memory://bucket/[1].jpg") == {"[1].jpg": b"sign"}


def test_a_protocol_that_nobody_knows_is_named():
    with pytest.raises(SourceError, match="nonsense"):
        list(list_source("nonsense://bucket/a.jpg"))


def test_a_protocol_that_is_not_installed_is_named_with_what_to_install():
    with pytest.raises(SourceError, match=r"oss://bucket/a\.jpg: .*ossfs"):
        list(list_source("oss://bucket/a.jpg"))


def test_a_password_in_a_url_is_refused_and_not_repeated():
    with pytest.raises(SourceError, match="no password belongs into a URL") as caught:
        list(list_source("zip://*.jpg::https://me:secret@example.com/photographs.zip"))

    assert "secret" not in str(caught.value)


def test_the_repository_of_a_github_url_is_no_password(monkeypatch):
    monkeypatch.setattr(remote, "open_url", lambda _: (MemoryFileSystem(), "/gone"))

    with pytest.raises(SourceError, match="no file there"):
        list(list_source("github://owner:repository@branch/gone"))
