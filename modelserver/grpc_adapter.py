"""The `ModelServer` that speaks TensorFlow Serving's gRPC API. Nothing above this file knows gRPC."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
import numpy as np

from contract import signatures
from modelserver.call_metadata import call_metadata
from modelserver.errors import UnexpectedAnswerError
from modelserver.grpc_credentials import Credentials
from modelserver.grpc_errors import to_model_server_error
from modelserver.messages import prediction_pb2 as pb
from modelserver.protocol import Call, Tensors, VersionState, VersionStatus
from modelserver.tensors import to_array, to_message, write

_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_GET_MODEL_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
_CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    # gRPC's default of 4 MB refuses a batch of heat maps.
    ("grpc.max_receive_message_length", -1),
    # A model server that comes back is found within a second or so, not gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class GrpcModelServer:
    """One channel to one model server.

    Must be made inside the running event loop: gRPC binds the channel to it, and does not survive a fork.
    """

    def __init__(self, address: str, *, credentials: Credentials | None = None) -> None:
        self._channel = _channel(address, credentials)
        self._predict = self._channel.unary_unary(
            _PREDICT,
            request_serializer=pb.PredictRequest.SerializeToString,
            response_deserializer=pb.PredictResponse.FromString,
        )
        self._get_model_status = self._channel.unary_unary(
            _GET_MODEL_STATUS,
            request_serializer=pb.GetModelStatusRequest.SerializeToString,
            response_deserializer=pb.GetModelStatusResponse.FromString,
        )

    async def versions(self, model: str, *, timeout_seconds: float) -> tuple[VersionStatus, ...]:
        """See `ModelServer.versions`."""
        request = pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name=model))
        response = await _send(self._get_model_status, request, timeout_seconds=timeout_seconds)
        return tuple(map(_version_status, response.model_version_status))

    async def call(self, call: Call, *, timeout_seconds: float) -> Tensors:
        """See `ModelServer.call`."""
        request = pb.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = call.model, call.signature
        request.model_spec.version.value = call.version
        for name, array in call.inputs.items():
            write(array, request.inputs[name])
        response = await _send(self._predict, request, timeout_seconds=timeout_seconds)
        answering = response.model_spec
        if answering.HasField("version") and answering.version.value != call.version:
            raise UnexpectedAnswerError("the model server answered by another version than the one asked for")
        return {name: to_array(message) for name, message in response.outputs.items()}

    async def version_of_label(self, model: str, label: str, *, timeout_seconds: float) -> int:
        """See `ModelServer.version_of_label`."""
        spec = pb.ModelSpec(name=model, signature_name=signatures.MANIFEST, version_label=label)
        inputs = {signatures.REQUEST: to_message(np.zeros(1, dtype=np.int32))}
        request = pb.PredictRequest(model_spec=spec, inputs=inputs)
        response = await _send(self._predict, request, timeout_seconds=timeout_seconds)
        return int(response.model_spec.version.value)

    async def lost(self) -> None:
        """See `ModelServer.lost`: the channel was ready and is so no more, be it for an instant."""
        state = self._channel.get_state()
        while state is not grpc.ChannelConnectivity.READY:
            await self._channel.wait_for_state_change(state)
            state = self._channel.get_state()
        await self._channel.wait_for_state_change(state)

    async def close(self) -> None:
        """Close the channel; calls in flight end as if the model server were away."""
        await self._channel.close(grace=None)


def _channel(address: str, credentials: Credentials | None) -> grpc.aio.Channel:
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS)
    options = (*_CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", credentials.server_name))
    return grpc.aio.secure_channel(address, credentials.channel, options=options)


async def _send(method: Any, request: Any, *, timeout_seconds: float) -> Any:
    """Send one request. The deadline goes along: it is what stops the work on the other side."""
    try:
        return await method(request, timeout=timeout_seconds, metadata=call_metadata())
    except grpc.aio.AioRpcError as exc:
        raise to_model_server_error(exc.code(), exc.details()) from exc


def _version_status(message: pb.ModelVersionStatus) -> VersionStatus:
    state = pb.ModelVersionStatus.State.Name(message.state)
    known = state if state in VersionState.__members__ else VersionState.START
    return VersionStatus(message.version, VersionState(known), message.status.error_message)
