"""Everything at the same time, each photograph once, and no more in memory than the workers hold."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from contract.errors import ContractBrokenError
from modelserver.errors import ModelServerAwayError, OverloadedError, UnexpectedAnswerError
from scoring.errors import OutputError, TargetAwayError, TooManyErrorsError, VersionChangedError
from scoring.output.layout import layout
from scoring.output.ledger import Ledger
from scoring.output.parts import Parts
from scoring.output.sink import Sink
from scoring.patience import Patience
from scoring.pipeline import Pipeline
from scoring.row import Extras, Row
from scoring.sources.reader import Reader
from scoring.step import Step
from scoring.targets.target import Pinned, Target
from tests.fake_backend import FakeBackend, label_of

WORKERS = 6


class Run:
    """A pipeline over files, wired as the engine does it."""

    def __init__(self, folder: Path, backend: FakeBackend, *photographs: bytes) -> None:
        self.backend = backend
        self.photographs = photographs
        self.places = layout(folder / "out", None)
        self._paths = [folder / f"{n:04}.jpg" for n in range(len(photographs))]
        for path, data in zip(self._paths, photographs, strict=True):
            path.write_bytes(data)
        self.wait_seconds = 60.0
        self.on_rows: Callable[[Sequence[Row]], object] = lambda _: None
        self.shown: list[dict] = []

    async def score(
        self, *, follow: bool = False, dedupe: bool = False, max_errors: int | None = None
    ) -> Pinned:
        patience = Patience(self.wait_seconds, sleep=_no_pause)
        target = Target(self.backend)
        with self._ledger(remember=dedupe) as ledger, _threads(2) as reading, _threads(1) as writing:
            parts = Parts(self.places, ledger, Extras())
            step = Step(target, reader=Reader(max_bytes=100), patience=patience, threads=reading)
            pipeline = Pipeline(
                ledger=ledger,
                sink=Sink(ledger, parts, max_errors=max_errors, on_rows=self.on_rows),
                writing=writing,
                target=target,
                step=step,
                patience=patience,
                follow=follow,
                dedupe=dedupe,
            )
            pinned = await pipeline.run(await target.pin(None), workers=WORKERS)
            assert (ledger.done, list(ledger.open_parts())) == (len(self.photographs), [])
            self.about = ledger.about
            return pinned

    @contextlib.contextmanager
    def _ledger(self, *, remember: bool) -> Iterator[Ledger]:
        with Ledger(self.places.ledger, part_rows=10, remember=remember) as ledger:
            if not ledger.photographs:
                ledger.begin({}, map(str, self._paths))
            yield ledger

    def rows(self) -> list[dict]:
        """Of the output, in order; each photograph's row is checked to be its own."""
        parts = sorted(self.places.folder.glob("part-*"))
        rows = [row for part in parts for row in pq.read_table(part).to_pylist()]
        assert [row["path"] for row in rows] == list(map(str, self._paths))
        return rows

    def labels(self) -> list[str | None]:
        return [row["label"] for row in self.rows()]


async def _no_pause(_seconds: float) -> None:
    await asyncio.sleep(0)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    threads = ThreadPoolExecutor(count, thread_name_prefix="scored")
    try:
        yield threads
    finally:
        threads.shutdown(wait=True, cancel_futures=True)


async def _all_ask(backend: FakeBackend) -> None:
    while backend.asks < WORKERS:
        await asyncio.sleep(0.001)


def _roses(count: int) -> list[bytes]:
    return [f"rose {n}".encode() for n in range(count)]


@pytest.fixture
def backend():
    return FakeBackend()


@pytest.mark.parametrize("count", [0, 1, 9, 97])
async def test_each_photograph_has_its_own_row_in_the_order_of_the_list(tmp_path, backend, count):
    run = Run(tmp_path, backend, *_roses(count))

    pinned = await run.score()

    assert pinned == Pinned("toy", 1, "one")
    assert run.labels() == [label_of(rose) for rose in _roses(count)]
    assert sorted(rose for some in backend.asked for rose in some) == sorted(_roses(count))


