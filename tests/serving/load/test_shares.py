"""A caller has its share of what is under way, and leaves the rest to others."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import pytest

from serving.callers.errors import RateLimitedError
from serving.callers.new_keys import Allowance, add_key
from serving.load.deadline import Deadline
from serving.load.lane import Lane, LaneLimits
from serving.load.refusal import Refusal
from serving.load.shares import Shares
from tests.clock import Clock
from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.serving.gateway_client import gateway
from tests.serving.grpc.caller import caller, encoded_request

PNG = encoded()
PATIENT = Deadline.after(10_000)


def test_a_caller_may_hold_its_share_and_gets_it_back() -> None:
    refused: list[Refusal] = []
    shares = Shares(0.5, on_refused=refused.append)
    with shares.held("a", 2):
        shares.check("b", more=2, of=4)
        with pytest.raises(RateLimitedError):
            shares.check("a", more=1, of=4)
    shares.check("a", more=2, of=4)

    assert refused == [Refusal.CALLER]
    assert not shares._held  # nothing stays of those who have gone


def test_who_holds_nothing_may_have_as_much_as_it_asks_for() -> None:
    Shares(0.1, on_refused=lambda _: None).check("a", more=64, of=4)


@pytest.mark.parametrize(("share", "who"), [(None, "a"), (0.5, "")])
def test_without_a_share_or_a_name_there_is_no_limit(share: float | None, who: str) -> None:
    shares = Shares(share, on_refused=lambda _: None)
    with shares.held(who, 100):
        shares.check(who, more=1, of=4)


def test_of_a_lane_the_share_is_of_what_may_wait_at_the_present_pace() -> None:
    clock = Clock()
    limits = LaneLimits(max_images=1000, free_images=4, max_wait_seconds=0.5, caller_share=0.5)
    lane = Lane(limits, on_refused=lambda _: None, clock=clock)
    with lane.under_way(1, deadline=PATIENT) as answered:
        for _ in range(200):
            clock.turn(1 / 50)
            answered(1)
    with contextlib.ExitStack() as under_way:
        let_in = 0
        with contextlib.suppress(RateLimitedError):
            while True:
                under_way.enter_context(lane.under_way(1, deadline=PATIENT, caller="a"))
                let_in += 1
        lane.check(deadline=PATIENT, caller="b")

    assert let_in == 12  # half of the 25 that 50 images a second answer in half a second


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A gateway, the headers of two of its callers, and the model server that keeps what it is asked."""

    client: httpx.AsyncClient
    server: FakeModelServer
    greedy: dict[str, str]
    other: dict[str, str]

    async def begin(self, count: int, **request: Any) -> list[asyncio.Task[httpx.Response]]:
        """So many requests of the greedy one, under way once this returns."""
        posts = [
            asyncio.create_task(self.client.post("/predict", headers=self.greedy, **request))
            for _ in range(count)
        ]
        async with asyncio.timeout(5):
            while f"miwake_admitted_requests {count}.0" not in await self.metrics():
                await asyncio.sleep(0.01)
            while not self.server.calls_in_flight:
                await asyncio.sleep(0.01)
        return posts

    async def metrics(self) -> str:
        return (await self.client.get("/metrics", headers=self.other)).text


@contextlib.asynccontextmanager
async def shop(folder: Path, **changes: Any) -> AsyncIterator[Shop]:
    keys_file = folder / "keys.toml"
    greedy, other = (add_key(keys_file, name, Allowance()) for name in ("greedy", "other"))
    server = FakeModelServer()
    async with gateway(server, keys_file=keys_file, **({"caller_share": 0.5} | changes)) as client:
        server.predict_gate = asyncio.Event()
        yield Shop(client=client, server=server, greedy={"X-API-Key": greedy}, other={"X-API-Key": other})


@pytest.mark.parametrize(
    ("limits", "request_"),
    [
        ({"max_requests_in_flight": 4}, {"content": PNG}),
        ({"max_predicted_images": 8}, {"files": [("image", ("a", PNG))] * 2}),
        ({"max_bytes_in_flight": 5 * len(PNG)}, {"content": PNG}),
    ],
)
async def test_one_key_cannot_take_all_places(
    limits: dict[str, int], request_: dict[str, Any], tmp_path: Path
) -> None:
    async with shop(tmp_path, **limits) as there:
        held = await there.begin(2, **request_)
        refused = await there.client.post("/predict", headers=there.greedy, **request_)
        others = asyncio.create_task(there.client.post("/predict", headers=there.other, **request_))
        await asyncio.sleep(0.05)
        there.server.predict_gate.set()
        statuses = [(await one).status_code for one in (*held, others)]
        again = await there.client.post("/predict", headers=there.greedy, **request_)
        metrics = await there.metrics()

    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    assert (statuses, again.status_code) == ([200, 200, 200], 200)
    assert 'miwake_refused_total{model="toy",reason="caller",version="1"} 1.0' in metrics


async def test_by_default_one_key_may_take_them_all(tmp_path: Path) -> None:
    async with shop(tmp_path, caller_share=None, max_requests_in_flight=2) as there:
        held = await there.begin(2, content=PNG)
        refused = await there.client.post("/predict", headers=there.greedy, content=PNG)
        there.server.predict_gate.set()
        statuses = [(await one).status_code for one in held]

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert statuses == [200, 200]


async def test_where_nobody_is_known_there_are_no_shares() -> None:
    server = FakeModelServer()
    async with gateway(server, caller_share=0.25, max_requests_in_flight=4) as client:
        server.predict_gate = asyncio.Event()
        posts = [asyncio.create_task(client.post("/predict", content=PNG)) for _ in range(4)]
        await asyncio.sleep(0.05)
        server.predict_gate.set()

        assert [(await post).status_code for post in posts] == [200] * 4


async def test_one_key_cannot_take_all_calls_over_grpc(tmp_path: Path) -> None:
    keys_file = tmp_path / "keys.toml"
    greedy, other = ((("x-api-key", add_key(keys_file, name, Allowance())),) for name in ("greedy", "other"))
    server = FakeModelServer()
    async with caller(server, keys_file=keys_file, caller_share=0.5, grpc_max_calls=4) as calls:
        server.predict_gate = asyncio.Event()
        held = [
            asyncio.ensure_future(_status(calls.infer(encoded_request(PNG), metadata=greedy)))
            for _ in range(2)
        ]
        async with asyncio.timeout(5):
            while not server.calls_in_flight:
                await asyncio.sleep(0.01)
        refused = await _status(calls.infer(encoded_request(PNG), metadata=greedy))
        others = asyncio.ensure_future(_status(calls.infer(encoded_request(PNG), metadata=other)))
        await asyncio.sleep(0.05)
        server.predict_gate.set()
        answered = await asyncio.gather(*held, others)
        metrics = (await calls.http.get("/metrics", headers=dict(other))).text

    assert refused is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert answered == [grpc.StatusCode.OK] * 3
    assert re.search(r'miwake_refused_total\{model="",reason="caller",version=""\} 1\.0', metrics)


async def _status(call: Any) -> grpc.StatusCode:
    status: grpc.StatusCode = await call.code()
    return status
