from __future__ import annotations

from pathlib import Path

from training.duplicates import Duplicate, leave_out_duplicates
from training.photographs import Photograph


def _photographs(content):
    """Photographs and digests, from `{"train/a/1.png": "content"}`."""
    found = [
        Photograph(path=Path(path), relative=path, label=path.split("/")[1], split=path.split("/")[0])
        for path in content
    ]
    return found, content


def test_a_held_out_split_keeps_what_an_earlier_one_loses():
    found, sha256 = _photographs(
        {
            "test/a/1": "in all",
            "train/a/1": "in all",
            "train/a/2": "in validation",
            "train/a/3": "alone",
            "validation/a/1": "in all",
            "validation/a/2": "in validation",
        }
    )

    kept, duplicates = leave_out_duplicates(found, sha256)

    assert [p.relative for p in kept] == ["test/a/1", "train/a/3", "validation/a/2"]
    assert duplicates == (
        Duplicate(path="train/a/1", same_as="test/a/1"),
        Duplicate(path="train/a/2", same_as="validation/a/2"),
        Duplicate(path="validation/a/1", same_as="test/a/1"),
    )


def test_the_class_does_not_matter_and_copies_within_a_split_stay():
    found, sha256 = _photographs({"test/a/1": "x", "test/a/2": "x", "train/b/1": "x", "train/b/2": "y"})

    kept, duplicates = leave_out_duplicates(found, sha256)

    assert [p.relative for p in kept] == ["test/a/1", "test/a/2", "train/b/2"]
    assert [duplicate.path for duplicate in duplicates] == ["train/b/1"]
