"""A `ModelServer` of the tests behind a real gRPC port, in TensorFlow Serving's words."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np

from modelserver.messages import prediction_pb2 as pb
from modelserver.protocol import Call, ModelServer
from modelserver.tensors import to_array, to_message

TIMEOUT_SECONDS = 10.0


@contextlib.contextmanager
def grpc_model_server(
    model_server: ModelServer, *, credentials: grpc.ServerCredentials | None = None
) -> Iterator[str]:
    """Yields its address."""
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((_prediction_service(model_server), _model_service(model_server)))
    address = "127.0.0.1:0"
    if credentials is None:
        port = server.add_insecure_port(address)
    else:
        port = server.add_secure_port(address, credentials)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def _prediction_service(model_server: ModelServer) -> Any:
    def predict(request: pb.PredictRequest, _context: object) -> pb.PredictResponse:
        call = Call(
            model=request.model_spec.name,
            version=request.model_spec.version.value,
            signature=request.model_spec.signature_name,
            inputs={name: to_array(tensor) for name, tensor in request.inputs.items()},
        )
        outputs = asyncio.run(model_server.call(call, timeout_seconds=TIMEOUT_SECONDS))
        return pb.PredictResponse(outputs={name: _tensor(array) for name, array in outputs.items()})

    return _service("PredictionService", "Predict", predict, pb.PredictRequest, pb.PredictResponse)


def _tensor(array: np.ndarray) -> pb.Tensor:
    if array.dtype != object:
        return to_message(array)
    shape = pb.TensorShape(dim=[pb.TensorShape.Dim(size=size) for size in array.shape])
    return pb.Tensor(dtype=pb.DT_STRING, tensor_shape=shape, string_val=list(array.flat))


def _model_service(model_server: ModelServer) -> Any:
    def status(request: pb.GetModelStatusRequest, _context: object) -> pb.GetModelStatusResponse:
        versions = asyncio.run(
            model_server.versions(request.model_spec.name, timeout_seconds=TIMEOUT_SECONDS)
        )
        return pb.GetModelStatusResponse(
            model_version_status=[
                pb.ModelVersionStatus(
                    version=version.version, state=pb.ModelVersionStatus.State.Value(version.state)
                )
                for version in versions
            ]
        )

    return _service(
        "ModelService", "GetModelStatus", status, pb.GetModelStatusRequest, pb.GetModelStatusResponse
    )


def _service(name: str, method: str, handler: Any, request: Any, response: Any) -> Any:
    handlers = {
        method: grpc.unary_unary_rpc_method_handler(
            handler, request_deserializer=request.FromString, response_serializer=response.SerializeToString
        )
    }
    return grpc.method_handlers_generic_handler(f"tensorflow.serving.{name}", handlers)
