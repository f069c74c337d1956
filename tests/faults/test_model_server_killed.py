"""The model server is killed under load: 503 until it is back, never a hang, never a wrong label."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients import Clients
from tests.gateway_process import GatewayProcess, kill

# The gateway's own deadline is 10 s: beyond it and a margin an answer would be a hang.
LONGEST_ANSWER_SECONDS = 15

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    return 20 if request.config.getoption("--prove") else 2


@pytest.mark.timeout(1200)
def test_requests_get_503_until_the_model_server_is_back(tmp_path: Path, kills: int) -> None:
    from tests.colour_model import COLOURS, colour_picture, publish_colours

    publish_colours(tmp_path / "models" / "colours", labels=COLOURS)
    with (
        GatewayProcess(tmp_path / "models", log=tmp_path / "log") as gateway,
        Clients(gateway.url, colour_picture("red"), count=4) as clients,
    ):
        for _ in range(kills):
            clients.wait_for(1, since=len(clients.answers))
            kill(gateway.model_server_pid())
            gateway.wait_until_ready(ready=False)
            gateway.wait_until_ready()
            clients.wait_for(1, since=len(clients.answers))

    refused = [answer for answer in clients.answers if answer.status != 200]
    assert refused
    assert {(a.status, a.body["code"], a.retry_after) for a in refused} == {(503, "model_server_away", "1")}
    assert max(answer.seconds for answer in clients.answers) < LONGEST_ANSWER_SECONDS
    assert clients.labels_by_version() == {1: {"red"}}
