"""One folder a run: found again when it was interrupted, never when it is finished or somebody is at it."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from contract.locks import locked
from training.errors import RunError
from training.progress import Progress
from training.run_folder import csv_of, open_run

FACTS = {"recipe": {"name": "tiny"}, "seed": 3}


def _open(runs, *, facts=FACTS, fresh=False):
    return open_run(runs, name="tiny", command="miwake train in", facts=facts, fresh=fresh)


def _finish(folder, *, accuracy=1.0):
    rows = [{"epoch": 1, "loss": 0.5}]
    folder.write_tables(history=rows, split=[{"path": "a"}], predictions=[{"path": "a"}])
    folder.finish({"accuracy": accuracy})


def _interrupted(runs, **options):
    with _open(runs, **options) as folder:
        folder.save(Progress(epoch=2, history=({"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5})))
    return folder


def test_an_interrupted_run_is_gone_on_with(tmp_path):
    first = _interrupted(tmp_path / "runs")

    with _open(tmp_path / "runs") as second:
        pass

    assert first.progress is None
    assert (second.path, second.progress.epoch) == (first.path, 2)


def test_other_facts_begin_another_run(tmp_path):
    first = _interrupted(tmp_path)

    with _open(tmp_path, facts=FACTS | {"seed": 4}) as second:
        pass

    assert second.path != first.path
    assert second.progress is None


def test_fresh_begins_another_run_and_leaves_the_interrupted_one(tmp_path):
    first = _interrupted(tmp_path)

    with _open(tmp_path, fresh=True) as second:
        pass

    assert second.path != first.path
    assert (first.path / "progress.npz").exists()


def test_a_finished_run_is_left_alone(tmp_path):
    with _open(tmp_path) as first:
        first.save(Progress(epoch=1))
        _finish(first)

    with _open(tmp_path) as second:
        pass

    assert second.path != first.path
    assert not (first.path / "progress.npz").exists()


def test_the_newest_of_several_interrupted_runs_is_gone_on_with(tmp_path):
    older = _interrupted(tmp_path)
    older.path.rename(tmp_path / "tiny-20200101-000000-ffff")
    newer = _interrupted(tmp_path, fresh=True)

    with _open(tmp_path) as third:
        pass

    assert third.path == newer.path


def test_a_run_another_process_is_at_is_left_to_it(tmp_path):
    """The lock belongs to the process: when that is killed, the run can be gone on with."""
    code = (
        "import pathlib, sys\n"
        "from training.run_folder import open_run\n"
        f"facts = {FACTS!r}\n"
        "with open_run(pathlib.Path(sys.argv[1]), name='tiny', command='', facts=facts, fresh=False) as f:\n"
        "    print(f.path, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        theirs = process.stdout.readline().strip()
        with _open(tmp_path) as ours:
            pass
        process.kill()
        process.wait()
        ours.path.rename(tmp_path / "elsewhere")
        (tmp_path / "elsewhere" / "run.json").unlink()
        with _open(tmp_path) as afterwards:
            pass

    assert theirs
    assert str(ours.path) != theirs
    assert str(afterwards.path) == theirs


def test_the_history_can_be_read_while_the_fit_goes_on(tmp_path):
    with _open(tmp_path) as folder:
        for epoch in range(1, 4):
            history = tuple({"epoch": n, "loss": 1 / n} for n in range(1, epoch + 1))
            folder.save(Progress(epoch=epoch, history=history))
            rows = list(csv.DictReader((folder.path / "history.csv").read_text("utf-8").splitlines()))
            assert [(int(row["epoch"]), float(row["loss"])) for row in rows] == [
                (n, 1 / n) for n in range(1, epoch + 1)
            ]


def test_a_table_without_rows_is_empty():
    assert csv_of([]) == ""


def test_damaged_progress_is_one_clear_line_that_names_the_way_out(tmp_path):
    folder = _interrupted(tmp_path)
    (folder.path / "progress.npz").write_bytes(b"PK\x03\x04 and no more")

    with pytest.raises(RunError, match=r"progress\.npz cannot be read: start anew with --fresh"):
        _open(tmp_path).__enter__()
    with _open(tmp_path, fresh=True) as anew:
        assert anew.progress is None


def _saved(path, facts):
    """A whole file of progress with other facts in it."""
    np.savez(path, facts=np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8))


@pytest.mark.parametrize(
    "facts",
    [
        [],
        {"counts": {"weights": 0, "optimizer": 0, "best": 0}},
        {"counts": {"weights": 0, "optimizer": 0, "best": 0}, "history": [], "colour": "blue"},
        {"counts": {"weights": 0, "optimizer": 0, "best": 0}, "history": 7},
        {"counts": {"weights": "many", "optimizer": 0, "best": 0}, "history": []},
        {"counts": {"weights": 1, "optimizer": 0, "best": 0}, "history": []},
    ],
)
def test_progress_of_another_shape_is_one_clear_line_too(tmp_path, facts):
    folder = _interrupted(tmp_path)
    _saved(folder.path / "progress.npz", facts)

    with pytest.raises(RunError, match=r"progress\.npz cannot be read: start anew with --fresh"):
        _open(tmp_path).__enter__()


def test_tables_are_written_before_the_run_is_finished(tmp_path):
    with _open(tmp_path) as first:
        first.save(Progress(epoch=1))
        first.write_tables(history=[{"epoch": 1}], split=[{"path": "a"}], predictions=[{"path": "b"}])

    with _open(tmp_path) as second:
        pass

    assert second.path == first.path
    assert (first.path / "split.csv").read_text("utf-8") == "path\na\n"
    assert (first.path / "predictions.csv").read_text("utf-8") == "path\nb\n"


def test_what_a_killed_process_left_aside_is_removed(tmp_path):
    folder = _interrupted(tmp_path)
    for name in ("progress.npz", "history.csv"):
        (folder.path / f".{name}-{'a' * 32}").touch()
    (folder.path / ".notes").touch()

    with _open(tmp_path) as again:
        pass

    assert again.path == folder.path
    assert [path.name for path in folder.path.glob(".*")] == [".notes"]


@contextlib.contextmanager
def _powerless():
    """As somebody whom permissions hold back."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_an_unfinished_run_of_another_user_is_left_alone():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own may be entered by its user alone
        Path(folder).chmod(0o777)
        theirs = _interrupted(Path(folder))
        (theirs.path / "lock").chmod(0o400 if os.geteuid() == 0 else 0o000)
        with _powerless(), _open(Path(folder)) as ours:
            pass

        assert ours.path != theirs.path


