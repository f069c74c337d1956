"""What lies aside of a target is held while its writer lives, and removed once it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from contract.aside import written_aside

CODE = (
    "import pathlib, sys\n"
    "from contract.aside import written_aside\n"
    "with written_aside(pathlib.Path(sys.argv[1])) as path:\n"
    "    path.write_text('half')\n"
    "    print(path, flush=True)\n"
    "    sys.stdin.read()\n"
)


def test_what_is_renamed_stays_and_nothing_else_does(tmp_path):
    with written_aside(tmp_path / "new" / "kind-1") as path:
        path.write_text("whole", "utf-8")
        path.replace(tmp_path / "new" / "kind-1")

    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["kind-1"]
    assert (tmp_path / "new" / "kind-1").read_text("utf-8") == "whole"


def test_an_error_leaves_nothing(tmp_path):
    def write():
        with written_aside(tmp_path / "kind-1") as path:
            path.touch()
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write()

    assert list(tmp_path.iterdir()) == []


def test_a_living_process_keeps_what_it_writes_and_a_killed_one_does_not(tmp_path):
    command = [sys.executable, "-c", CODE, str(tmp_path / "kind-1")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        theirs = process.stdout.readline().strip()
        with written_aside(tmp_path / "kind-2"):
            while_it_lives = list(tmp_path.glob(".kind-1-*/kind-1"))
        process.kill()
        process.wait()
        left = list(tmp_path.glob(".kind-1-*/kind-1"))
        with written_aside(tmp_path / "kind-2"):
            afterwards = list(tmp_path.glob(".kind-1-*"))

    assert [str(path) for path in while_it_lives] == [theirs]
    assert [str(path) for path in left] == [theirs]
    assert afterwards == []


def test_what_is_of_another_kind_or_name_is_left_alone(tmp_path):
    names = (f".other-1-{'a' * 32}", ".kind-1-short", f"kind-1-{'a' * 32}", f".kinds-1-{'a' * 32}")
    for name in names:
        (tmp_path / name).mkdir()

    with written_aside(tmp_path / "kind-1"):
        pass

    assert {entry.name for entry in tmp_path.iterdir()} == set(names)
