"""Our error codes to gRPC's statuses: the one place where they are told."""

from __future__ import annotations

from collections.abc import Mapping

import grpc

# UNAVAILABLE is what clients try again by themselves; RESOURCE_EXHAUSTED is what gRPC itself says of a
# message that is too large.
STATUS_BY_CODE: Mapping[str, grpc.StatusCode] = {
    "malformed_body": grpc.StatusCode.INVALID_ARGUMENT,
    "not_found": grpc.StatusCode.NOT_FOUND,
    "model_not_found": grpc.StatusCode.NOT_FOUND,
    "version_not_found": grpc.StatusCode.NOT_FOUND,
    "signature_not_found": grpc.StatusCode.NOT_FOUND,
    "method_not_allowed": grpc.StatusCode.UNIMPLEMENTED,
    "body_too_large": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "too_many_pixels": grpc.StatusCode.INVALID_ARGUMENT,
    "unsupported_format": grpc.StatusCode.INVALID_ARGUMENT,
    "image_undecodable": grpc.StatusCode.INVALID_ARGUMENT,
    "invalid_parameter": grpc.StatusCode.INVALID_ARGUMENT,
    "url_refused": grpc.StatusCode.INVALID_ARGUMENT,
    "url_unreachable": grpc.StatusCode.INVALID_ARGUMENT,
    "unauthenticated": grpc.StatusCode.UNAUTHENTICATED,
    "forbidden": grpc.StatusCode.PERMISSION_DENIED,
    "rate_limited": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "internal": grpc.StatusCode.INTERNAL,
    "contract_broken": grpc.StatusCode.INTERNAL,
    "overloaded": grpc.StatusCode.UNAVAILABLE,
    "model_server_away": grpc.StatusCode.UNAVAILABLE,
    "deadline_exceeded": grpc.StatusCode.DEADLINE_EXCEEDED,
}
