"""What is a glob, and where it begins."""

from __future__ import annotations

import pytest

from scoring.sources.wildcards import before_wildcard, fixed_part, has_wildcard, matching


@pytest.mark.parametrize(
    ("path", "before", "fixed"),
    [
        ("bucket/x/*.jpg", "bucket/x/", "bucket/x"),
        ("bucket/x/a?.jpg", "bucket/x/a", "bucket/x"),
        ("*.jpg", "", ""),
        ("http://host/x/a*.jpg", "http://host/x/a", "http://host/x"),
        ("http://[::1]:8000/x/[ab].jpg", "http://[::1]:8000/x/", "http://[::1]:8000/x"),
    ],
)
def test_a_glob_has_a_part_that_is_fixed(path, before, fixed):
    assert has_wildcard(path)
    assert before_wildcard(path) == before
    assert fixed_part(path) == fixed


@pytest.mark.parametrize(
    "path", ["bucket/x", "", "https://host/a.jpg?signature=1", "http://[::1]:8000/a.jpg"]
)
def test_what_is_no_glob_is_fixed_and_matches_all_below(path):
    assert not has_wildcard(path)
    assert fixed_part(path) == path
    assert matching(path)(f"{path}/a.jpg")
