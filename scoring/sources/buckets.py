"""Buckets of S3 and Google Cloud Storage: listed a page at a time, and each object read by one request.

fsspec's own listing is one list of all objects, with everything that the store says of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from fsspec.utils import glob_translate

from scoring.sources.wildcards import before_wildcard, has_wildcard

# Pages of names of one bucket: those that begin with a prefix, and none with the delimiter after it.
Pages = Callable[[Any, str, str, str], Iterator[list[str]]]


def is_bucket(filesystem: Any) -> bool:
    """Whether it is a file system of buckets of a kind that is known here."""
    return _pages_of(filesystem) is not None


def bucket_names(filesystem: Any, root: str) -> Iterator[str]:
    """`bucket/name` of all objects below a folder or that match a glob, in the store's order: sorted.

    Args:
        filesystem: of fsspec, of buckets.
        root: bucket and folder, or a glob.
    """
    pages = _pages_of(filesystem)
    assert pages is not None, "asked only of buckets"  # noqa: S101 - a fault of ours
    matches = re.compile(glob_translate(root)).match if has_wildcard(root) else None
    start = before_wildcard(root) if matches else f"{root.rstrip('/')}/"
    bucket, _, prefix = start.partition("/")
    within_one_folder = matches and "/" not in root[len(start) :] and "**" not in root
    for page in pages(filesystem, bucket, prefix, "/" if within_one_folder else ""):
        for name in page:
            path = f"{bucket}/{name}"
            if not name.endswith("/") and (matches is None or matches(path)):
                yield path


def read_object(filesystem: Any, name: str, size: int) -> bytes:
    """At most so many of an object's first bytes, by one request: opening it would first ask what it is."""
    try:
        data: bytes = filesystem.cat_file(name, start=0, end=size)
    except (FileNotFoundError, PermissionError):
        raise
    # An empty object has no first byte, and each store refuses that in a way of its own.
    except Exception:  # noqa: BLE001
        with filesystem.open(name, "rb") as file:
            data = file.read(size)
    return data


def _pages_of(filesystem: Any) -> Pages | None:
    protocol = filesystem.protocol
    names = {protocol} if isinstance(protocol, str) else set(protocol)
    return next((pages for kind, pages in _PAGES.items() if kind in names), None)


def _s3(filesystem: Any, bucket: str, prefix: str, delimiter: str) -> Iterator[list[str]]:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html."""
    wanted = {"Bucket": bucket, "Prefix": prefix, "Delimiter": delimiter}
    while True:
        page = filesystem.call_s3("list_objects_v2", **wanted)
        yield [entry["Key"] for entry in page.get("Contents", ())]
        if not page.get("IsTruncated"):
            return
        wanted["ContinuationToken"] = page["NextContinuationToken"]


def _gcs(filesystem: Any, bucket: str, prefix: str, delimiter: str) -> Iterator[list[str]]:
    """https://cloud.google.com/storage/docs/json_api/v1/objects/list."""
    wanted = {"prefix": prefix, "delimiter": delimiter, "fields": "items(name),nextPageToken"}
    while True:
        page = filesystem.call("GET", "b/{}/o", bucket, json_out=True, **wanted)
        yield [entry["name"] for entry in page.get("items", ())]
        if "nextPageToken" not in page:
            return
        wanted["pageToken"] = page["nextPageToken"]


_PAGES: dict[str, Pages] = {"s3": _s3, "gs": _gcs}
