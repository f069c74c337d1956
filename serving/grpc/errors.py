"""What the gRPC port adds to what can go wrong."""

from __future__ import annotations

from contract.errors import MiwakeError


class PortTakenError(MiwakeError):
    """The port cannot be listened on."""


class UnknownServiceError(MiwakeError):
    """A health check of a service that is not here."""

    code = "not_found"
