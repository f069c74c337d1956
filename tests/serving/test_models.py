"""GET /models/{model}: what a model says of itself."""

from __future__ import annotations

from typing import Any

from tests.fake_model_server import FakeModelServer, FakeVersion
from tests.manifests import manifest
from tests.serving.gateway_client import gateway


async def shown(**members: Any) -> Any:
    async with gateway(FakeModelServer({"toy": {1: FakeVersion(manifest(**members))}})) as client:
        response = await client.get("/models/toy")
    assert response.status_code == 200
    return response.json()


async def test_a_model_shows_its_threshold_and_how_well_it_is_calibrated() -> None:
    answer = await shown(unknown_threshold=0.4)

    assert answer["unknown_threshold"] == 0.4
    assert answer["calibration"] == {
        "images": 120,
        "at_bound": False,
        "coverage": 0.95,
        "test_coverage": 0.94,
        "test_error_before": 0.07,
        "test_error_after": 0.02,
    }


async def test_a_model_of_schema_1_0_shows_no_calibration() -> None:
    answer = await shown(schema_version="1.0", calibration=None)

    assert answer["calibration"] is None
    assert answer["labels"] == ["cat", "dog", "owl"]
