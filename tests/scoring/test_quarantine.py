"""Copies of refused photographs, the same on every try."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from contract.errors import ImageUndecodableError, UnsupportedFormatError
from scoring.errors import OutputError
from scoring.quarantine import Quarantine

SHA256 = "0123456789abcdef" * 4
REFUSAL = UnsupportedFormatError("not an image")


def _kept(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_lies_under_its_code_by_digest_and_name(tmp_path):
    quarantine = Quarantine(tmp_path / "bad")

    quarantine.keep("/data/x/a.jpg", SHA256, b"text", REFUSAL)
    quarantine.keep("b.jpg", SHA256, b"cut", ImageUndecodableError("truncated"))

    assert _kept(tmp_path / "bad") == {
        "unsupported_format/0123456789abcdef-a.jpg": b"text",
        "image_undecodable/0123456789abcdef-b.jpg": b"cut",
    }


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("s3://bucket/x/a.jpg", "a.jpg"),
        ("zip://x/a.jpg::/data/p.zip", "a.jpg"),
        ("", ""),
        ("caf\udce9.jpg", "caf\udce9.jpg"),
        ("x" * 250 + ".jpg", "x" * 96 + ".jpg"),
        ("日" * 80 + ".jpg", "日" * 32 + ".jpg"),
    ],
)
def test_any_path_gives_a_name_that_a_file_can_have(tmp_path, path, name):
    Quarantine(tmp_path).keep(path, SHA256, b"text", REFUSAL)

    assert list(_kept(tmp_path)) == [f"unsupported_format/0123456789abcdef-{name}"]


def test_a_name_cannot_lead_out_of_the_folder(tmp_path):
    Quarantine(tmp_path / "bad").keep("x/..", SHA256, b"text", REFUSAL)

    assert list(_kept(tmp_path)) == ["bad/unsupported_format/0123456789abcdef-.."]


def test_the_same_photograph_kept_again_is_one_copy(tmp_path):
    for _ in range(2):
        Quarantine(tmp_path).keep("a.jpg", SHA256, b"text", REFUSAL)

    assert len(_kept(tmp_path)) == 1


def test_threads_may_keep_equal_photographs_of_one_name_at_once(tmp_path):
    quarantine = Quarantine(tmp_path)
    data = bytes(200_000)

    with ThreadPoolExecutor(8) as threads:
        kept = [threads.submit(quarantine.keep, f"{n}/a.jpg", SHA256, data, REFUSAL) for n in range(100)]

    assert [future.exception() for future in kept] == [None] * 100
    assert list(_kept(tmp_path).values()) == [data]


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(OutputError, match=r"a\.jpg: Not a directory"):
        Quarantine(tmp_path / "file").keep("a.jpg", SHA256, b"text", REFUSAL)
