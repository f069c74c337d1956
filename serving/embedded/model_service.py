"""tensorflow.serving.ModelService: GetModelStatus."""

from __future__ import annotations

from typing import Any

import grpc
from tensorflow_serving.apis import get_model_status_pb2

from serving.embedded.errors import ServingError, answering, unimplemented
from serving.embedded.model_spec import Wanted, wanted_status
from serving.embedded.served_models import ServedModels
from serving.embedded.versions import VersionStatus


class ModelService:
    """The servicer; method names are those of the .proto file."""

    def __init__(self, models: ServedModels[Any]) -> None:
        self._models = models

    @answering
    def GetModelStatus(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: N802 - the service's name
        """The states of all versions, newest first, or of the one asked for.

        Raises:
            ServingError: INVALID_ARGUMENT without a model spec; NOT_FOUND where there is no such version.
        """
        wanted = wanted_status(request)
        response = get_model_status_pb2.GetModelStatusResponse()
        for status in self._statuses(wanted):
            entry = response.model_version_status.add(version=status.number, state=int(status.state))
            entry.status.SetInParent()
            if status.error is not None:
                entry.status.error_code = status.error.number
                entry.status.error_message = status.error.text
        return response

    HandleReloadConfigRequest = unimplemented

    def _statuses(self, wanted: Wanted) -> list[VersionStatus]:
        every = self._models.statuses(wanted.name)
        found = [status for status in every if wanted.number in (None, status.number)]
        if not found:
            version = "any versions" if wanted.number is None else f"version {wanted.number}"
            raise ServingError(grpc.StatusCode.NOT_FOUND, f"Could not find {version} of model {wanted.name}")
        return found