def test_a_lock_that_cannot_be_opened_is_one_clear_line(tmp_path):
    folder = _interrupted(tmp_path)
    (folder.path / "lock").unlink()
    (folder.path / "lock").mkdir()

    with pytest.raises(RunError, match=r"^cannot keep runs in .*: Is a directory$"):
        _open(tmp_path).__enter__()


def test_a_run_that_cannot_be_begun_keeps_no_lock(small_disk):
    with pytest.raises(RunError, match="No space left") as caught:
        _open(small_disk, facts={"long": "x" * 1_000_000}).__enter__()

    [folder] = small_disk.iterdir()
    lock = locked(folder / "lock")
    assert lock is not None, caught  # which keeps the frames that failed, and whatever they hold open
    lock.close()


@pytest.mark.parametrize("content", ["", "[]", "{}", "\x00", '{"fingerprint": 1}'])
def test_what_is_no_run_of_ours_is_passed_over(tmp_path, content):
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    (tmp_path / "zzz").mkdir()
    (tmp_path / "zzz" / "run.json").write_text(content, "utf-8")

    with _open(tmp_path) as folder:
        assert folder.path.name.startswith("tiny-")


def test_runs_that_cannot_be_kept_are_one_clear_line(tmp_path):
    (tmp_path / "runs").touch()

    with pytest.raises(RunError, match=r"cannot keep runs in .*runs: File exists") as caught:
        _open(tmp_path / "runs").__enter__()

    assert "\n" not in str(caught.value)


def test_a_disk_that_fills_while_progress_is_kept_is_one_clear_line(small_disk):
    small = Progress(epoch=1, history=({"epoch": 1, "loss": 1.0},), weights=(np.ones(9, np.float32),))
    with _open(small_disk) as folder:
        folder.save(small)
        with pytest.raises(RunError, match="No space left") as caught:
            folder.save(Progress(epoch=2, weights=(np.ones(100_000, np.float32),)))

    assert "\n" not in str(caught.value)
    assert not list(folder.path.glob(".*"))
    with _open(small_disk) as again:
        assert (again.path, again.progress.epoch) == (folder.path, 1)


def test_a_disk_that_fills_at_the_end_leaves_an_unfinished_run(small_disk):
    """The report comes last: without it the run is gone on with."""
    with _open(small_disk) as folder:
        folder.save(Progress(epoch=1))
        with pytest.raises(RunError, match="No space left"):
            folder.write_tables(history=[{"epoch": 1}], split=[{"path": "x" * 100}] * 10_000, predictions=[])

    assert not (folder.path / "report.json").exists()
    assert not list(folder.path.glob(".*"))
    with _open(small_disk) as again:
        assert (again.path, again.progress.epoch) == (folder.path, 1)
