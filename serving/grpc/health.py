"""grpc.health.v1: what Kubernetes and load balancers ask.

`Watch` is not offered, as the protocol allows: who watches would hold a place among the calls for good.
"""

from __future__ import annotations

from typing import Any

import grpc
from grpc_health.v1 import health_pb2

from serving.gateway import Gateway
from serving.grpc.call import Call, Calls
from serving.grpc.errors import UnknownServiceError
from serving.grpc.infer_messages import parse
from serving.grpc.service import SERVICE

_NAME = "grpc.health.v1.Health"


class HealthService:
    """Ready as /readyz is."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def handlers(self, calls: Calls) -> grpc.GenericRpcHandler[Any, Any]:
        """All methods, for a server."""
        check = calls.handler("HealthCheck", self._check, is_probe=True)
        return grpc.method_handlers_generic_handler(_NAME, {"Check": check})

    async def _check(self, call: Call) -> health_pb2.HealthCheckResponse:
        request = parse(await call.read(), health_pb2.HealthCheckRequest)
        if request.service not in {"", SERVICE}:
            raise UnknownServiceError("there is no service of that name here")
        ready = self._gateway.not_ready_because() is None
        status = (
            health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        )
        return health_pb2.HealthCheckResponse(status=status)