async def test_bad_photographs_have_their_rows_among_the_others(tmp_path, backend):
    run = Run(tmp_path, backend, b"rose", b"bad 1", b"", b"bad 2", b"x" * 101, b"tulip")

    await run.score()

    assert [row["code"] for row in run.rows()] == [
        None,
        "unsupported_format",
        None,
        "unsupported_format",
        "body_too_large",
        None,
    ]


async def test_a_run_of_nothing_but_bad_photographs_asks_nobody_and_ends(tmp_path, backend):
    run = Run(tmp_path, backend, *[b"bad"] * 60)

    await run.score()

    assert [row["code"] for row in run.rows()] == ["unsupported_format"] * 60
    assert backend.asked == []


async def test_several_batches_are_asked_at_once(tmp_path, backend):
    run = Run(tmp_path, backend, *_roses(60))
    backend.gate = asyncio.Event()

    score = asyncio.create_task(run.score())
    await _all_ask(backend)
    backend.gate.set()
    await score

    assert backend.most_asks == WORKERS


async def test_no_more_photographs_are_in_memory_than_the_workers_hold(tmp_path, backend):
    run = Run(tmp_path, backend, *_roses(200))
    backend.gate = asyncio.Event()

    score = asyncio.create_task(run.score())
    await _all_ask(backend)
    await asyncio.sleep(0.05)  # time in which more could be read, were there no bound
    held = backend.images
    backend.gate.set()
    await score

    assert held == WORKERS * backend.batch_size
    assert backend.most_images <= WORKERS * backend.batch_size
    assert backend.images == 0


async def test_an_overloaded_target_is_asked_again_and_nothing_is_lost_or_doubled(tmp_path, backend):
    run = Run(tmp_path, backend, *_roses(50))
    backend.failures = [OverloadedError("busy", retry_after_seconds=0.1), ModelServerAwayError("away")] * 20

    await run.score()

    assert run.labels() == [label_of(rose) for rose in _roses(50)]
    assert sorted(rose for some in backend.asked for rose in some) == sorted(_roses(50))


async def test_a_target_that_is_overloaded_for_ever_ends_the_run_with_what_was_done_kept(tmp_path, backend):
    run = Run(tmp_path, backend, *_roses(50))
    run.wait_seconds = 0.05
    backend.before_answer = lambda: backend.failures.extend(
        [OverloadedError("busy for ever")] * (100_000 if len(backend.asked) == 3 else 0)
    )

    with pytest.raises(TargetAwayError, match="busy for ever"):
        await run.score()

    backend.failures, backend.before_answer = [], lambda: None
    before = [rose for some in backend.asked for rose in some]
    await run.score()
    assert run.labels() == [label_of(rose) for rose in _roses(50)]
    assert len(before) in range(4, 50)


@pytest.mark.parametrize(
    "error", [UnexpectedAnswerError("seven numbers"), ContractBrokenError("golden"), ZeroDivisionError("bug")]
)
async def test_the_error_that_ends_a_run_is_the_one_that_was_raised(tmp_path, backend, error):
    run = Run(tmp_path, backend, *_roses(50))
    backend.failures = [error]

    with pytest.raises(type(error)) as caught:
        await run.score()

    assert caught.value is error
    assert not isinstance(caught.value, BaseExceptionGroup)


async def test_an_error_of_all_workers_at_once_is_told_once(tmp_path, backend):
    run = Run(tmp_path, backend, *_roses(50))
    errors = [UnexpectedAnswerError(f"{n}") for n in range(WORKERS)]
    backend.failures, backend.gate = list(errors), asyncio.Event()

    score = asyncio.create_task(run.score())
    await _all_ask(backend)
    backend.gate.set()

    with pytest.raises(UnexpectedAnswerError) as caught:
        await score
    assert caught.value in errors


async def test_more_refused_photographs_than_may_be_end_the_run(tmp_path, backend):
    run = Run(tmp_path, backend, *[b"bad"] * 20)

    with pytest.raises(TooManyErrorsError):
        await run.score(max_errors=3)


