"""From paths or bytes to rows: every photograph has one, also those that nothing can be made of."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from contract.errors import ImageUndecodableError
from modelserver.errors import OverloadedError, VersionNotFoundError
from scoring.errors import OutputError
from scoring.patience import Patience
from scoring.quarantine import Quarantine
from scoring.row import Row
from scoring.sources.reader import Reader
from scoring.step import Photograph, Step
from scoring.targets.target import Target
from tests.fake_backend import FakeBackend, label_of


class Steps:
    """A step on a fake backend, with one thread."""

    def __init__(self, backend: FakeBackend, threads: ThreadPoolExecutor, quarantine=None) -> None:
        self.pauses: list[float] = []
        self.threads = threads
        self.target = Target(backend)
        self.step = Step(
            self.target,
            reader=Reader(max_bytes=20),
            patience=Patience(60, sleep=self._sleep),
            threads=threads,
            quarantine=quarantine,
        )

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def rows(self, *photographs: Photograph) -> list[Row]:
        pinned = await self.target.pin(None)
        return await self.step.answer(await self.step.load(photographs, pinned), pinned)


@pytest.fixture
def backend():
    return FakeBackend()


@pytest.fixture
def steps(backend, tmp_path):
    with ThreadPoolExecutor(1) as threads:
        yield Steps(backend, threads, Quarantine(tmp_path / "quarantine"))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def test_a_row_says_what_was_read_what_was_answered_and_by_whom(steps, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"rose")

    [row] = await steps.rows(f"{tmp_path}/a.jpg")

    assert (row.path, row.sha256) == (f"{tmp_path}/a.jpg", _sha256(b"rose"))
    assert (row.label, row.probability, row.model, row.version) == (label_of(b"rose"), 0.75, "toy", 1)
    assert (row.code, row.detail) == (None, None)
    assert row.seconds > 0


async def test_of_photographs_that_nobody_waits_for_any_more_no_further_one_is_read(steps, backend):
    pinned = await steps.target.pin(None)
    prepared, go_on = [], threading.Event()

    def prepare(image_bytes: bytes) -> bytes:
        prepared.append(image_bytes)
        assert go_on.wait(10)
        return image_bytes

    backend.prepare = prepare
    loading = asyncio.create_task(steps.step.load([b"rose", b"tulip", b"lily"], pinned))
    while not prepared:
        await asyncio.sleep(0.01)
    loading.cancel()
    await asyncio.wait([loading])
    go_on.set()
    await asyncio.to_thread(steps.threads.shutdown)

    assert prepared == [b"rose"]


async def test_bytes_have_a_row_without_a_path(steps):
    [row] = await steps.rows(b"rose")

    assert (row.path, row.sha256, row.label) == ("", _sha256(b"rose"), label_of(b"rose"))


async def test_bad_photographs_have_their_rows_in_their_places_and_are_not_asked(steps, backend, tmp_path):
    rows = await steps.rows(b"bad 1", b"rose", f"{tmp_path}/gone.jpg", b"tulip")

    assert [row.label for row in rows] == [None, label_of(b"rose"), None, label_of(b"tulip")]
    assert [row.code for row in rows] == ["unsupported_format", None, "image_unreadable", None]
    assert [row.sha256 for row in rows] == [_sha256(b"bad 1"), _sha256(b"rose"), None, _sha256(b"tulip")]
    assert {(row.model, row.version) for row in rows} == {("toy", 1)}
    assert backend.asked == [[b"rose", b"tulip"]]


async def test_only_bad_photographs_ask_nobody(steps, backend, tmp_path):
    (tmp_path / "large.jpg").write_bytes(bytes(21))

    rows = await steps.rows(b"bad 1", f"{tmp_path}/large.jpg")

    assert [row.code for row in rows] == ["unsupported_format", "body_too_large"]
    assert backend.asked == []


async def test_a_photograph_that_the_answer_refuses_has_its_code(steps, backend):
    backend.refused[b"cut"] = ImageUndecodableError("truncated")

    rows = await steps.rows(b"rose", b"cut")

    assert [(row.label, row.code, row.detail) for row in rows] == [
        (label_of(b"rose"), None, None),
        (None, "image_undecodable", "truncated"),
    ]


async def test_refused_photographs_that_were_read_are_kept_aside(steps, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"bad 1")

    await steps.rows(f"{tmp_path}/a.jpg", f"{tmp_path}/gone.jpg", b"rose")

    [kept] = (tmp_path / "quarantine").rglob("*-*")
    assert (kept.parent.name, kept.name) == ("unsupported_format", f"{_sha256(b'bad 1')[:16]}-a.jpg")
    assert kept.read_bytes() == b"bad 1"


async def test_a_quarantine_that_cannot_be_written_ends_the_run(backend, tmp_path):
    (tmp_path / "quarantine").touch()
    with ThreadPoolExecutor(1) as threads:
        steps = Steps(backend, threads, Quarantine(tmp_path / "quarantine"))

        with pytest.raises(OutputError):
            await steps.rows(b"bad 1")


async def test_an_overloaded_target_is_no_matter_of_the_photograph(steps, backend):
    backend.failures = [OverloadedError("busy", retry_after_seconds=3)]

    [row] = await steps.rows(b"rose")

    assert (row.label, steps.pauses) == (label_of(b"rose"), [3])


async def test_a_version_that_is_gone_is_said_so(steps, backend):
    pinned = await steps.target.pin(None)
    loaded = await steps.step.load([b"rose"], pinned)
    backend.versions = {2: "two"}

    with pytest.raises(VersionNotFoundError):
        await steps.step.answer(loaded, pinned)


async def test_rows_are_of_the_version_that_the_photographs_were_loaded_for(steps, backend):
    backend.versions = {1: "one", 2: "two"}

    [good, bad] = await steps.rows(b"rose", b"bad")

    assert (good.version, good.label, bad.version) == (2, label_of(b"rose", 2), 2)
