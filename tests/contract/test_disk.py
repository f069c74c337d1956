from __future__ import annotations

from pathlib import Path

import pytest

from contract.disk import sync_tree, write_atomically


def test_a_file_is_written_anew_with_its_permissions_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    write_atomically(path, "first")
    path.chmod(0o640)

    write_atomically(path, "second ü")

    assert path.read_text("utf-8") == "second ü"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_replaced_stays_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    (path / "inside").mkdir(parents=True)

    with pytest.raises(OSError, match=r"models\.toml"):
        write_atomically(path, "text")

    assert list(tmp_path.iterdir()) == [path]


def test_a_tree_with_links_and_empty_folders_is_brought_to_the_disk(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").write_text("text")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "file")

    sync_tree(tmp_path)

    with pytest.raises(FileNotFoundError):
        sync_tree(tmp_path / "missing")
