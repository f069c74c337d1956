from __future__ import annotations

import pytest

from modelserver.errors import (
    DeadlineExceededError,
    ModelServerAwayError,
    SignatureNotFoundError,
    VersionNotFoundError,
)
from serving.load.deadline import Deadline
from serving.versions.labels import KEPT_SECONDS, Labels
from tests.clock import Clock
from tests.fake_model_server import FakeModelServer


class Asked(FakeModelServer):
    """Keeps how long it was given."""

    def __init__(self, **labels: int) -> None:
        super().__init__()
        self.labels = {"toy": labels}
        self.seconds: list[float] = []

    async def version_of_label(self, model: str, label: str, *, timeout_seconds: float) -> int:
        self.seconds.append(timeout_seconds)
        return await super().version_of_label(model, label, timeout_seconds=timeout_seconds)


async def version_of(labels: Labels, label: str, *servers: FakeModelServer) -> int:
    return await labels.version_of("toy", label, model_servers=servers, deadline=Deadline.after(10))


async def test_a_label_in_a_loop_is_asked_for_once_a_second() -> None:
    clock, server = Clock(), Asked(blue=1)
    labels = Labels(clock=clock)

    for _ in range(5):
        assert await version_of(labels, "blue", server) == 1
        with pytest.raises(VersionNotFoundError, match="no version of label 'red'"):
            await version_of(labels, "red", server)
    assert len(server.seconds) == 2

    clock.turn(KEPT_SECONDS)
    await version_of(labels, "blue", server)
    assert len(server.seconds) == 3


async def test_one_that_does_not_answer_leaves_time_to_ask_the_next() -> None:
    away, server = Asked(), Asked(blue=1)
    away.error = DeadlineExceededError("late")

    assert await version_of(Labels(), "blue", away, server) == 1
    assert 4 < away.seconds[0] <= 5
    assert 9 < server.seconds[0] <= 10


async def test_what_is_not_known_is_not_remembered() -> None:
    labels, server = Labels(), Asked(blue=1)
    server.error = ModelServerAwayError("away")
    with pytest.raises(ModelServerAwayError):
        await version_of(labels, "blue", server)
    server.error = None

    assert await version_of(labels, "blue", server) == 1


async def test_many_labels_do_not_fill_the_memory() -> None:
    labels, server = Labels(), Asked(blue=1)
    await version_of(labels, "blue", server)
    for number in range(1_001):
        with pytest.raises(VersionNotFoundError):
            await version_of(labels, str(number), server)
    asked = len(server.seconds)
    await version_of(labels, "blue", server)

    assert len(server.seconds) == asked + 1


async def test_a_model_made_elsewhere_has_no_label() -> None:
    server = FakeModelServer()
    server.error = SignatureNotFoundError("no signature manifest")

    with pytest.raises(VersionNotFoundError):
        await version_of(Labels(), "blue", server)
