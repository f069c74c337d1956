"""A new version is dropped into the folder while requests run."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from tests.clients import Clients
from tests.gateway_process import GatewayProcess

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

FIRST = ("red-1", "green-1", "blue-1")
# The same answers in another order: under the first version's labels they would all be wrong.
SECOND = ("blue-2", "red-2", "green-2")


def test_every_answer_carries_the_labels_of_its_version_and_none_fails(tmp_path: Path) -> None:
    from tests.colour_model import colour_picture, publish_colours

    base = tmp_path / "models" / "colours"
    publish_colours(base, labels=FIRST)
    with (
        GatewayProcess(base.parent, log=tmp_path / "log") as gateway,
        Clients(gateway.url, colour_picture("red"), count=4) as clients,
    ):
        clients.wait_for(1)
        publish_colours(base, labels=SECOND, order=(2, 0, 1))
        clients.wait_for(2)
        time.sleep(1)

    assert clients.statuses() == {200}
    assert clients.labels_by_version() == {1: {"red-1"}, 2: {"red-2"}}


def test_a_version_that_fails_its_self_test_never_answers(tmp_path: Path) -> None:
    from tests.colour_model import colour_picture, publish_colours, write_version_that_answers_otherwise

    base = tmp_path / "models" / "colours"
    publish_colours(base, labels=FIRST)
    with (
        GatewayProcess(base.parent, log=tmp_path / "log") as gateway,
        Clients(gateway.url, colour_picture("red"), count=2) as clients,
    ):
        write_version_that_answers_otherwise(base / "2", labels=FIRST)
        give_up = time.monotonic() + 60
        while "self-test failed" not in gateway.log:
            assert time.monotonic() < give_up, gateway.log
            time.sleep(0.05)
        time.sleep(1)
        shown = httpx.get(f"{gateway.url}/models/colours").json()

    assert clients.statuses() == {200}
    assert clients.labels_by_version() == {1: {"red-1"}}
    assert [(v["version"], v["state"], v["self_test"]) for v in shown["versions"]] == [
        (2, "AVAILABLE", "failed"),
        (1, "AVAILABLE", "passed"),
    ]