async def test_a_version_that_is_gone_ends_the_run_which_goes_on_when_it_is_back(tmp_path, backend):
    run = Run(tmp_path, backend, *_roses(50))
    run.on_rows = lambda _: backend.versions.update({2: "two"}) or backend.versions.pop(1, None)

    with pytest.raises(VersionChangedError, match=r"began with toy version 1; --follow-versions") as caught:
        await run.score()

    assert caught.value.code == "version_changed"
    run.on_rows, backend.versions = lambda _: None, {1: "one"}
    await run.score()
    assert run.labels() == [label_of(rose, 1) for rose in _roses(50)]


async def test_a_run_that_follows_goes_on_with_the_next_version_and_its_rows_say_so(tmp_path, backend):
    run = Run(tmp_path, backend, *_roses(80))
    run.on_rows = lambda _: backend.versions.update({2: "two"}) or backend.versions.pop(1, None)

    pinned = await run.score(follow=True)

    versions = [row["version"] for row in run.rows()]
    assert pinned == Pinned("toy", 2, "two")
    assert set(versions) == {1, 2}
    assert run.labels() == [
        label_of(rose, version) for rose, version in zip(_roses(80), versions, strict=True)
    ]
    assert run.about["pinned"] == {"model": "toy", "version": 2, "sha256": "two"}
    assert backend.chosen.count(2) == 1  # whichever worker noticed it


async def test_another_model_under_the_same_number_is_another_version(tmp_path, backend):
    run = Run(tmp_path, backend, *_roses(120))

    def restarted(_rows: object) -> None:
        if backend.versions == {1: "one"}:
            backend.versions, backend.connection = {1: "another"}, 1

    run.on_rows = restarted

    with pytest.raises(VersionChangedError, match="is not the same model that it was"):
        await run.score()
    backend.versions, backend.connection = {1: "one"}, 2
    assert await run.score(follow=True) == Pinned("toy", 1, "another")


async def test_a_version_that_passes_its_test_and_never_answers_is_not_followed_for_ever(tmp_path, backend):
    run = Run(tmp_path, backend, b"rose")

    class Flapping(FakeBackend):
        async def ask(self, images):
            self.versions = {}
            try:
                return await super().ask(images)
            finally:
                self.versions = {1: "one"}

    run.backend = Flapping()

    with pytest.raises(VersionChangedError, match="not served, as it was 10 times in a row"):
        async with asyncio.timeout(10):
            await run.score(follow=True)


async def test_equal_photographs_are_asked_once_and_have_a_row_each(tmp_path, backend):
    photographs = [b"rose", b"tulip", b"rose", b"bad", b"rose", b"bad"] * 12
    run = Run(tmp_path, backend, *photographs)

    await run.score(dedupe=True)

    assert sorted(data for some in backend.asked for data in some) == [b"rose", b"tulip"]
    assert run.labels() == [None if data == b"bad" else label_of(data) for data in photographs]


async def test_a_change_of_version_among_equal_photographs_counts_no_row_twice(tmp_path, backend):
    photographs = [b"rose", b"bad", *[b"rose", b"bad", b"tulip"] * 20, *_roses(20)]
    run = Run(tmp_path, backend, *photographs)
    told: list[Row] = []

    def changed(rows: Sequence[Row]) -> None:
        told.extend(rows)
        backend.versions.update({2: "two"})
        backend.versions.pop(1, None)

    run.on_rows = changed

    await run.score(dedupe=True, follow=True, max_errors=21)

    assert len(run.rows()) == len(told) == len(photographs)


async def test_a_cancelled_run_leaves_no_thread_and_goes_on_later(tmp_path, backend):
    run = Run(tmp_path, backend, *_roses(100))
    backend.gate = asyncio.Event()
    score = asyncio.create_task(run.score())
    await _all_ask(backend)

    score.cancel()
    with pytest.raises(asyncio.CancelledError):
        await score

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("scored")]
    backend.gate = None
    await run.score()
    assert run.labels() == [label_of(rose) for rose in _roses(100)]


async def test_a_disk_that_refuses_ends_the_run_in_our_words(tmp_path, backend):
    run = Run(tmp_path, backend, *_roses(30))
    (run.places.folder / "part-00001.parquet").mkdir(parents=True)

    with pytest.raises(OutputError, match=r"part-00001\.parquet: Is a directory"):
        await run.score()
