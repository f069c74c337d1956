"""Rows to the ledger and, with the last of a part, to its file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from scoring.errors import TooManyErrorsError
from scoring.output.layout import layout
from scoring.output.ledger import Ledger
from scoring.output.parts import Parts
from scoring.output.sink import Sink
from scoring.row import Extras, Row
from tests.rows import answered, refused

PATHS = [f"{n}.jpg" for n in range(1, 11)]


class Run:
    """One process's part of a run, on an output that may be there already."""

    def __init__(self, out: Path, *, max_errors: int | None = None) -> None:
        self.places = layout(out, None)
        self.ledger = Ledger(self.places.ledger, part_rows=4)
        if not self.ledger.photographs:
            self.ledger.begin({}, PATHS)
        self.told: list[Row] = []
        parts = Parts(self.places, self.ledger, Extras())
        self.sink = Sink(self.ledger, parts, max_errors=max_errors, on_rows=self.told.extend)

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.__exit__(None, None, None)

    def keep(self, *numbers: int) -> None:
        self.sink.keep([(number, answered(PATHS[number - 1])) for number in numbers])

    def shown(self) -> list[str]:
        paths = sorted(self.places.folder.glob("part-*.parquet"))
        return [path for part in paths for path in pq.read_table(part).column("path").to_pylist()]


@pytest.mark.parametrize("seed", range(5))
def test_in_every_order_and_interrupted_anywhere_each_photograph_is_in_one_part(tmp_path, seed):
    random = np.random.default_rng(seed)
    order = random.permutation(range(1, 11)).tolist()
    stops = sorted(random.integers(0, 11, 3).tolist())

    for start, stop in itertools.pairwise([0, *stops, 10]):
        with Run(tmp_path / "out") as run:
            undone = {number for number, _ in run.ledger.undone()}
            assert undone == set(order[start:])
            for some in _some(order[start:stop], random):
                run.keep(*some)

    with Run(tmp_path / "out") as run:
        assert (run.shown(), run.ledger.done, list(run.ledger.open_parts())) == (PATHS, 10, [])


def _some(numbers: Sequence[int], random: np.random.Generator) -> list[Sequence[int]]:
    cuts = sorted({0, len(numbers), *random.integers(0, len(numbers) + 1, 3).tolist()})
    return [numbers[start:stop] for start, stop in itertools.pairwise(cuts)]


def test_rows_of_several_parts_at_once_fill_them_all(tmp_path):
    with Run(tmp_path / "out") as run:
        run.keep(*range(1, 11))

        assert run.shown() == PATHS
        assert len(run.told) == 10


def test_a_part_that_a_kill_left_full_is_written_before_anything_else(tmp_path):
    with Run(tmp_path / "out") as run:
        run.ledger.record([(number, answered(PATHS[number - 1])) for number in range(1, 7)])

    with Run(tmp_path / "out") as run:
        assert run.shown() == PATHS[:4]
        run.keep(7, 8)
        assert run.shown() == PATHS[:8]


def test_rows_are_told_once_they_are_kept(tmp_path):
    with Run(tmp_path / "out") as run:
        run.keep(3, 1)

        assert [row.path for row in run.told] == ["3.jpg", "1.jpg"]
        assert run.ledger.done == 2


def test_one_refused_photograph_more_than_may_be_ends_the_run_and_keeps_its_row(tmp_path):
    with Run(tmp_path / "out", max_errors=1) as run:
        run.sink.keep([(1, refused("1.jpg")), (2, answered("2.jpg"))])

        with pytest.raises(
            TooManyErrorsError,
            match=r"^2 photographs were refused, more than --max-errors 1 allows; the last one: "
            r"3\.jpg: not an image \[unsupported_format\]$",
        ):
            run.sink.keep([(3, refused("3.jpg"))])

        assert (run.ledger.done, run.ledger.errors) == (3, 2)


def test_photographs_refused_by_the_run_before_count_too(tmp_path):
    with Run(tmp_path / "out") as run:
        run.sink.keep([(1, refused("1.jpg"))])

    with Run(tmp_path / "out", max_errors=1) as run, pytest.raises(TooManyErrorsError, match="2 photographs"):
        run.sink.keep([(2, refused("2.jpg"))])


def test_a_run_that_was_stopped_for_its_errors_stays_stopped_until_it_may_have_more(tmp_path):
    with Run(tmp_path / "out") as run:
        run.sink.keep([(1, refused("1.jpg")), (2, refused("2.jpg"))])

    with Run(tmp_path / "out", max_errors=1) as run, pytest.raises(TooManyErrorsError, match="2 photographs"):
        run.keep(3)
    with Run(tmp_path / "out", max_errors=2) as run:
        run.keep(4)


def test_without_a_limit_any_number_may_be_refused(tmp_path):
    with Run(tmp_path / "out") as run:
        run.sink.keep([(number, refused(PATHS[number - 1])) for number in range(1, 11)])

        assert run.ledger.errors == 10
