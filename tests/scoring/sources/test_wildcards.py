"""What is a glob, and where it begins."""

from __future__ import annotations

import pytest

from scoring.sources.wildcards import before_wildcard, fixed_part, has_wildcard, matching, may_hold


@pytest.mark.parametrize(
    ("path", "before", "fixed"),
    [
        ("bucket/x/*.jpg", "bucket/x/", "bucket/x"),
        ("bucket/x/a?.jpg", "bucket/x/a", "bucket/x"),
        ("*.jpg", "", ""),
        ("/t*/x.jpg", "/t", "/"),
        ("http://host/x/a*.jpg", "http://host/x/a", "http://host/x"),
        ("http://[::1]:8000/x/[ab].jpg", "http://[::1]:8000/x/", "http://[::1]:8000/x"),
    ],
)
def test_a_glob_has_a_part_that_is_fixed(path, before, fixed):
    assert has_wildcard(path)
    assert before_wildcard(path) == before
    assert fixed_part(path) == fixed


@pytest.mark.parametrize(
    "path", ["bucket/x", "", "https://host/a.jpg?signature=1*[x]", "http://[::1]:8000/a.jpg"]
)
def test_what_is_no_glob_is_fixed(path):
    assert not has_wildcard(path)
    assert fixed_part(path) == path


@pytest.mark.parametrize(
    ("glob", "name"),
    [
        ("http://host/my photos/a b*", "http://host/my photos/a%20b.jpg"),
        ("http://host/my%20photos/a%20b*", "http://host/my%20photos/a%20b.jpg"),
        ("http://host/*.jpg", "http://host/a.jpg?v=2"),
        ("http://host/x/**/é.jpg", "http://host/x/y/%C3%A9.jpg"),
    ],
)
def test_a_web_servers_name_matches_however_it_is_written(glob, name):
    assert matching(glob)(name)


@pytest.mark.parametrize(
    ("glob", "folder", "may"),
    [
        ("http://host/my photos/a b*/*.jpg", "http://host/my photos/a%20b1/", True),
        ("http://host/my photos/a b*/*.jpg", "http://host/my photos/b/", False),
        ("/s*/x/*.jpg", "/srv/", True),
        ("/s*/x/*.jpg", "/srv/y/", False),
    ],
)
def test_a_folder_may_hold_what_a_glob_matches(glob, folder, may):
    assert may_hold(glob)(folder) is may
