from __future__ import annotations

import subprocess
import sys
import time

import pytest

from modelserver.call_metadata import Metadata, call_metadata
from modelserver.errors import ModelServerFaultError
from modelserver.protocol import Call, Tensors
from serving.telemetry.tracing import PassingTracer, tracer_for
from tests.fake_model_server import FakeModelServer
from tests.pictures import encoded
from tests.serving.gateway_client import gateway, settings
from tests.serving.otlp_collector import OtlpCollector, attributes

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "congo=t61rcWkgMzE"}
STAGES = ("receive", "decode", "queue", "predict", "respond")
ERROR = 2  # of the protocol's Status.StatusCode


class Watched(FakeModelServer):
    """Remembers what went along with each call."""

    def __init__(self) -> None:
        super().__init__()
        self.metadata: list[Metadata] = []

    async def call(self, call: Call, *, timeout_seconds: float) -> Tensors:
        self.metadata.append(call_metadata())
        return await super().call(call, timeout_seconds=timeout_seconds)


async def test_a_request_is_a_span_with_one_below_it_for_each_stage() -> None:
    with OtlpCollector() as collector:
        async with gateway(FakeModelServer(), otlp_endpoint=collector.url) as client:
            files = [("image", ("a", encoded())), ("image", ("b", b"no image"))]
            response = await client.post("/models/toy/predict", files=files)
        spans = collector.wait_for(6)

    root = spans["POST /models/{model}/predict"]
    assert set(spans) == {root.name, *STAGES}
    assert root.parent_span_id == b""
    assert {spans[stage].parent_span_id for stage in STAGES} == {root.span_id}
    assert {span.trace_id for span in spans.values()} == {root.trace_id}
    assert attributes(root) | {"http.request.body.size": 0, "client.address": ""} == {
        "http.request.method": "POST",
        "http.route": "/models/{model}/predict",
        "http.response.status_code": 200,
        "http.request.body.size": 0,
        "client.address": "",
        "miwake.request_id": response.json()["request_id"],
        "miwake.model": "toy",
        "miwake.version": "1",
        "miwake.images": 2,
        "miwake.images_rejected": 1,
    }


async def test_the_stages_lie_within_the_request_in_their_order() -> None:
    before = time.time_ns()
    with OtlpCollector() as collector:
        async with gateway(FakeModelServer(), otlp_endpoint=collector.url) as client:
            await client.post("/predict", content=encoded())
        spans = collector.wait_for(6)

    root = spans["POST /predict"]
    starts = [spans[stage].start_time_unix_nano for stage in STAGES]
    assert starts == sorted(starts)
    assert before <= root.start_time_unix_nano <= starts[0]
    for stage in STAGES:
        span = spans[stage]
        assert span.start_time_unix_nano <= span.end_time_unix_nano <= root.end_time_unix_nano


async def test_the_collector_learns_who_sends() -> None:
    with OtlpCollector() as collector:
        async with gateway(FakeModelServer(), otlp_endpoint=f"{collector.url}/v1/traces") as client:
            await client.post("/predict", content=encoded())
        collector.wait_for(6)

    assert set(collector.paths) == {"/v1/traces"}
    assert collector.resources[0]["service.name"] == "miwake"


async def test_a_trace_goes_from_the_caller_through_the_gateway_to_the_model_server() -> None:
    server = Watched()
    with OtlpCollector() as collector:
        async with gateway(server, otlp_endpoint=collector.url) as client:
            await client.post("/predict", content=encoded(), headers=SAMPLED)
        root = collector.wait_for(6)["POST /predict"]

    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (TRACE, SPAN)
    assert server.metadata[-1] == (
        ("traceparent", f"00-{TRACE}-{root.span_id.hex()}-01"),
        ("tracestate", SAMPLED["tracestate"]),
    )


