"""One version answers, or none: what a broken connection and another model under the same number do to it."""

from __future__ import annotations

import asyncio

import pytest

from contract.errors import ContractBrokenError
from modelserver.errors import ModelServerAwayError, OverloadedError, VersionNotFoundError
from scoring.targets.target import Pinned, Target
from tests.fake_backend import FakeBackend, label_of

ONE = Pinned("toy", 1, "one")


@pytest.fixture
def backend():
    return FakeBackend()


async def _labels(target: Target, pinned: Pinned, *photographs: bytes) -> list[str]:
    answers = await target.answer([target.prepare(data) for data in photographs], pinned)
    return [answer.prediction.label for answer in answers]  # type: ignore[union-attr]


async def test_the_newest_version_is_pinned_unless_one_is_named(backend):
    backend.versions = {1: "one", 2: "two"}

    assert await Target(backend).pin(None) == Pinned("toy", 2, "two")
    assert await Target(backend).pin(1) == ONE


async def test_what_is_pinned_answers_without_being_tested_again(backend):
    target = Target(backend)
    pinned = await target.pin(None)

    assert await _labels(target, pinned, b"a", b"b") == [label_of(b"a"), label_of(b"b")]
    assert await _labels(target, pinned, b"c") == [label_of(b"c")]
    assert backend.chosen == [1]
    assert target.batch_size == 4


async def test_a_version_published_meanwhile_does_not_answer(backend):
    target = Target(backend)
    pinned = await target.pin(None)
    backend.versions[2] = "two"

    assert await _labels(target, pinned, b"a") == [label_of(b"a", 1)]


async def test_a_connection_that_broke_before_is_tested_again_once_and_answers(backend):
    target = Target(backend)
    pinned = await target.pin(None)
    backend.connection += 1

    await asyncio.gather(*(_labels(target, pinned, b"a") for _ in range(5)))

    assert backend.chosen == [1, 1]


async def test_a_connection_that_breaks_while_an_answer_is_under_way_makes_it_void(backend):
    target = Target(backend)
    pinned = await target.pin(None)
    backend.before_answer = lambda: setattr(backend, "connection", backend.connection + 1)

    with pytest.raises(ModelServerAwayError, match="broke before the answer"):
        await _labels(target, pinned, b"a")

    backend.before_answer = lambda: None
    assert await _labels(target, pinned, b"a") == [label_of(b"a")]
    assert backend.chosen == [1, 1]


async def test_a_connection_that_breaks_after_an_answer_takes_nothing_from_it(backend):
    target = Target(backend)
    pinned = await target.pin(None)

    labels = await _labels(target, pinned, b"a")
    backend.connection += 1

    assert labels == [label_of(b"a")]
    assert backend.chosen == [1]


async def test_a_connection_that_breaks_during_the_test_is_tested_again(backend):
    target = Target(backend)
    pinned = await target.pin(None)
    backend.connection += 1
    labels = asyncio.create_task(_labels(target, pinned, b"a"))
    await asyncio.sleep(0)  # it is being tested
    backend.connection += 1

    with pytest.raises(ModelServerAwayError):
        await labels

    assert await _labels(target, pinned, b"a") == [label_of(b"a")]
    assert backend.chosen == [1, 1, 1]


async def test_another_model_under_the_same_number_does_not_answer(backend):
    target = Target(backend)
    pinned = await target.pin(None)
    backend.versions, backend.connection = {1: "another"}, 1

    with pytest.raises(VersionNotFoundError, match="toy version 1 is not the same model that it was"):
        await _labels(target, pinned, b"a")

    assert backend.asked == []


async def test_what_was_prepared_while_another_model_was_there_is_asked_of_neither(backend):
    target = Target(backend)
    pinned = await target.pin(None)
    backend.versions, backend.connection = {1: "another"}, 1
    with pytest.raises(VersionNotFoundError):
        await _labels(target, pinned, b"a")
    prepared = target.prepare(b"b")
    backend.versions, backend.connection = {1: "one"}, 2

    with pytest.raises(VersionNotFoundError, match="does not answer any more"):
        await target.answer([prepared], pinned)

    assert await _labels(target, await target.pin(None), b"b") == [label_of(b"b")]


async def test_a_version_that_is_gone_after_a_broken_connection_is_said_so(backend):
    target = Target(backend)
    pinned = await target.pin(None)
    backend.versions, backend.connection = {2: "two"}, 1

    with pytest.raises(VersionNotFoundError, match="toy version 1 is not served"):
        await _labels(target, pinned, b"a")


@pytest.mark.parametrize("failure", [ModelServerAwayError("away"), ContractBrokenError("golden")])
async def test_a_test_that_fails_is_made_again_before_the_next_answer(backend, failure):
    target = Target(backend)
    pinned = await target.pin(None)
    backend.connection, backend.choose_failures = 1, [failure]

    with pytest.raises(type(failure)):
        await _labels(target, pinned, b"a")
    assert backend.asked == []

    assert await _labels(target, pinned, b"a") == [label_of(b"a")]
    assert backend.chosen == [1, 1]


async def test_an_ask_that_fails_on_a_sound_connection_needs_no_test(backend):
    target = Target(backend)
    pinned = await target.pin(None)
    backend.failures = [OverloadedError("busy")]

    with pytest.raises(OverloadedError):
        await _labels(target, pinned, b"a")
    await _labels(target, pinned, b"a")

    assert backend.chosen == [1]


async def test_what_was_prepared_for_another_version_is_not_asked(backend):
    target = Target(backend)
    before = await target.pin(None)
    backend.versions[2] = "two"
    after = await target.pin(None)

    with pytest.raises(VersionNotFoundError, match="toy version 1 does not answer any more"):
        await _labels(target, before, b"a")
    assert await _labels(target, after, b"a") == [label_of(b"a", 2)]
