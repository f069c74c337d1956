"""Options and order of the test run."""

from __future__ import annotations

import gc
import sys
from collections import Counter, defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.manifests import manifest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--prove", action="store_true", help="the long proofs at full length (make prove)")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collecting imports stays: no search for garbage goes through it, then or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where processes share the files, those that may take long come first: short ones fill what is left."""
    if not hasattr(config, "workerinput"):
        return
    marks: dict[Path, Counter[str]] = defaultdict(Counter)
    for item in items:
        marks[item.path].update({"items", *(mark.name for mark in item.iter_markers())})
    kinds = ("timeout", "slow", "tensorflow", "items")
    items.sort(key=lambda item: ([-marks[item.path][kind] for kind in kinds], item.path))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fail where tests that need no TensorFlow import it: seconds in each process of `make test-fast`."""
    needed = any(item.get_closest_marker("tensorflow") for item in session.items)
    if "tensorflow" in sys.modules and not needed:
        pytest.exit("a test file imports TensorFlow: let its tests or fixtures do so", returncode=1)


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
