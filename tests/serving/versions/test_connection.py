"""A model server that restarts between two looks while nobody asks."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from modelserver.model_servers import GrpcModelServers
from tests.colour_server import ColourServer, colour_manifest
from tests.pictures import colour_picture
from tests.serving.gateway_client import gateway

RED = colour_picture("red")


# gRPC connects again when it sees fit: seconds later.
@pytest.mark.slow
async def test_what_comes_back_answers_under_its_own_labels_though_no_look_found_it_away() -> None:
    its_manifest = dataclasses.replace(colour_manifest(), labels=("rouge", "vert", "bleu"))
    old, new = ColourServer(), ColourServer(its_manifest)
    async with old.running() as address:
        gateway_before = gateway(GrpcModelServers(address), poll_seconds=60, resolve_seconds=60)
        client = await gateway_before.__aenter__()
        before = (await client.post("/predict", content=RED)).json()
    async with new.running(address), asyncio.timeout(10):
        while not new.batch_sizes:  # of its self-test
            await asyncio.sleep(0.05)
        after = (await client.post("/predict", content=RED)).json()
        await gateway_before.__aexit__(None, None, None)

    assert [answer["predictions"][0]["label"] for answer in (before, after)] == ["red", "rouge"]
