"""inference.GRPCInferenceService: the methods of the protocol, and Triton's that its clients use."""

from __future__ import annotations

from typing import Any

import grpc

from serving.gateway import Gateway
from serving.grpc.call import Call, Calls
from serving.grpc.infer_messages import parse, read_request, write_answer
from serving.grpc.messages import inference_pb2 as pb
from serving.load.deadline import Deadline
from serving.load.lane import Kind
from serving.oip import metadata
from serving.oip.infer import infer, version_choice
from serving.oip.schemas import ConfigTensor, TensorMetadata
from serving.telemetry.metrics import Stage

# Part of every call's path: the protocol's own name, whatever our messages' package is called.
SERVICE = "inference.GRPCInferenceService"
ROUTING_KEY = "x-routing-key"


class InferenceService:
    """One method for each call; see proto/serving/grpc/messages/inference.proto for the messages."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._predictor = gateway.predictor
        self._versions = gateway.versions

    def handlers(self, calls: Calls) -> grpc.GenericRpcHandler[Any, Any]:
        """All methods, for a server."""
        methods = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ServerMetadata": self._server_metadata,
            "ModelReady": self._model_ready,
            "ModelMetadata": self._model_metadata,
            "ModelConfig": self._model_config,
            "ModelInfer": self._model_infer,
            "RepositoryIndex": self._repository_index,
            "RepositoryModelLoad": self._not_offered,
            "RepositoryModelUnload": self._not_offered,
        }
        handlers = {name: calls.handler(name, method) for name, method in methods.items()}
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    async def _server_live(self, call: Call) -> pb.ServerLiveResponse:
        await call.read()
        return pb.ServerLiveResponse(live=not self._gateway.broken)

    async def _server_ready(self, call: Call) -> pb.ServerReadyResponse:
        await call.read()
        return pb.ServerReadyResponse(ready=self._gateway.not_ready_because() is None)

    async def _server_metadata(self, call: Call) -> pb.ServerMetadataResponse:
        await call.read()
        return pb.ServerMetadataResponse(**metadata.server_metadata().model_dump())

    async def _model_ready(self, call: Call) -> pb.ModelReadyResponse:
        request = parse(await call.read(), pb.ModelReadyRequest)
        choice = version_choice(request.version)
        self._gateway.asks_of(call.state, request.name, choice)
        why = metadata.why_not_ready(self._versions, request.name, choice)
        return pb.ModelReadyResponse(ready=why is None)

    async def _model_metadata(self, call: Call) -> pb.ModelMetadataResponse:
        request = parse(await call.read(), pb.ModelMetadataRequest)
        choice = version_choice(request.version)
        self._gateway.asks_of(call.state, request.name, choice)
        told = await metadata.model_metadata(
            self._versions, request.name, choice, deadline=self._deadline(call)
        )
        return pb.ModelMetadataResponse(
            name=told.name,
            versions=told.versions,
            platform=told.platform,
            inputs=map(_tensor_metadata, told.inputs),
            outputs=map(_tensor_metadata, told.outputs),
        )

    async def _model_config(self, call: Call) -> pb.ModelConfigResponse:
        request = parse(await call.read(), pb.ModelConfigRequest)
        choice = version_choice(request.version)
        self._gateway.asks_of(call.state, request.name, choice)
        told = await metadata.model_config(
            self._versions,
            request.name,
            choice,
            deadline=self._deadline(call),
            max_images=self._gateway.settings.max_images_per_request,
        )
        return pb.ModelConfigResponse(
            config=pb.ModelConfig(
                name=told.name,
                platform=told.platform,
                max_batch_size=told.max_batch_size,
                input=[pb.ModelInput(optional=True, **_config(tensor)) for tensor in told.input],
                output=[pb.ModelOutput(**_config(tensor)) for tensor in told.output],
            )
        )

    async def _repository_index(self, call: Call) -> pb.RepositoryIndexResponse:
        request = parse(await call.read(), pb.RepositoryIndexRequest)
        models = filter(call.state.caller.may_use, self._versions.routing.models)
        entries = metadata.repository_index(self._versions, models, ready_only=request.ready)
        indexes = [pb.RepositoryIndexResponse.ModelIndex(**entry.model_dump()) for entry in entries]
        return pb.RepositoryIndexResponse(models=indexes)

    async def _not_offered(self, call: Call) -> Any:
        await call.read()
        raise metadata.not_loaded_by_clients()

    async def _model_infer(self, call: Call) -> pb.ModelInferResponse:
        gateway = self._gateway
        sticky_key = call.headers.get(ROUTING_KEY) or call.state.request_id
        with gateway.metrics.stage(Stage.RECEIVE):
            data = await call.read()
            deadline = self._deadline(call)
            message = await gateway.codecs.run(parse, data, pb.ModelInferRequest, deadline=deadline)
            del data  # each of these is as large as all images together, and no longer needed
            choice = version_choice(message.model_version)
            gateway.asks_of(call.state, message.model_name, choice, sticky_key=sticky_key)
        # The model stands in the message: so it is let in once that is here.
        lane = self._predictor.lanes.of(message.model_name, Kind.PREDICT)
        with gateway.admission.admit(lane, deadline=deadline, caller=call.state.caller.digest):
            most = gateway.settings.max_images_per_request
            request = await gateway.codecs.run(read_request, message, max_images=most, deadline=deadline)
            asked = request.asked(
                model=message.model_name,
                choice=choice,
                deadline=deadline,
                sticky_key=sticky_key,
                caller=call.state.caller.digest,
            )
            del message
            answer = await infer(self._predictor, asked, request, on_resolved=call.state.resolved_to)
            with gateway.metrics.stage(Stage.RESPOND):
                return await gateway.codecs.run(write_answer, answer, deadline=asked.deadline)

    def _deadline(self, call: Call) -> Deadline:
        return call.deadline or Deadline.after(self._gateway.settings.timeout_seconds)


def _tensor_metadata(tensor: TensorMetadata) -> pb.ModelMetadataResponse.TensorMetadata:
    return pb.ModelMetadataResponse.TensorMetadata(**tensor.model_dump())


def _config(tensor: ConfigTensor) -> dict[str, Any]:
    return tensor.model_dump() | {"data_type": pb.DataType.Value(tensor.data_type)}
