"""Which pages' scripts may call from a browser: those of the origins set, and none by default."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

_REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Inference-Header-Content-Length",
    "X-API-Key",
    "X-Request-ID",
    "X-Request-Timeout",
    "X-Routing-Key",
    "traceparent",
    "tracestate",
)
_ANSWER_HEADERS = ("Inference-Header-Content-Length", "Retry-After", "X-Request-ID")


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Answer preflight requests, which carry no credentials, and mark answers for these origins.

    Keys and tokens come in headers that a script sets itself, never in cookies: credentials in the sense of
    CORS are not allowed.
    """
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_ANSWER_HEADERS,
        )
