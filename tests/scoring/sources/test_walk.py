"""Stores that are asked folder by folder."""

from __future__ import annotations

import pytest

from scoring.errors import SourceError
from scoring.sources.walk import files_below, files_matching, store_folder

TREE = {
    "r": ["r/b.jpg", "r/a/", "r/a-b.jpg", "r/z/"],
    "r/a": ["r/a/y/", "r/a/c.jpg"],
    "r/a/y": ["r/a/y/d.jpg", "r/a/y/e.png"],
    "r/z": [],
}


class _Store:
    """Remembers which folders it was asked for."""

    def __init__(self):
        self.asked = []

    def folder(self, name):
        self.asked.append(name)
        return TREE[name]


ALL = ["r/a-b.jpg", "r/a/c.jpg", "r/a/y/d.jpg", "r/a/y/e.png", "r/b.jpg"]


def test_files_come_sorted_by_path():
    store = _Store()

    assert list(files_below(store.folder, "r")) == ALL
    assert store.asked == ["r", "r/a", "r/a/y", "r/z"]


@pytest.mark.parametrize(
    ("glob", "found", "asked"),
    [
        ("r/*.jpg", ["r/a-b.jpg", "r/b.jpg"], ["r"]),
        ("r/*", ["r/a-b.jpg", "r/b.jpg"], ["r"]),
        ("r/a/**/*.jpg", ["r/a/c.jpg", "r/a/y/d.jpg"], ["r/a", "r/a/y"]),
        ("r/**", ALL, ["r", "r/a", "r/a/y", "r/z"]),
        ("r/[a-b]/y/?.png", ["r/a/y/e.png"], ["r", "r/a", "r/a/y"]),
        ("r/[!a]*/*", [], ["r", "r/z"]),
    ],
)
def test_no_folder_is_asked_for_that_cannot_hold_what_a_glob_matches(glob, found, asked):
    store = _Store()

    assert list(files_matching(store.folder, glob)) == found
    assert store.asked == asked


def test_a_glob_of_the_uppermost_folder_begins_there():
    top = {"/": ["/a.jpg", "/x/"], "/x": ["/x/b.jpg"]}

    assert list(files_matching(top.__getitem__, "/*/b.jpg")) == ["/x/b.jpg"]
    assert list(files_matching(top.__getitem__, "/*.jpg")) == ["/a.jpg"]


def test_what_is_no_glob_is_one_clear_line():
    with pytest.raises(SourceError, match=r"r/a\*\*: "):
        files_matching(_Store().folder, "r/a**")


def test_a_folder_is_asked_for_once_what_stands_before_it_was_taken():
    store = _Store()

    names = files_below(store.folder, "r")

    assert next(names) == "r/a-b.jpg"
    assert store.asked == ["r"]


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (PermissionError(13, "Permission denied"), "r/a: Permission denied"),
        (FileNotFoundError("r/a"), "r/a: no such folder"),
    ],
)
def test_a_folder_that_cannot_be_listed_is_named_and_no_shorter_list(failure, text):
    def folder(name):
        if name == "r/a":
            raise failure
        return TREE[name]

    with pytest.raises(SourceError, match=text):
        list(files_below(folder, "r"))


def test_a_folder_that_leads_back_into_itself_ends():
    with pytest.raises(SourceError, match="folders in one another"):
        list(files_below(lambda name: [f"{name}/again/"], "r"))


class _Listing:
    """As much of fsspec as is asked for here; what it remembers is out of date."""

    def __init__(self, entries):
        self.dircache = {"b/x": []}
        self._entries = entries

    def ls(self, folder, *, detail):
        assert detail
        return self.dircache.setdefault(folder, self._entries)


def test_a_stores_folder_is_what_it_is_now_and_not_kept():
    store = _Listing(
        [
            {"name": "b/x", "type": "directory"},  # the object that some stores have for a folder
            {"name": "b/x/y/", "type": "directory"},
            {"name": "b/x/a.jpg", "type": "file"},
            {"name": "b/x/pipe.jpg", "type": "other"},
        ]
    )

    assert list(store_folder(store, "b/x")) == ["b/x/y/", "b/x/a.jpg"]
    assert store.dircache == {}
