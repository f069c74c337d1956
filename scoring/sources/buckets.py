"""Buckets of S3, Google Cloud Storage and Azure: listed a page at a time, each object read by one request.

fsspec's own listing is one list of all objects, with everything that the store says of each.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from fsspec.asyn import sync

from scoring.errors import SourceError
from scoring.sources.protocols import protocols_of
from scoring.sources.wildcards import before_wildcard, has_wildcard, matching

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

    Raises:
        SourceError: no bucket is named, or its name is a glob.
    """
    if not root:
        raise SourceError("no bucket is named")
    if has_wildcard(root.partition("/")[0]):
        raise SourceError(f"{root}: no wildcard may stand in the name of a bucket")
    pages = _pages_of(filesystem)
    assert pages is not None, "asked only of buckets"  # noqa: S101 - a fault of ours
    matches = matching(root) if has_wildcard(root) else None
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
    names = protocols_of(filesystem)
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


def _azure(filesystem: Any, bucket: str, prefix: str, delimiter: str) -> Iterator[list[str]]:
    """https://learn.microsoft.com/rest/api/storageservices/list-blobs.

    An account with a hierarchical namespace lists its folders too, as blobs that say so in their metadata.
    """
    container = filesystem.service_client.get_container_client(bucket)
    wanted = {"name_starts_with": prefix, "include": ["metadata"]}
    blobs = (
        container.walk_blobs(delimiter=delimiter, **wanted) if delimiter else container.list_blobs(**wanted)
    )
    pages = blobs.by_page()
    while (page := sync(filesystem.loop, _next_page, pages)) is not None:
        yield [blob["name"] for blob in page if not _is_azure_folder(blob.get("metadata") or {})]


def _is_azure_folder(metadata: Mapping[str, str]) -> bool:
    """Written by one system or another, in small letters or not."""
    plain = {name.lower(): value.lower() for name, value in metadata.items()}
    return "true" in {plain.get("hdi_isfolder"), plain.get("is_directory")}


async def _next_page(pages: AsyncIterator[AsyncIterator[Any]]) -> list[Any] | None:
    async for page in pages:
        return [entry async for entry in page]
    return None


_PAGES: dict[str, Pages] = {"s3": _s3, "gs": _gcs, "az": _azure}
