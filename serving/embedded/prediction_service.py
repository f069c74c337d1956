"""tensorflow.serving.PredictionService: Predict and GetModelMetadata."""

from __future__ import annotations

from typing import Any

import grpc
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2

from serving.embedded.errors import ServingError, answering, invalid_argument, unimplemented
from serving.embedded.model_spec import wanted_model
from serving.embedded.predict import run_predict, signature_name
from serving.embedded.served_models import ServedModels
from serving.embedded.session_model import SessionModel

_SIGNATURE_DEF = "signature_def"


class PredictionService:
    """The servicer; method names are those of the .proto file."""

    def __init__(self, models: ServedModels[SessionModel]) -> None:
        self._models = models

    @answering
    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the service's name
        """Run one signature of one version.

        Raises:
            ServingError: what `wanted_model`, `ServedModels.hold` and `run_predict` raise.
        """
        wanted = wanted_model(request, self._models.labelled)
        with self._models.hold(wanted.name, wanted.number) as (number, model):
            timeout_seconds = _remaining_seconds(context)
            outputs = run_predict(model, request, timeout_seconds=timeout_seconds)
        response = predict_pb2.PredictResponse()
        response.model_spec.name = wanted.name
        response.model_spec.version.value = number
        response.model_spec.signature_name = signature_name(request)
        for alias, proto in outputs.items():
            response.outputs[alias].CopyFrom(proto)
        return response

    @answering
    def GetModelMetadata(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802
        """All signatures of one version.

        Raises:
            ServingError: what `wanted_model` and `ServedModels.hold` raise, or INVALID_ARGUMENT for a
                metadata field that is not `signature_def`.
        """
        wanted = wanted_model(request, self._models.labelled)
        _check_metadata_fields(request)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        signatures = get_model_metadata_pb2.SignatureDefMap()
        with self._models.hold(wanted.name, wanted.number) as (number, model):
            response.model_spec.name = wanted.name
            response.model_spec.version.value = number
            for key, signature in model.signatures.items():
                signatures.signature_def[key].CopyFrom(signature)
        response.metadata[_SIGNATURE_DEF].Pack(signatures)
        return response

    Classify = unimplemented
    Regress = unimplemented
    MultiInference = unimplemented


def _remaining_seconds(context: grpc.ServicerContext) -> float | None:
    """How long the caller will still wait.

    Raises:
        ServingError: it waits no more; work for it would be lost.
    """
    remaining = context.time_remaining()
    if remaining is not None and remaining <= 0:
        raise ServingError(
            grpc.StatusCode.DEADLINE_EXCEEDED, "The deadline passed before the call was begun."
        )
    if not context.is_active():
        raise ServingError(grpc.StatusCode.CANCELLED, "The call was cancelled before it was begun.")
    return remaining


def _check_metadata_fields(request: Any) -> None:
    if not request.metadata_field:
        raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
    for name in request.metadata_field:
        if name != _SIGNATURE_DEF:
            raise invalid_argument(f"Metadata field {name} is not supported")
