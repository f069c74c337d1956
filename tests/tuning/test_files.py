"""What `miwake tune` writes is what others read."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from modelserver.tensorflow_serving_config import batching_config
from serving.settings import Settings, unknown_names
from tests.tuning.measurements import measured
from tuning.choice import MAX_REQUESTS_IN_FLIGHT, Plan
from tuning.files import texts, write

POINT = measured(16, 4, images_per_second=400, p99=0.2)
PLAN = Plan(point=POINT, latency_seconds=0.3, max_batch_size=32, gateways=2)
COMPONENT = Path(__file__).parents[2] / "deploy" / "components" / "in-flight-autoscaling" / "autoscaler.yaml"


def test_the_gateway_understands_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in texts(PLAN)["gateway.env"].splitlines():
        if not line.startswith("#"):
            monkeypatch.setenv(*line.split("=", 1))
    settings = Settings()

    assert unknown_names() == []
    assert settings.max_calls_in_flight == 2
    assert settings.max_wait_seconds == pytest.approx(0.2)
    assert settings.free_images == 8


def test_the_most_that_a_gateway_lets_in_is_its_own() -> None:
    assert Settings().max_requests_in_flight == MAX_REQUESTS_IN_FLIGHT


def test_the_model_server_takes_the_models_largest_batch_though_smaller_ones_were_chosen() -> None:
    assert texts(PLAN)["batching.config"] == batching_config(32, threads=4)


def test_the_autoscalers_patch_is_the_components_with_another_number() -> None:
    (ours,), (theirs,) = (
        yaml.safe_load(text) for text in (texts(PLAN)["autoscaler.yaml"], COMPONENT.read_text())
    )

    assert ours["value"]["pods"]["target"].pop("averageValue") == "42"
    assert theirs["value"]["pods"]["target"].pop("averageValue")
    assert ours == theirs


def test_files_are_written_over_those_of_an_earlier_time(tmp_path: Path) -> None:
    write(PLAN, tmp_path / "new")
    paths = write(PLAN, tmp_path / "new")

    assert sorted(path.name for path in paths) == ["autoscaler.yaml", "batching.config", "gateway.env"]
    assert {path.name: path.read_text() for path in paths} == dict(texts(PLAN))
