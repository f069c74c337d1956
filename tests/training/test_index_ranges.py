from __future__ import annotations

import os

import pytest

from training.errors import DatasetError
from training.index_ranges import photographs_by_range


@pytest.fixture
def flat(tmp_path):
    """Six files, `image_0001.jpg` to `image_0006.jpg`."""
    folder = tmp_path / "flat"
    folder.mkdir()
    for number in range(1, 7):
        (folder / f"image_{number:04}.jpg").touch()
    return folder


def _by_range(folder, text):
    ranges = folder / "labels.txt"
    ranges.write_text(text, "utf-8")
    return photographs_by_range(folder, ranges)


@pytest.mark.parametrize(
    "text",
    [
        "Tulip 1-4\nBoeing 747 5-6",
        "Boeing 747 5–6\r\nTulip 1–4\r\n",  # noqa: RUF001 - an en dash, as in the published list
        "\ufeffTulip 1 4\n\n# two more\nBoeing 747 5 6\n",
        "Tulip\t1\t4\nBoeing 747\t5\t6",
        "Tulip,1,4\nBoeing 747, 5, 6",
        "Tulip: 1 - 4\nBoeing 747 : 0005 — 0006",
        "1 4 Tulip\n5-6, Boeing 747",
    ],
)
def test_lines_are_read_as_people_write_them(flat, text):
    found, left_out = _by_range(flat, text)

    assert [(p.relative, p.label, p.split) for p in found] == [
        ("Boeing 747/image_0005.jpg", "Boeing 747", None),
        ("Boeing 747/image_0006.jpg", "Boeing 747", None),
        *((f"Tulip/image_000{number}.jpg", "Tulip", None) for number in (1, 2, 3, 4)),
    ]
    assert {p.path.parent for p in found} == {flat}
    assert left_out == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1-3\nb 3-6", r"line 2 \(b 3-6\) overlaps line 1 \(a 1-3\)"),
        ("a 1-6\nb 2-3", r"line 2 \(b 2-3\) overlaps line 1"),
        ("a 1-3\nb 5-6", r"image_0004\.jpg is in no range of .*labels\.txt"),
        ("a 1-3\nb 4-7", r"no file has the number 7 of line 2 \(b 4-7\)"),
        ("a 1-3\na 4-6", r"line 2 \(a 4-6\) names the same class as line 1"),
        ("a 1-3\nA 4-6", r"line 2 \(A 4-6\) names the same class as line 1"),
        ("a 3-1\nb 4-6", r"line 1 \(a 3-1\) ends before it begins"),
        ("a 1-3\n\nb four to six", r"line 3 is no class with its range.*'b four to six'"),
        ("1-3\nb 4-6", r"line 1 is no class with its range"),
        ("../a 1-3\nb 4-6", r"line 1 .* cannot be a folder's"),
        (".a 1-3\nb 4-6", r"line 1 .* cannot be a folder's"),
        ("# nothing\n", r"labels\.txt names no range"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(flat, text, message):
    with pytest.raises(DatasetError, match=message):
        _by_range(flat, text)


def test_two_files_of_one_number_are_refused(flat):
    (flat / "picture_3.png").touch()

    with pytest.raises(DatasetError, match=r"image_0003\.jpg and picture_3\.png have the same number"):
        _by_range(flat, "a 1-3\nb 4-6")


def test_files_without_a_number_are_told_and_hidden_ones_are_not(flat):
    (flat / "readme").touch()
    (flat / os.fsdecode(b"caf\xe9.txt")).touch()
    (flat / ".hidden_9").touch()

    _, left_out = _by_range(flat, "a 1-3\nb 4-6")

    assert [(entry.path, entry.code) for entry in left_out] == [
        ("caf\\udce9.txt", "no_number"),
        ("readme", "no_number"),
    ]


def test_a_list_or_a_folder_that_cannot_be_read_is_one_clear_line(flat, tmp_path):
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(DatasetError, match=r"bytes\.txt is no text in UTF-8"):
        photographs_by_range(flat, tmp_path / "bytes.txt")
    with pytest.raises(DatasetError, match=r"cannot read .*nowhere\.txt: No such file"):
        photographs_by_range(flat, tmp_path / "nowhere.txt")
    (tmp_path / "labels.txt").write_text("a 1-3")
    with pytest.raises(DatasetError, match=r"cannot read .*nowhere: No such file"):
        photographs_by_range(tmp_path / "nowhere", tmp_path / "labels.txt")
