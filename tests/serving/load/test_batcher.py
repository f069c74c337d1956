from __future__ import annotations

import asyncio

import numpy as np
import pytest

from contract.image import Pixels
from modelserver.errors import DeadlineExceededError, ModelServerAwayError
from serving.asking import Probabilities
from serving.load.batcher import Batcher
from serving.load.deadline import Deadline

IMAGE = np.zeros((2, 2, 3), dtype=np.uint8)


class Server:
    """Answers every image with its own first pixel, when the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.batches: list[int] = []
        self.error: Exception | None = None

    async def predict_batch(self, images: list[Pixels], seconds: float) -> Probabilities:
        assert seconds > 0
        self.batches.append(len(images))
        await self.gate.wait()
        if self.error:
            raise self.error
        return np.array([[image[0, 0, 0]] for image in images], dtype=np.float32)


def batcher(server: Server, **changes: int) -> Batcher:
    options = {"max_batch_size": 4, "max_calls_in_flight": 1} | changes
    return Batcher(server.predict_batch, on_taken=lambda _: None, **options)


def submit(to: Batcher, count: int) -> list[asyncio.Task[Probabilities]]:
    deadline = Deadline.after(5)
    return [asyncio.create_task(to.submit(np.full_like(IMAGE, n), deadline=deadline)) for n in range(count)]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_lone_image_goes_at_once() -> None:
    server = Server()
    server.gate.set()

    assert (await batcher(server).submit(IMAGE, deadline=Deadline.after(1))).tolist() == [0]


async def test_what_waits_when_a_call_returns_goes_together_up_to_the_largest_batch() -> None:
    server = Server()
    tasks = submit(batcher(server), 8)
    await settle()
    assert server.batches == [1]
    server.gate.set()
    await asyncio.gather(*tasks)

    assert server.batches == [1, 4, 3]


async def test_every_image_gets_its_own_row() -> None:
    server = Server()
    tasks = submit(batcher(server), 11)
    server.gate.set()

    assert [row.tolist() for row in await asyncio.gather(*tasks)] == [[n] for n in range(11)]


async def test_no_more_calls_are_in_flight_than_allowed() -> None:
    server = Server()
    tasks = submit(batcher(server, max_calls_in_flight=3, max_batch_size=1), 9)
    await settle()

    assert len(server.batches) == 3
    server.gate.set()
    await asyncio.gather(*tasks)


async def test_an_image_whose_client_has_gone_is_not_sent() -> None:
    server = Server()
    tasks = submit(batcher(server), 3)
    await settle()
    tasks[1].cancel()
    await settle()
    server.gate.set()
    await asyncio.gather(tasks[0], tasks[2])

    assert server.batches == [1, 1]


async def test_the_error_of_a_batch_reaches_all_its_images_and_the_next_batch_goes() -> None:
    server = Server()
    queue = batcher(server)
    server.error = ModelServerAwayError("away")
    server.gate.set()
    answers = await asyncio.gather(*submit(queue, 5), return_exceptions=True)
    server.error = None

    assert all(isinstance(answer, ModelServerAwayError) for answer in answers)
    assert (await queue.submit(IMAGE, deadline=Deadline.after(1))).tolist() == [0]


async def test_when_all_who_wait_have_gone_no_call_is_made_for_them() -> None:
    server = Server()
    calls = []
    queue = Batcher(
        lambda images, seconds: calls.append(len(images)) or server.predict_batch(images, seconds),
        max_batch_size=4,
        max_calls_in_flight=1,
        on_taken=lambda _: None,
    )
    tasks = submit(queue, 3)
    await settle()
    for task in tasks:
        task.cancel()
    server.gate.set()
    await settle()

    assert calls == [1]


async def test_one_who_has_gone_waits_no_more() -> None:
    server = Server()
    queue = batcher(server)
    tasks = submit(queue, 3)
    await settle()
    tasks[1].cancel()
    await settle()
    waiting = queue.waiting
    server.gate.set()
    await asyncio.gather(tasks[0], tasks[2])

    assert waiting == 1


async def test_closing_answers_everyone_who_waits_and_all_to_come_with_its_error() -> None:
    server = Server()
    queue = batcher(server)
    tasks = submit(queue, 6)
    await settle()
    queue.close(ModelServerAwayError("away"))
    server.gate.set()
    answers = await asyncio.gather(*tasks, *submit(queue, 1), return_exceptions=True)

    assert [type(answer) for answer in answers] == [ModelServerAwayError] * 7
    assert server.batches == [1]


async def test_a_deadline_that_has_passed_is_an_error() -> None:

    with pytest.raises(DeadlineExceededError):
        Deadline.after(-1).remaining_seconds()


async def test_what_waited_past_its_deadline_is_never_sent() -> None:
    server = Server()
    queue = batcher(server)
    first = submit(queue, 1)
    await settle()
    late = asyncio.create_task(queue.submit(IMAGE, deadline=Deadline.after(0)))
    in_time = asyncio.create_task(queue.submit(IMAGE, deadline=Deadline.after(5)))
    await settle()
    server.gate.set()
    await asyncio.gather(*first, in_time)

    assert isinstance(late.exception(), DeadlineExceededError)
    assert server.batches == [1, 1]


@pytest.mark.parametrize("answered", [0, 2, 4])
async def test_an_answer_of_another_length_is_nobodys_and_nobody_waits_on(answered: int) -> None:
    async def send(_images: list[Pixels], _seconds: float) -> list[Probabilities]:
        return [np.zeros(1, dtype=np.float32)] * answered

    queue = Batcher(send, max_batch_size=3, max_calls_in_flight=1, on_taken=lambda _: None)
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*submit(queue, 4), return_exceptions=True)

    assert [type(answer) for answer in answers] == [ValueError] * 4
