"""Stores that are asked folder by folder."""

from __future__ import annotations

import pytest

from scoring.sources.walk import files_below, store_folder

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


@pytest.mark.parametrize(
    ("root", "found", "asked"),
    [
        (
            "r",
            ["r/a-b.jpg", "r/a/c.jpg", "r/a/y/d.jpg", "r/a/y/e.png", "r/b.jpg"],
            ["r", "r/a", "r/a/y", "r/z"],
        ),
        ("r/*.jpg", ["r/a-b.jpg", "r/b.jpg"], ["r"]),
        ("r/a/**/*.jpg", ["r/a/c.jpg", "r/a/y/d.jpg"], ["r/a", "r/a/y"]),
        ("r/**", ["r/a-b.jpg", "r/a/c.jpg", "r/a/y/d.jpg", "r/a/y/e.png", "r/b.jpg"], None),
        ("r/[a-b]/y/?.png", ["r/a/y/e.png"], ["r", "r/a", "r/a/y"]),
        ("r/[!a]*/*", [], ["r", "r/z"]),
    ],
)
def test_files_come_sorted_by_path_and_no_folder_is_asked_for_in_vain(root, found, asked):
    store = _Store()

    assert list(files_below(store.folder, root)) == found
    assert asked is None or store.asked == asked


def test_a_folder_is_asked_for_once_what_stands_before_it_was_taken():
    store = _Store()

    names = files_below(store.folder, "r")

    assert next(names) == "r/a-b.jpg"
    assert store.asked == ["r"]


def test_a_folder_that_cannot_be_listed_is_no_shorter_list():
    def folder(name):
        if name == "r/a":
            raise PermissionError(name)
        return TREE[name]

    with pytest.raises(PermissionError):
        list(files_below(folder, "r"))


class _Listing:
    """As much of fsspec as is asked for here."""

    def __init__(self, entries):
        self.dircache = {}
        self._entries = entries

    def ls(self, folder, *, detail):
        assert detail
        self.dircache[folder] = self._entries
        return self._entries


def test_a_stores_folder_is_not_in_itself_and_not_kept():
    store = _Listing(
        [
            {"name": "b/x", "type": "directory"},  # the object that some stores have for a folder
            {"name": "b/x/y/", "type": "directory"},
            {"name": "b/x/a.jpg", "type": "file"},
        ]
    )

    assert list(store_folder(store, "b/x")) == ["b/x/y/", "b/x/a.jpg"]
    assert store.dircache == {}
