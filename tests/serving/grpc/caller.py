"""A gateway with its gRPC port, in this process but over a real socket, and a caller of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc.aio
import httpx
from grpc_health.v1 import health_pb2

from modelserver.protocol import ModelServer
from serving.grpc.messages import inference_pb2 as pb
from serving.grpc.service import SERVICE
from tests.gateway_process import free_port
from tests.pictures import encoded
from tests.serving.gateway_client import gateway

PNG = encoded()


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Calls methods by name; `http` asks the same gateway."""

    channel: grpc.aio.Channel
    http: httpx.AsyncClient

    def call(self, method: str, request: Any, answer: Any = None, **options: Any) -> Any:
        return self.raw(
            f"/{SERVICE}/{method}", request.SerializeToString(), answer or _answer(request), **options
        )

    def raw(self, path: str, data: bytes, answer: Any, **options: Any) -> Any:
        return self.channel.unary_unary(path, response_deserializer=answer.FromString)(data, **options)

    def infer(self, request: pb.ModelInferRequest, **options: Any) -> Any:
        return self.call("ModelInfer", request, **options)

    def health(self, service: str = "", **options: Any) -> Any:
        request = health_pb2.HealthCheckRequest(service=service)
        path = "/grpc.health.v1.Health/Check"
        return self.raw(path, request.SerializeToString(), health_pb2.HealthCheckResponse, **options)


def _answer(request: Any) -> Any:
    return getattr(pb, type(request).__name__.replace("Request", "Response"))


@contextlib.asynccontextmanager
async def caller(model_server: ModelServer, **changes: Any) -> AsyncIterator[Caller]:
    port = free_port()
    async with gateway(model_server, grpc_port=port, **changes) as http:
        # A channel of its own: gRPC shares connections among channels alike.
        options = (("grpc.use_local_subchannel_pool", 1),)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
            yield Caller(channel=channel, http=http)


def encoded_request(*pictures: bytes, **changes: Any) -> pb.ModelInferRequest:
    """`image` as raw_input_contents."""
    tensor = pb.ModelInferRequest.InferInputTensor(name="image", datatype="BYTES", shape=[len(pictures)])
    raw = b"".join(len(picture).to_bytes(4, "little") + picture for picture in pictures)
    return pb.ModelInferRequest(model_name="toy", inputs=[tensor], raw_input_contents=[raw], **changes)


def pixels_request(**changes: Any) -> pb.ModelInferRequest:
    """`images` as raw_input_contents."""
    tensor = pb.ModelInferRequest.InferInputTensor(name="images", datatype="UINT8", shape=[1, 8, 8, 3])
    return pb.ModelInferRequest(
        model_name="toy", inputs=[tensor], **({"raw_input_contents": [bytes(192)]} | changes)
    )


async def until_in_flight(calls: Caller, count: int) -> None:
    async with asyncio.timeout(5):
        # The scrape counts itself.
        while f"miwake_requests_in_flight {count + 1}.0" not in (await calls.http.get("/metrics")).text:
            await asyncio.sleep(0.01)
