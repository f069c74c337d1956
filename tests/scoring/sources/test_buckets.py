"""Buckets: listed a page at a time; S3's also by s3fs against moto, where the two are installed."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from typing import Any

import fsspec
import pytest
from fsspec.asyn import get_loop
from fsspec.spec import AbstractFileSystem

from scoring.errors import ImageTooLargeError, SourceError, UnreadableImageError
from scoring.sources.listing import list_source
from scoring.sources.reader import Reader

NAMES = sorted(["b.jpg", "x/a.jpg", "x/b.png", "x/y/c.jpg", "x/", ".hidden/d.jpg", "xz/e.jpg"])
CONTENT = {"b.jpg": b"photograph", "x/a.jpg": b""}
PAGE = 2


class _Bucket(AbstractFileSystem):
    """Says what the stores say, by pages of two, of a bucket named `bucket`."""

    cachable = False
    asked: list[dict[str, Any]] = []  # noqa: RUF012 - fsspec makes the objects: the test turns the class

    def isfile(self, path: str) -> bool:
        return path.removeprefix("bucket/") in NAMES

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        content = CONTENT.get(path.removeprefix("bucket/"))
        if content is None:
            raise FileNotFoundError(path)
        self.asked.append({"read": path, "start": start, "end": end})
        if not content:
            raise OSError(22, "The requested range is not satisfiable")
        return content[start:end]

    def _open(self, path: str, mode: str = "rb", **_: Any) -> io.BytesIO:
        self.asked.append({"open": path, "mode": mode})
        return io.BytesIO(CONTENT[path.removeprefix("bucket/")])

    def _page(
        self, bucket: str, prefix: str, delimiter: str, token: str | None
    ) -> tuple[list[str], str | None]:
        self.asked.append({"bucket": bucket, "prefix": prefix, "delimiter": delimiter, "token": token})
        found = [name for name in NAMES if name.startswith(prefix)]
        if delimiter:
            found = [name for name in found if delimiter not in name.removeprefix(prefix)]
        start = int(token or 0)
        return found[start : start + PAGE], str(start + PAGE) if start + PAGE < len(found) else None


class _S3(_Bucket):
    protocol = ("page-s3", "s3", "s3a")

    def call_s3(self, method: str, **wanted: str) -> dict[str, Any]:
        assert method == "list_objects_v2"
        names, token = self._page(
            wanted["Bucket"], wanted["Prefix"], wanted["Delimiter"], wanted.get("ContinuationToken")
        )
        page: dict[str, Any] = {"IsTruncated": token is not None}
        page |= {"Contents": [{"Key": name, "Size": 1} for name in names]} if names else {}
        return page | ({"NextContinuationToken": token} if token else {})


class _Gcs(_Bucket):
    protocol = ("page-gs", "gs", "gcs")

    def call(self, method: str, path: str, bucket: str, *, json_out: bool, **wanted: str) -> dict[str, Any]:
        assert (method, path, json_out) == ("GET", "b/{}/o", True)
        names, token = self._page(bucket, wanted["prefix"], wanted["delimiter"], wanted.get("pageToken"))
        page = {"items": [{"name": name} for name in names]} if names else {}
        return page | ({"nextPageToken": token} if token else {})


class _Azure(_Bucket):
    protocol = ("page-az", "abfs", "az")
    loop = get_loop()

    @property
    def service_client(self) -> _Azure:
        return self

    def get_container_client(self, container: str) -> _Container:
        return _Container(self, container)


class _Container:
    def __init__(self, store: _Bucket, name: str) -> None:
        self._store = store
        self._name = name

    def list_blobs(self, *, name_starts_with: str, include: list[str]) -> _Blobs:
        assert include == ["metadata"]
        return _Blobs(lambda token: self._store._page(self._name, name_starts_with, "", token))

    def walk_blobs(self, *, name_starts_with: str, include: list[str], delimiter: str) -> _Blobs:
        assert include == ["metadata"]
        return _Blobs(lambda token: self._store._page(self._name, name_starts_with, delimiter, token))


class _Blobs:
    """Of an account with folders: each page begins with some."""

    def __init__(self, page: Callable[[str | None], tuple[list[str], str | None]]) -> None:
        self._page = page

    async def by_page(self) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        names, token = self._page(None)
        yield self._entries(names)
        while token is not None:
            names, token = self._page(token)
            yield self._entries(names)

    async def _entries(self, names: list[str]) -> AsyncIterator[dict[str, Any]]:
        for mark in ({"hdi_isfolder": "true"}, {"Hdi_isfolder": "True"}, {"is_directory": "true"}):
            yield {"name": "a/folder", "metadata": mark}
        for name in names:
            yield {"name": name, "metadata": {"is_directory": "false"} if name == "b.jpg" else None}


@pytest.fixture(params=[_S3, _Gcs, _Azure])
def store(request: pytest.FixtureRequest) -> str:
    """Its protocol."""
    protocol: str = request.param.protocol[0]
    fsspec.register_implementation(protocol, request.param, clobber=True)
    _Bucket.asked.clear()
    return protocol


@pytest.mark.parametrize(
    ("source", "relative"),
    [
        ("bucket", ["b.jpg", "x/a.jpg", "x/b.png", "x/y/c.jpg", "xz/e.jpg"]),
        ("bucket/x", ["a.jpg", "b.png", "y/c.jpg"]),
        ("bucket/x/", ["a.jpg", "b.png", "y/c.jpg"]),
        ("bucket/x/a.jpg", ["a.jpg"]),
        ("bucket/*.jpg", ["b.jpg"]),
        ("bucket/x/*.jpg", ["a.jpg"]),
        ("bucket/**/c.jpg", ["x/y/c.jpg"]),
        ("bucket/x*/*.jpg", ["x/a.jpg", "xz/e.jpg"]),
    ],
)
def test_a_bucket_is_listed_through_all_its_pages(store, source, relative):
    found = list(list_source(f"{store}://{source}"))

    assert [listed.relative for listed in found] == relative
    assert all(
        listed.path == f"{store}://bucket/{name}" for listed, name in zip(found, _whole(found), strict=True)
    )


def _whole(found: list[Any]) -> list[str]:
    """The names in the bucket that end as the relative paths do."""
    return [next(name for name in NAMES if listed.path.endswith(f"/{name}")) for listed in found]


def test_no_more_than_a_page_is_asked_for_before_it_is_needed(store):
    names = list_source(f"{store}://bucket")
    next(names)
    assert [asked["token"] for asked in _Bucket.asked] == [None]

    list(names)
    assert [asked["token"] for asked in _Bucket.asked] == [None, "2", "4", "6"]


@pytest.mark.parametrize(
    ("pattern", "prefix", "delimiter"), [("x/a*.jpg", "x/a", "/"), ("x/**", "x/", ""), ("x*/a.jpg", "x", "")]
)
def test_a_glob_is_asked_for_no_wider_than_it_must(store, pattern, prefix, delimiter):
    list(list_source(f"{store}://bucket/{pattern}"))

    assert {(asked["prefix"], asked["delimiter"]) for asked in _Bucket.asked} == {(prefix, delimiter)}


def test_a_wildcard_in_a_buckets_name_is_refused(store):
    with pytest.raises(SourceError, match="no wildcard may stand in the name of a bucket"):
        list(list_source(f"{store}://buck*/x"))

    assert _Bucket.asked == []


def test_a_url_without_a_bucket_is_refused(store):
    with pytest.raises(SourceError, match="no bucket is named"):
        list(list_source(f"{store}://"))


def test_a_folder_without_anything_is_an_error(store):
    with pytest.raises(SourceError, match=f"{store}://bucket/z/: no file there"):
        list(list_source(f"{store}://bucket/z/"))


def test_an_object_is_read_by_one_request_for_no_more_than_may_be(store):
    with Reader(max_bytes=10) as reader:
        assert reader.read(f"{store}://bucket/b.jpg") == b"photograph"
    with Reader(max_bytes=9) as reader, pytest.raises(ImageTooLargeError):
        reader.read(f"{store}://bucket/b.jpg")

    read = {"read": "bucket/b.jpg", "start": 0}
    assert _Bucket.asked == [read | {"end": 11}, read | {"end": 10}]


def test_an_empty_object_has_no_range_and_is_read_all_the_same(store):
    with Reader(max_bytes=10) as reader:
        assert reader.read(f"{store}://bucket/x/a.jpg") == b""


def test_an_object_that_is_gone_is_a_refused_photograph(store):
    with Reader(max_bytes=10, sleep=pytest.fail) as reader, pytest.raises(UnreadableImageError):
        reader.read(f"{store}://bucket/gone.jpg")

    assert _Bucket.asked == []


def test_an_object_that_may_not_be_read_is_not_asked_for_twice(store, monkeypatch):
    def forbid(*_args, **_options):
        raise PermissionError(13, "Forbidden")

    monkeypatch.setattr(_Bucket, "cat_file", forbid)

    with Reader(max_bytes=10, sleep=pytest.fail) as reader, pytest.raises(UnreadableImageError):
        reader.read(f"{store}://bucket/b.jpg")

    assert _Bucket.asked == []


# moto is a store in a process of its own: its many requirements are none of this project's.
PROGRAM = """
import json, os, sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(port=0)
server.start()
url = "http://%s:%s" % server.get_host_and_port()
os.environ |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
os.environ["AWS_ENDPOINT_URL"] = url
import boto3
client = boto3.client("s3")
client.create_bucket(Bucket="bucket")
names = ["b.jpg", "x/a.jpg", "x/.b.jpg", "x/y z/ü*.jpg", "x/", "x/empty.jpg"]
names += [f"many/{n:05}.jpg" for n in range(2500)]
for name in names:
    client.put_object(Bucket="bucket", Key=name, Body=b"" if "empty" in name else name.encode())
from scoring.sources.listing import list_source
from scoring.sources.reader import Reader
with Reader(max_bytes=1000) as reader:
    some = [(p.path, p.relative, reader.read(p.path).decode()) for p in list_source("s3://bucket/x")]
many = [p.relative for p in list_source("s3://bucket/many/0*.jpg")]
server.stop()
print(json.dumps({"some": some, "many": many}))
"""


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("s3fs") is None or find_spec("moto") is None, reason="pip install s3fs 'moto[server]'"
)
def test_s3_is_listed_and_read_by_its_own_protocol():
    ended = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    found = json.loads(ended.stdout.splitlines()[-1])

    assert found["some"] == [
        ["s3://bucket/x/a.jpg", "a.jpg", "x/a.jpg"],
        ["s3://bucket/x/empty.jpg", "empty.jpg", ""],
        ["s3://bucket/x/y z/ü*.jpg", "y z/ü*.jpg", "x/y z/ü*.jpg"],
    ]
    assert found["many"] == [f"{number:05}.jpg" for number in range(2500)]
