from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from training.errors import ExportError
from training.export.publish import check_writable, publish

from .plans import plan_in


def _write(folder):
    (folder / "saved_model.pb").write_bytes(b"graph")


def test_versions_are_numbered_from_one_and_go_on_after_the_highest(tmp_path):
    first = publish(tmp_path / "m", _write)
    (tmp_path / "m" / "00000007").mkdir()
    (tmp_path / "m" / "notes").mkdir()

    second = publish(tmp_path / "m", _write)

    assert (first.name, second.name) == ("1", "8")
    assert (second / "saved_model.pb").read_bytes() == b"graph"


def test_a_version_is_not_visible_before_it_is_whole(tmp_path):
    seen = []

    def write(folder):
        _write(folder)
        seen.extend(child.name for child in (tmp_path / "m").iterdir())

    publish(tmp_path / "m", write)

    assert [name.isdecimal() for name in seen] == [False]
    assert [child.name for child in (tmp_path / "m").iterdir()] == ["1"]


def test_a_failure_leaves_nothing_behind(tmp_path):
    def fail(folder):
        _write(folder)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        publish(tmp_path / "m", fail)

    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_a_folder_that_was_there_before(tmp_path):
    (tmp_path / "m").mkdir()

    with pytest.raises(ExportError, match="cannot write a version"):
        publish(tmp_path / "m", lambda folder: (folder / "absent" / "file").touch())
    check_writable(tmp_path / "m")

    assert list(tmp_path.iterdir()) == [tmp_path / "m"]
    assert list((tmp_path / "m").iterdir()) == []


def test_checks_of_other_runs_take_no_folder_away_from_an_export(tmp_path):
    """Every export meets a folder that exists for as long as a check of another run lasts."""
    base = tmp_path / "m"
    ending = threading.Event()

    def check_again_and_again():
        while not ending.is_set():
            check_writable(base)

    with ThreadPoolExecutor(3) as pool:
        checks = [pool.submit(check_again_and_again) for _ in range(3)]
        try:
            for _ in range(200):
                shutil.rmtree(publish(base, _write))
        finally:
            ending.set()
        assert [check.result() for check in checks] == [None] * 3


def test_publishing_at_the_same_time_gives_every_export_its_own_version(tmp_path):
    def publish_one(number):
        return publish(tmp_path / "m", lambda folder: (folder / str(number)).touch())

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(publish_one, range(16)))

    assert sorted(int(version.name) for version in versions) == list(range(1, 17))
    assert all((version / str(number)).exists() for number, version in enumerate(versions))


WRITER = (
    "import pathlib, sys\n"
    "from training.export.publish import publish\n"
    "def write(folder):\n"
    "    (folder / 'saved_model.pb').write_text('half')\n"
    "    print(folder, flush=True)\n"
    "    sys.stdin.read()\n"
    "publish(pathlib.Path(sys.argv[1]), write)\n"
)


def test_a_living_export_keeps_what_it_writes_and_a_killed_one_does_not(tmp_path):
    base = tmp_path / "m"
    command = [sys.executable, "-c", WRITER, str(base)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        theirs = Path(process.stdout.readline().strip())
        publish(base, _write)
        while_it_lives = (theirs / "saved_model.pb").exists()
        process.kill()
        process.wait()
        after_it_was_killed = (theirs / "saved_model.pb").exists()
        publish(base, _write)

    assert while_it_lives
    assert after_it_was_killed
    assert sorted(path.name for path in base.iterdir()) == ["1", "2"]


def test_checking_removes_what_a_killed_export_has_left_and_nothing_else_of_the_model(tmp_path):
    base = tmp_path / "m"
    for name in (f".incoming-{'a' * 32}", f".notes-{'a' * 32}", "1"):
        (base / name).mkdir(parents=True)

    check_writable(base)

    assert sorted(path.name for path in base.iterdir()) == [f".notes-{'a' * 32}", "1"]


def test_a_folder_that_cannot_be_made_is_found_out_early(tmp_path):
    (tmp_path / "models").write_text("a file", "utf-8")

    with pytest.raises(ExportError, match="cannot write into"):
        check_writable(tmp_path / "models" / "m")


def test_checking_leaves_no_trace(tmp_path):
    check_writable(tmp_path / "m")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.tensorflow
@pytest.mark.slow
@pytest.mark.parametrize("keep_keras", [True, False])
def test_a_full_disk_is_one_clear_line_and_no_version(
    small_disk, pictures, tiny_recipe, tmp_path, keep_keras
):
    from training.train import train

    with pytest.raises(ExportError) as caught:
        train(
            plan_in(tmp_path, pictures, tiny_recipe, models=small_disk, keep_keras=keep_keras), progress=False
        )

    assert "\n" not in str(caught.value)
    assert "No space left" in str(caught.value)
    assert list(Path(small_disk).iterdir()) == []
