"""From the address of a model server to a plan."""

from __future__ import annotations

from collections.abc import Callable

from modelserver.grpc_adapter import GrpcModelServer
from modelserver.protocol import ModelServer, VersionState
from modelserver.self_test import self_test
from tuning.choice import Plan, choose
from tuning.errors import NothingToMeasureError
from tuning.measurement import CALL_TIMEOUT_SECONDS, Measurement
from tuning.sweep import Limits, sweep


async def tune(
    address: str,
    model: str,
    limits: Limits,
    *,
    gateways: int,
    on_measured: Callable[[Measurement], None] = lambda _: None,
) -> Plan:
    """Measure the newest version of a model and choose.

    Args:
        address: HOST:PORT of one model server.
        model: its name there.
        limits: of the loads that are tried; 99 in 100 images are to be answered within its latency, decoding
            not counted.
        gateways: that share one model server.
        on_measured: told of each measurement.

    Raises:
        LatencyTooStrictError: no load is answered within the latency.
        NothingToMeasureError: no version is available.
        ContractBrokenError: the version fails its self-test.
        ModelServerError: any other.
    """
    server = GrpcModelServer(address)
    try:
        version = await _newest(server, model)
        target = await self_test(server, model, version, timeout_seconds=CALL_TIMEOUT_SECONDS)
        measured = await sweep(server, target, limits, on_measured=on_measured)
    finally:
        await server.close()
    point = choose(measured, latency_seconds=limits.latency_seconds)
    return Plan(
        point=point,
        latency_seconds=limits.latency_seconds,
        max_batch_size=target.facts.max_batch_size,
        gateways=gateways,
    )


async def _newest(server: ModelServer, model: str) -> int:
    statuses = await server.versions(model, timeout_seconds=CALL_TIMEOUT_SECONDS)
    available = [status.version for status in statuses if status.state is VersionState.AVAILABLE]
    if not available:
        raise NothingToMeasureError(f"the model server has no version of {model} available")
    return max(available)
