"""The copy of an object store that a model server reads: rclone itself, a folder in the store's place."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.rendered import DEPLOY

pytestmark = pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed")
SCRIPT = DEPLOY / "components" / "model-sync" / "sync.sh"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    (tmp_path / "models").mkdir()
    return tmp_path / "store"


def put(version: Path, *, whole: bool = True) -> None:
    (version / "variables").mkdir(parents=True)
    (version / "variables" / "variables.index").write_text("weights")
    if whole:
        (version / "saved_model.pb").write_text("graph")


def sync(store: Path) -> tuple[int, list[str]]:
    """Once; gives the exit status, and the versions that are there then."""
    models = store.parent / "models"
    environment = os.environ | {"SOURCE": str(store), "MODELS": str(models), "RCLONE_CONFIG": "/notfound"}
    done = subprocess.run(("/bin/sh", SCRIPT, "once"), env=environment, capture_output=True, check=False)
    return done.returncode, sorted(str(path.relative_to(models)) for path in models.glob("*/*"))


def test_a_version_is_copied_whole(store: Path) -> None:
    put(store / "flowers" / "1")

    assert sync(store) == (0, ["flowers/1"])
    copied = store.parent / "models" / "flowers" / "1"
    assert (copied / "variables" / "variables.index").read_text() == "weights"
    assert (copied / "saved_model.pb").read_text() == "graph"


def test_a_version_that_is_still_being_uploaded_is_left_for_later(store: Path) -> None:
    put(store / "flowers" / "1", whole=False)
    put(store / "flowers" / "2")

    assert sync(store) == (0, ["flowers/2"])


def test_a_new_version_comes_and_a_withdrawn_one_goes(store: Path) -> None:
    put(store / "flowers" / "1")
    put(store / "hands" / "7")
    sync(store)
    put(store / "flowers" / "2")
    shutil.rmtree(store / "hands" / "7")

    assert sync(store) == (0, ["flowers/1", "flowers/2"])


def test_a_store_that_does_not_answer_changes_nothing(store: Path) -> None:
    put(store / "flowers" / "1")
    sync(store)
    store.rename(store.with_name("elsewhere"))

    status, versions = sync(store)

    assert status != 0
    assert versions == ["flowers/1"]


def test_an_emptied_store_is_taken_for_a_mistake(store: Path) -> None:
    put(store / "flowers" / "1")
    sync(store)
    shutil.rmtree(store / "flowers")

    status, versions = sync(store)

    assert status != 0
    assert versions == ["flowers/1"]


def test_what_a_broken_copy_left_behind_is_no_version(store: Path) -> None:
    put(store / "flowers" / "1")
    put(store.parent / "models" / ".incoming", whole=False)

    assert sync(store) == (0, ["flowers/1"])
    assert not (store.parent / "models" / "flowers" / "1" / ".incoming").exists()


def test_followed_it_says_when_everything_is_there_and_goes_on_looking(store: Path, tmp_path: Path) -> None:
    put(store / "flowers" / "1")
    models = tmp_path / "models"
    environment = os.environ | {"SOURCE": str(store), "MODELS": str(models), "RCLONE_CONFIG": "/notfound"}
    command = ("/bin/sh", SCRIPT)
    with subprocess.Popen(
        command, env=environment | {"EVERY_SECONDS": "0.2"}, start_new_session=True
    ) as process:
        try:
            until((models / ".synced").exists)
            assert (models / "flowers" / "1").is_dir()
            put(store / "flowers" / "2")
            until((models / "flowers" / "2").is_dir)
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def test_sigterm_ends_it_at_once_though_it_is_the_first_process_of_its_container(
    store: Path, tmp_path: Path
) -> None:
    """No signal reaches such a process that it does not catch."""
    put(store / "flowers" / "1")
    models = tmp_path / "models"
    environment = os.environ | {"SOURCE": str(store), "MODELS": str(models), "RCLONE_CONFIG": "/notfound"}
    with subprocess.Popen(("/bin/sh", SCRIPT), env=environment, start_new_session=True) as process:
        try:
            until((models / ".synced").exists)
            process.terminate()
            assert process.wait(5) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def until(happened: Callable[[], bool], *, seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.05)
