"""A flat folder of numbered files, with a text that says which numbers are of which class.

The Oxford 17 Flowers come like that: `image_0001.jpg` to `image_1360.jpg`. A line of the text names a class
and its first and last number: `Tulip 1-80`, `Tulip, 1, 80` or `1 80 Tulip`. Empty lines and those that begin
with `#` say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from training.errors import DatasetError
from training.photographs import Photograph, printable
from training.reading import Unreadable

_RANGE = r"(?P<first>\d+)\s*[\s,;:\u2012-\u2015\u2212-]\s*(?P<last>\d+)"  # people type dashes of any length
_LINES = (
    re.compile(rf"(?P<label>.*?[^\s,;:])[\s,;:]+{_RANGE}"),
    re.compile(rf"{_RANGE}[\s,;:]+(?P<label>.+)"),
)
_NUMBER = re.compile(r"\d+$")


@dataclass(frozen=True, kw_only=True)
class _Range:
    """The numbers `first` to `last` are of the class `label`; `line` of the text says so."""

    label: str
    first: int
    last: int
    line: int

    def __str__(self) -> str:
        return f"line {self.line} ({self.label} {self.first}-{self.last})"


def photographs_by_range(
    folder: Path, ranges_file: Path
) -> tuple[tuple[Photograph, ...], tuple[Unreadable, ...]]:
    """Label the files by their numbers, the last digits of their names.

    Returns:
        The photographs, their relative paths as if each lay in a folder of its class; and what has no number
        in its name, and so no class.

    Raises:
        DatasetError: a line that is no range or overlaps another, a class named twice or that cannot be a
            folder, two files of one number, a number without a file or a file that is in no range.
    """
    try:
        ranges = _read_ranges(ranges_file)
        files = [child for child in _visible(folder) if not child.samefile(ranges_file)]
    except UnicodeDecodeError as exc:
        raise DatasetError(f"{ranges_file} is no text in UTF-8") from exc
    except OSError as exc:
        raise DatasetError(f"cannot read {exc.filename}: {exc.strerror}") from exc
    photographs = tuple(_labelled(_by_number(files), ranges, ranges_file))
    without_number = tuple(
        Unreadable(path=printable(file.name), code="no_number", detail="its name does not end with a number")
        for file in files
        if _number(file) is None
    )
    return tuple(sorted(photographs, key=lambda photograph: photograph.relative)), without_number


def _visible(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if not child.name.startswith("."))


def _number(file: Path) -> int | None:
    match = _NUMBER.search(file.stem)
    return int(match[0]) if match else None


def _by_number(files: Sequence[Path]) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for file in files:
        number = _number(file)
        if number is not None and found.setdefault(number, file) != file:
            raise DatasetError(
                f"{printable(str(found[number]))} and {printable(file.name)} have the same number"
            )
    return found


def _labelled(files: Mapping[int, Path], ranges: Sequence[_Range], ranges_file: Path) -> Iterator[Photograph]:
    in_range = set()
    for one in ranges:
        for number in range(one.first, one.last + 1):
            if number not in files:
                raise DatasetError(f"{ranges_file}: no file has the number {number} of {one}")
            in_range.add(number)
            relative = f"{one.label}/{printable(files[number].name)}"
            yield Photograph(path=files[number], relative=relative, label=one.label, split=None)
    strangers = sorted(set(files) - in_range)
    if strangers:
        raise DatasetError(f"{printable(str(files[strangers[0]]))} is in no range of {ranges_file}")


def _read_ranges(path: Path) -> list[_Range]:
    """In the order of their numbers."""
    lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
    numbered = [(n, line) for n, line in enumerate(lines, start=1) if line and not line.startswith("#")]
    ranges = sorted((_range(path, n, line) for n, line in numbered), key=lambda one: one.first)
    for one, following in pairwise(ranges):
        if following.first <= one.last:
            raise DatasetError(f"{path}: {following} overlaps {one}")
    by_label: dict[str, _Range] = {}
    for one in ranges:  # a file system may take two names that differ in case for one
        other = by_label.setdefault(one.label.casefold(), one)
        if other is not one:
            raise DatasetError(f"{path}: {one} names the same class as {other}")
    if not ranges:
        raise DatasetError(f"{path} names no range")
    return ranges


def _range(path: Path, number: int, line: str) -> _Range:
    match = next((match for pattern in _LINES if (match := pattern.fullmatch(line))), None)
    if match is None:
        raise DatasetError(
            f"{path}: line {number} is no class with its range, as in 'Tulip 1-80': {line[:80]!r}"
        )
    one = _Range(label=match["label"], first=int(match["first"]), last=int(match["last"]), line=number)
    if one.last < one.first:
        raise DatasetError(f"{path}: {one} ends before it begins")
    if one.label.startswith(".") or "/" in one.label or "\0" in one.label:
        raise DatasetError(f"{path}: {one} has a class whose name cannot be a folder's")
    return one
