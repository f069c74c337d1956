"""A process that dies at any line of the code that writes an output: the next one makes the same output."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import scoring.output
from scoring.output.layout import layout
from scoring.output.ledger import Ledger
from scoring.output.parts import Parts
from scoring.output.sink import Sink
from scoring.row import Extras
from tests.rows import answered, refused

pytestmark = pytest.mark.slow

PATHS = [f"{n}.jpg" for n in range(1, 9)]
KILLED = 9
_CODE = str(Path(scoring.output.__file__).parent)


def _score(out: Path) -> None:
    """One run, as far as its output goes: whatever is undone, out of order, some at a time."""
    places = layout(out, None)
    with Ledger(places.ledger, part_rows=3, remember=True) as ledger:
        parts = Parts(places, ledger, Extras())
        if "pinned" in ledger.about:
            parts.clean_up()
        else:
            ledger.begin({"fingerprint": {}}, PATHS)
            ledger.describe({"pinned": {}})
        if not ledger.about.get("finished"):
            sink = Sink(ledger, parts, max_errors=None, on_rows=lambda _: None)
            undone = [number for number, _ in ledger.undone()][::-1]
            for start in range(0, len(undone), 3):
                sink.keep([(n, _row(n)) for n in undone[start : start + 3]])
            parts.write_full()
            parts.finish({"photographs": ledger.photographs})


def _row(number: int) -> Any:
    path = PATHS[number - 1]
    return refused(path) if number == 4 else answered(path, sha256=f"{number:064}")


def _killed_at(line: int, work: Callable[[], None]) -> bool:
    """Do it in another process, which ends when it comes to that line; whether it came to it."""
    child = os.fork()
    if child == 0:
        _die_at(line)
        work()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, KILLED}
    return status == KILLED


def _die_at(line: int) -> None:
    """As by `kill -9`: no block is left, nothing is flushed."""
    lines = itertools.count()

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(_CODE):
            return None
        if event == "line" and next(lines) == line:
            os._exit(KILLED)
        return trace

    sys.settrace(trace)


@pytest.mark.timeout(1800)  # at full length
@pytest.mark.parametrize("name", ["labels.csv", "labels"])
def test_whatever_line_it_dies_at_the_next_run_makes_the_same_output(tmp_path, name, request):
    step = 1 if request.config.getoption("--prove") else 97
    _score(tmp_path / "whole" / name)
    expected = _files(tmp_path / "whole")

    for line in range(0, 10**6, step):
        folder = tmp_path / str(line)
        killed = _killed_at(line, lambda: _score(folder / name))  # noqa: B023 - called at once
        _score(folder / name)
        assert _files(folder) == expected, f"after a kill at line {line}"
        if not killed:
            break

    assert line > 500


def test_a_run_that_dies_again_and_again_comes_to_its_end(tmp_path):
    _score(tmp_path / "whole" / "labels.csv")

    kills = 0
    while _killed_at(200 + 13 * kills, lambda: _score(tmp_path / "often" / "labels.csv")):
        kills += 1

    assert kills > 5
    assert _files(tmp_path / "often") == _files(tmp_path / "whole")


def _files(folder: Path) -> dict[str, bytes]:
    """All but SQLite's."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "sqlite" not in path.name
    }
