"""A model server of real gRPC, without TensorFlow: tells red, green and blue pictures apart."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import numpy as np

from contract import signatures
from contract.image import decode, pixels_sha256
from contract.image_spec import ImageSpec
from contract.manifest import Golden, GoldenExample, Manifest
from modelserver.messages import prediction_pb2 as pb
from modelserver.tensors import to_array, to_message
from tests.gateway_process import GatewayProcess
from tests.manifests import manifest
from tests.pictures import colour_picture

COLOURS = ("red", "green", "blue")
SPEC = ImageSpec(height=8, width=8)


def colour_manifest(*, name: str = "toy", spec: ImageSpec = SPEC, max_batch_size: int = 8) -> Manifest:
    """Of a model that this server runs; its golden example is a red picture."""
    pixels = decode(colour_picture("red"), spec)
    golden = GoldenExample(
        image_bytes=colour_picture("red"),
        pixels_sha256=pixels_sha256(pixels),
        probabilities=tuple(map(float, probabilities(pixels[None])[0])),
    )
    return dataclasses.replace(
        manifest(name=name, labels=COLOURS, image=spec, max_batch_size=max_batch_size),
        golden=Golden(max_probability_difference=0.02, examples=(golden,)),
    )


def probabilities(images: np.ndarray) -> np.ndarray:
    """How much of its light each picture [N, H, W, 3] has in each colour: float32 [N, 3]."""
    light = images.mean(axis=(1, 2), dtype=np.float64) + 1e-3
    return (light / light.sum(axis=1, keepdims=True)).astype(np.float32)


class ColourServer:
    """Every knob is an attribute; they may be turned while it runs.

    Attributes:
        images: of the `serving_default` calls, without the self-test's.
    """

    def __init__(self, its_manifest: Manifest | None = None, *, seconds_per_image: float = 0.0) -> None:
        self.manifest = its_manifest or colour_manifest()
        self.versions = [1]
        self.network: Callable[[np.ndarray], np.ndarray] = probabilities
        self.seconds_per_image = seconds_per_image
        self.spoil: Callable[[pb.PredictResponse], None] = lambda _: None  # changes an answer before it goes
        self.refusal: tuple[grpc.StatusCode, str] | None = None  # of every prediction
        self.batch_sizes: list[int] = []
        self._free_at = 0.0  # by the loop's clock: one image after another, as on one accelerator

    @contextlib.asynccontextmanager
    async def running(self, address: str = "127.0.0.1:0") -> AsyncIterator[str]:
        """Serve for the block; gives the address."""
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
        server.add_generic_rpc_handlers([self._service("PredictionService"), self._service("ModelService")])
        port = server.add_insecure_port(address)
        await server.start()
        try:
            yield address if address.startswith("unix:") else f"127.0.0.1:{port}"
        finally:
            await server.stop(grace=None)

    def _service(self, name: str) -> grpc.GenericRpcHandler:
        handlers = {
            "PredictionService": {"Predict": _unary(self._predict, pb.PredictRequest)},
            "ModelService": {"GetModelStatus": _unary(self._status, pb.GetModelStatusRequest)},
        }
        return grpc.method_handlers_generic_handler(f"tensorflow.serving.{name}", handlers[name])

    async def _status(self, _request: Any, _context: Any) -> pb.GetModelStatusResponse:
        available = pb.ModelVersionStatus.AVAILABLE
        return pb.GetModelStatusResponse(
            model_version_status=[pb.ModelVersionStatus(version=v, state=available) for v in self.versions]
        )

    async def _predict(self, request: Any, context: Any) -> pb.PredictResponse:
        name, version = request.model_spec.name, request.model_spec.version.value
        if version not in self.versions:
            text = f"Servable not found for request: Specific({name}, {version})"
            await context.abort(grpc.StatusCode.NOT_FOUND, text)
        response = pb.PredictResponse(model_spec=request.model_spec)
        if request.model_spec.signature_name == signatures.MANIFEST:
            shape = pb.TensorShape(dim=[pb.TensorShape.Dim(size=1)])
            text = self.manifest.to_json().encode()
            manifests = pb.Tensor(dtype=pb.DT_STRING, tensor_shape=shape, string_val=[text])
            response.outputs[signatures.MANIFEST].CopyFrom(manifests)
            return response
        images = to_array(request.inputs[signatures.IMAGES])
        self.batch_sizes.append(len(images))
        if self.refusal:
            await context.abort(*self.refusal)
        await self._work(len(images))
        response.outputs[signatures.PROBABILITIES].CopyFrom(to_message(self.network(images)))
        self.spoil(response)
        return response

    async def _work(self, images: int) -> None:
        now = asyncio.get_running_loop().time()
        self._free_at = max(now, self._free_at) + images * self.seconds_per_image
        await asyncio.sleep(self._free_at - now)


def _unary(method: Any, request_type: Any) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(
        method,
        request_deserializer=request_type.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )


@contextlib.contextmanager
def in_thread(server: ColourServer) -> Iterator[str]:
    """Run the server beside a test that waits for processes; gives its address."""
    loop, ended, address = asyncio.new_event_loop(), asyncio.Event(), queue.SimpleQueue[str]()

    async def serve() -> None:
        async with server.running() as at:
            address.put(at)
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield address.get(timeout=30)
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


@contextlib.contextmanager
def colour_gateway(
    address: str, folder: Path, *arguments: str, wait: bool = True, **environment: str
) -> Iterator[GatewayProcess]:
    """A gateway before a model server at that address; `environment` without the MIWAKE_."""
    models_file = folder / "models.toml"
    models_file.write_text('default = "toy"\n[models.toy]\n')
    settings = {f"MIWAKE_{name}": value for name, value in environment.items()}
    serve = ("--models-file", str(models_file), "--model-server", address, *arguments)
    with GatewayProcess(None, *serve, log=folder / "log", environment=settings, wait=wait) as gateway:
        yield gateway
