from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator

import grpc
import numpy as np
import pytest

from modelserver.call_metadata import set_call_metadata
from modelserver.grpc_adapter import GrpcModelServer
from modelserver.messages import prediction_pb2 as pb
from modelserver.protocol import Call

TRACEPARENT = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
CALL = Call(model="toy", version=1, signature="serving_default", inputs={"images": np.zeros(1, np.uint8)})


class Listening:
    """A gRPC server that answers every Predict with nothing and remembers what came with it."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, str | bytes]] = []
        self.server = grpc.aio.server()
        predict = grpc.unary_unary_rpc_method_handler(
            self._predict,
            request_deserializer=pb.PredictRequest.FromString,
            response_serializer=pb.PredictResponse.SerializeToString,
        )
        service = "tensorflow.serving.PredictionService"
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {"Predict": predict}),)
        )
        self.port = self.server.add_insecure_port("127.0.0.1:0")

    async def _predict(self, _: pb.PredictRequest, context: grpc.aio.ServicerContext) -> pb.PredictResponse:
        self.metadata.append(dict(context.invocation_metadata() or ()))
        return pb.PredictResponse()


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    listening = Listening()
    await listening.server.start()
    yield listening
    await listening.server.stop(grace=None)


async def call_with(adapter: GrpcModelServer, *metadata: tuple[str, str]) -> None:
    set_call_metadata(metadata)
    await adapter.call(CALL, timeout_seconds=10)


async def test_each_tasks_calls_carry_its_own_metadata(listening: Listening) -> None:
    adapter = GrpcModelServer(f"127.0.0.1:{listening.port}")
    # A context of its own: that of the tests may hold what one before has left there.
    others = contextvars.Context()
    await asyncio.create_task(call_with(adapter, TRACEPARENT, ("tracestate", "a=1")))
    await asyncio.create_task(adapter.call(CALL, timeout_seconds=10), context=others)
    await adapter.close()

    with_trace, without = listening.metadata
    assert with_trace["traceparent"] == TRACEPARENT[1]
    assert with_trace["tracestate"] == "a=1"
    assert "traceparent" not in without
