"""One request, found again in the log, the metrics and the traces of a gateway in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.gateway_process import GatewayProcess
from tests.serving.otlp_collector import OtlpCollector, attributes

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

TRACE = "0af7651916cd43dd8448eb211c80319c"
OPEN_METRICS = {"accept": "application/openmetrics-text;version=1.0.0"}


def test_a_request_is_one_log_line_one_exemplar_and_one_trace(tmp_path: Path) -> None:
    from tests.colour_model import colour_picture, publish_colours

    publish_colours(tmp_path / "models" / "colours")
    with OtlpCollector() as collector:
        environment = {"MIWAKE_OTLP_ENDPOINT": collector.url, "MIWAKE_DRAIN_SECONDS": "0"}
        gateway = GatewayProcess(
            tmp_path / "models",
            "--model-server",
            "embedded",
            log=tmp_path / "log",
            environment=environment,
        )
        with gateway:
            answers = [
                httpx.post(
                    f"{gateway.url}/predict?top_k=1",
                    content=colour_picture("red"),
                    headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
                ).json()
                for _ in range(20)
            ]
            metrics = httpx.get(f"{gateway.url}/metrics", headers=OPEN_METRICS).text
        spans = [span for span in collector.spans if span.name == "POST /predict"]

    lines = [json.loads(line) for line in gateway.log.splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["logger"] == "serving.requests"]
    families = {family.name: family for family in text_string_to_metric_families(metrics)}
    durations = families["miwake_request_duration_seconds"].samples
    ids = [answer["request_id"] for answer in answers]
    assert [line["request_id"] for line in requests] == ids
    assert {line["trace_id"] for line in requests} == {TRACE}
    assert {line["message"] for line in lines} >= {f"Finished server process [{gateway.process.pid}]"}
    assert {"trace_id": TRACE} in [sample.exemplar.labels for sample in durations if sample.exemplar]
    assert {attributes(span)["miwake.request_id"] for span in spans} == set(ids)
    assert {span.trace_id.hex() for span in spans} == {TRACE}
