"""What `miwake train` is given in its tests; a file with other photographs has a fixture of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.miwake.train_command import write_photographs, write_small_recipe


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    return write_photographs(tmp_path / "photographs")


@pytest.fixture
def small_recipe(tmp_path: Path) -> str:
    return write_small_recipe(tmp_path / "small.toml")
