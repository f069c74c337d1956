"""Options of the test run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifests import manifest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--prove", action="store_true", help="the long proofs at full length (make prove)")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Folders laid out as models are, with manifests and empty graphs."""
    for name, versions in {"toy": ("1", "00000010", "9"), "other": ("3",)}.items():
        for version in versions:
            folder = tmp_path / "models" / name / version / "assets.extra"
            folder.mkdir(parents=True)
            (folder / "manifest.json").write_text(manifest(name=name, max_batch_size=16).to_json())
            (folder.parent / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "models" / "notes").mkdir()
    (tmp_path / "models" / "toy" / ".incoming-7").mkdir()
    return tmp_path / "models"
