"""Each test that asks is run with either client: they may differ in nothing that a caller sees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.miwake.client.one_answer import OneAnswer, one_answer
from tests.miwake.client.scripted import Ask, ask_async_client, ask_client


@pytest.fixture(params=[ask_client, ask_async_client], ids=["Client", "AsyncClient"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return request.param


@pytest.fixture
def server() -> Iterator[OneAnswer]:
    with one_answer() as server:
        yield server
