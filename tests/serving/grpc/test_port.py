"""What is around the calls: ids, callers, limits, metrics, health, the end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2

from serving.callers.new_keys import Allowance, add_key
from serving.grpc.errors import PortTakenError
from serving.grpc.messages import inference_pb2 as pb
from serving.grpc.service import SERVICE
from tests.fake_model_server import FakeModelServer
from tests.gateway_process import free_port
from tests.serving.gateway_client import gateway
from tests.serving.grpc.caller import PNG, Caller, caller, encoded_request, until_in_flight


async def status_of(call: Any) -> str:
    try:
        await call
    except grpc.aio.AioRpcError as exc:
        return exc.code().name
    return "OK"


async def test_the_gateway_is_live_and_ready_and_says_what_it_is() -> None:
    async with caller(FakeModelServer()) as calls:
        live = await calls.call("ServerLive", pb.ServerLiveRequest())
        ready = await calls.call("ServerReady", pb.ServerReadyRequest())
        server = await calls.call("ServerMetadata", pb.ServerMetadataRequest())
        health = await calls.health()
        of_service = await calls.health(SERVICE)

    assert (live.live, ready.ready, server.name) == (True, True, "miwake")
    assert health.status == of_service.status == health_pb2.HealthCheckResponse.SERVING


async def test_without_a_model_it_is_live_and_not_ready() -> None:
    async with caller(FakeModelServer({}), ready=False) as calls:
        live = await calls.call("ServerLive", pb.ServerLiveRequest())
        ready = await calls.call("ServerReady", pb.ServerReadyRequest())
        model = await calls.call("ModelReady", pb.ModelReadyRequest(name="toy"))
        health = await calls.health()

    assert (live.live, ready.ready, model.ready) == (True, False, False)
    assert health.status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_models_are_told_as_over_http() -> None:
    async with caller(FakeModelServer()) as calls:
        told = await calls.call("ModelMetadata", pb.ModelMetadataRequest(name="toy"))
        config = await calls.call("ModelConfig", pb.ModelConfigRequest(name="toy"))
        index = await calls.call("RepositoryIndex", pb.RepositoryIndexRequest())
        over_http = (await calls.http.get("/v2/models/toy")).json()
        config_over_http = (await calls.http.get("/v2/models/toy/config")).json()

    assert [(t.name, t.datatype, list(t.shape)) for t in (*told.inputs, *told.outputs)] == [
        (t["name"], t["datatype"], t["shape"]) for t in (*over_http["inputs"], *over_http["outputs"])
    ]
    assert [(t.name, pb.DataType.Name(t.data_type), list(t.dims)) for t in config.config.input] == [
        (t["name"], t["data_type"], t["dims"]) for t in config_over_http["input"]
    ]
    assert config.config.max_batch_size == config_over_http["max_batch_size"]
    assert [(m.name, m.version, m.state) for m in index.models] == [("toy", "1", "READY")]


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("RepositoryModelLoad", "UNIMPLEMENTED"),
        ("ModelStreamInfer", "UNIMPLEMENTED"),
        ("Nothing", "UNIMPLEMENTED"),
    ],
)
async def test_what_is_not_offered_is_unimplemented(method: str, status: str) -> None:
    async with caller(FakeModelServer()) as calls:
        assert await status_of(calls.raw(f"/{SERVICE}/{method}", b"", pb.ServerLiveResponse)) == status


async def test_health_of_an_unknown_service_is_not_found() -> None:
    async with caller(FakeModelServer()) as calls:
        assert await status_of(calls.health("other")) == "NOT_FOUND"


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.toml"
    path.write_text("[keys]\n")
    return path


async def test_a_key_is_needed_for_all_but_the_health_check(keys_file: Path) -> None:
    key = add_key(keys_file, "shop", Allowance())
    request = encoded_request(PNG)
    async with caller(FakeModelServer(), keys_file=keys_file) as calls:
        statuses = [
            await status_of(calls.call("ServerLive", pb.ServerLiveRequest())),
            await status_of(calls.infer(request)),
            await status_of(calls.infer(request, metadata=(("authorization", "Bearer wrong"),))),
            await status_of(calls.infer(request, metadata=(("authorization", f"Bearer {key}"),))),
            await status_of(calls.infer(request, metadata=(("x-api-key", key),))),
            await status_of(calls.call("ServerMetadata", pb.ServerMetadataRequest())),
        ]
        probe = await status_of(calls.health())

    assert statuses == [*["UNAUTHENTICATED"] * 3, "OK", "OK", "UNAUTHENTICATED"]
    assert probe == "OK"


async def test_who_is_unknown_is_told_so_before_a_message_is_asked_for(keys_file: Path) -> None:
    async def nothing() -> Any:
        await asyncio.sleep(60)
        yield b""

    add_key(keys_file, "shop", Allowance())
    async with caller(FakeModelServer(), keys_file=keys_file) as calls:
        call = calls.channel.stream_unary(f"/{SERVICE}/ModelInfer")(nothing())
        assert await status_of(call) == "UNAUTHENTICATED"


async def test_a_key_for_other_models_may_not_ask_of_this_one_nor_see_it(keys_file: Path) -> None:
    key = add_key(keys_file, "shop", Allowance(models=("other",)))
    options = {"metadata": (("x-api-key", key),)}
    async with caller(FakeModelServer(), keys_file=keys_file) as calls:
        infer = await status_of(calls.infer(encoded_request(PNG), **options))
        ready = await status_of(calls.call("ModelReady", pb.ModelReadyRequest(name="toy"), **options))
        index = await calls.call("RepositoryIndex", pb.RepositoryIndexRequest(), **options)

    assert (infer, ready) == ("PERMISSION_DENIED", "PERMISSION_DENIED")
    assert not index.models


async def test_a_key_s_rate_holds_here_too(keys_file: Path) -> None:
    key = add_key(keys_file, "shop", Allowance(requests_per_second=0.01, burst=1))
    options = {"metadata": (("x-api-key", key),)}
    async with caller(FakeModelServer(), keys_file=keys_file) as calls:
        statuses = [await status_of(calls.infer(encoded_request(PNG), **options)) for _ in range(2)]

    assert statuses == ["OK", "RESOURCE_EXHAUSTED"]


async def request_id(call: Any) -> str:
    metadata = dict(await call.initial_metadata())
    await call
    return str(metadata["x-request-id"])


async def test_the_request_id_of_the_client_comes_back_where_it_is_safe() -> None:
    async with caller(FakeModelServer()) as calls:
        given = await request_id(calls.infer(encoded_request(PNG), metadata=(("x-request-id", "job-7.3"),)))
        unsafe = await request_id(calls.infer(encoded_request(PNG), metadata=(("x-request-id", "a b"),)))

    assert given == "job-7.3"
    assert unsafe != "a b"


async def test_calls_are_counted_beside_http_requests_with_the_same_statuses() -> None:
    async with caller(FakeModelServer()) as calls:
        await calls.infer(encoded_request(PNG))
        await status_of(calls.infer(encoded_request(b"text")))
        metrics = (await calls.http.get("/metrics")).text

    counted = [line for line in metrics.splitlines() if line.startswith("miwake_requests_total")]
    for status in ("200", "415"):
        labels = ('model="toy"', 'route="grpc:ModelInfer"', f'status="{status}"')
        assert any(all(label in line for label in labels) for line in counted), counted


async def test_more_calls_than_allowed_are_refused_at_once() -> None:
    server = FakeModelServer()
    async with caller(server, grpc_max_calls=2) as calls:
        server.predict_gate = asyncio.Event()
        waiting = [asyncio.ensure_future(status_of(calls.infer(encoded_request(PNG)))) for _ in range(2)]
        await until_in_flight(calls, 2)
        with pytest.raises(grpc.aio.AioRpcError) as third:
            await calls.infer(encoded_request(PNG))
        health = await calls.health()
        server.predict_gate.set()
        answered = await asyncio.gather(*waiting)
        metrics = (await calls.http.get("/metrics")).text

    told = dict(third.value.trailing_metadata())
    assert third.value.code() is grpc.StatusCode.UNAVAILABLE
    assert (told["miwake-code"], int(told["retry-after"])) == ("overloaded", 1)
    assert 'miwake_refused_total{model="",reason="requests",version=""} 1.0' in metrics
    assert (health.status, answered) == (health_pb2.HealthCheckResponse.SERVING, ["OK", "OK"])


async def test_more_requests_than_are_admitted_are_unavailable() -> None:
    server = FakeModelServer()
    async with caller(server, max_requests_in_flight=1) as calls:
        server.predict_gate = asyncio.Event()
        waiting = asyncio.ensure_future(status_of(calls.infer(encoded_request(PNG))))
        await until_in_flight(calls, 1)
        second = await status_of(calls.infer(encoded_request(PNG)))
        server.predict_gate.set()

        assert (second, await waiting) == ("UNAVAILABLE", "OK")


async def test_a_client_that_never_sends_its_message_is_given_up() -> None:
    async def nothing() -> Any:
        await asyncio.sleep(60)
        yield b""

    async with caller(FakeModelServer(), receive_timeout_seconds=0.1) as calls:
        call = calls.channel.stream_unary(f"/{SERVICE}/ModelInfer")(nothing())
        assert await status_of(call) == "DEADLINE_EXCEEDED"


async def test_a_client_that_ends_without_a_message_is_told() -> None:
    async def nothing() -> Any:
        return
        yield b""

    async with caller(FakeModelServer()) as calls:
        call = calls.channel.stream_unary(f"/{SERVICE}/ModelInfer")(nothing())
        assert await status_of(call) == "INVALID_ARGUMENT"


async def test_a_client_that_goes_away_frees_its_place() -> None:
    server = FakeModelServer()
    async with caller(server, max_requests_in_flight=1) as calls:
        server.predict_gate = asyncio.Event()
        call = calls.infer(encoded_request(PNG))
        waiting = asyncio.ensure_future(status_of(call))
        await until_in_flight(calls, 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await until_in_flight(calls, 0)
        server.predict_gate.set()

        assert await status_of(calls.infer(encoded_request(PNG))) == "OK"


async def test_while_it_drains_it_answers_and_says_that_it_is_not_ready() -> None:
    async with caller(FakeModelServer()) as calls:
        gateway_of(calls).draining = True
        health = await calls.health()
        infer = await status_of(calls.infer(encoded_request(PNG)))

    assert (health.status, infer) == (health_pb2.HealthCheckResponse.NOT_SERVING, "OK")


async def test_calls_under_way_at_the_end_are_finished() -> None:
    server = FakeModelServer()
    async with caller(server) as calls:
        server.predict_gate = asyncio.Event()
        waiting = asyncio.ensure_future(status_of(calls.infer(encoded_request(PNG))))
        await until_in_flight(calls, 1)
        asyncio.get_running_loop().call_later(0.3, server.predict_gate.set)
        gateway_of(calls).closing.set()

        assert await waiting == "OK"
        assert await status_of(calls.infer(encoded_request(PNG))) == "UNAVAILABLE"


def gateway_of(calls: Caller) -> Any:
    transport: Any = calls.http._transport
    return transport.app.state.gateway


async def test_a_port_that_is_taken_is_told() -> None:
    port = free_port()
    async with gateway(FakeModelServer(), grpc_port=port):
        with pytest.raises(PortTakenError, match=str(port)):
            async with gateway(FakeModelServer(), grpc_port=port):
                pass


async def test_without_a_port_there_is_none() -> None:
    async with gateway(FakeModelServer()) as client:
        assert (await client.get("/livez")).status_code == 200


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="a machine without IPv6")
async def test_an_ipv6_host_is_listened_on() -> None:
    port = free_port()
    async with (
        gateway(FakeModelServer(), host="::1", grpc_port=port),
        grpc.aio.insecure_channel(f"[::1]:{port}") as channel,
    ):
        live = await channel.unary_unary(f"/{SERVICE}/ServerLive")(b"")

    assert pb.ServerLiveResponse.FromString(live).live