async def test_a_trace_that_nobody_keeps_goes_through_all_the_same() -> None:
    server = Watched()
    async with gateway(server) as client:
        await client.post("/predict", content=encoded(), headers=SAMPLED)

    (name, value), state = server.metadata[-1]
    version, trace, span, flags = value.split("-")
    assert (name, version, trace, flags) == ("traceparent", "00", TRACE, "01")
    assert span != SPAN
    assert state == ("tracestate", SAMPLED["tracestate"])


async def test_the_gateways_own_calls_belong_to_no_trace() -> None:
    server = Watched()
    async with gateway(server):
        pass

    assert set(server.metadata) == {()}


async def test_a_stranger_cannot_have_its_traces_kept_nor_make_us_keep_what_it_leaves_out() -> None:
    server = Watched()
    left_out = {"traceparent": SAMPLED["traceparent"][:-1] + "0"}
    with OtlpCollector() as collector:
        async with gateway(server, otlp_endpoint=collector.url, trace_share=0) as client:
            await client.post("/predict", content=encoded(), headers=SAMPLED)
        async with gateway(FakeModelServer(), otlp_endpoint=collector.url) as client:
            await client.post("/predict", content=encoded(), headers=left_out)

    assert collector.spans == []  # closing a gateway sends what it has kept
    assert server.metadata[-1][0][1].startswith(f"00-{TRACE}-")


async def test_without_a_parent_a_trace_begins_unless_the_share_leaves_it_out() -> None:
    with OtlpCollector() as collector:
        async with gateway(FakeModelServer(), otlp_endpoint=collector.url, trace_share=0) as client:
            await client.post("/predict", content=encoded())
        async with gateway(FakeModelServer(), otlp_endpoint=collector.url) as client:
            await client.post("/predict", content=encoded(), headers={"traceparent": "00-nonsense"})
        spans = collector.wait_for(6)

    assert len(collector.spans) == 6
    assert spans["POST /predict"].parent_span_id == b""


async def test_a_failure_is_marked_with_its_code_and_probes_leave_no_spans() -> None:
    server = FakeModelServer()
    with OtlpCollector() as collector:
        async with gateway(server, otlp_endpoint=collector.url) as client:
            server.predict_error = ModelServerFaultError("it broke")
            response = await client.post("/predict", content=encoded())
            await client.get("/metrics")
        root = collector.wait_for(5)["POST /predict"]

    assert root.status.code == ERROR
    assert attributes(root)["error.type"] == response.json()["code"]
    assert {span.name for span in collector.spans} <= {root.name, *STAGES}


@pytest.mark.slow  # the exporter tries for seconds when the gateway closes
async def test_a_collector_that_is_away_harms_no_request() -> None:
    async with gateway(FakeModelServer(), otlp_endpoint="http://127.0.0.1:1") as client:
        response = await client.post("/predict", content=encoded())

    assert response.status_code == 200


@pytest.mark.slow
def test_without_a_collector_nothing_of_the_exporter_is_imported() -> None:
    program = (
        "import sys, serving.run\n"
        "found = [m for m in sys.modules if m.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))]\n"
        "assert not found, found\n"
        "assert 'serving.telemetry.open_telemetry' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_a_collector_there_is_no_exporter() -> None:
    assert isinstance(tracer_for(settings()), PassingTracer)


@pytest.mark.slow
def test_an_exporter_that_is_not_installed_is_told_in_one_line() -> None:
    program = (
        "import sys\n"
        "sys.modules['opentelemetry.sdk'] = None\n"
        "from serving.errors import TracesError\n"
        "from serving.settings import Settings\n"
        "from serving.telemetry.tracing import tracer_for\n"
        "try:\n"
        "    tracer_for(Settings(otlp_endpoint='http://collector:4318'))\n"
        "except TracesError as exc:\n"
        "    print(exc)"
    )

    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert done.stdout == "traces need OpenTelemetry: pip install 'miwake[otel]'\n"


@pytest.mark.parametrize("endpoint", ["collector:4318", "grpc://collector:4317", "http://a b"])
def test_an_endpoint_that_is_no_url_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="otlp_endpoint"):
        settings(otlp_endpoint=endpoint)
