"""What can go wrong with a model server, in our own words."""

from __future__ import annotations

from contract.errors import ContractBrokenError, MiwakeError


class ModelServerError(MiwakeError):
    """A model server did not answer as asked."""


class ModelServerAwayError(ModelServerError):
    """It cannot be reached, or has nothing ready to answer with."""

    code = "model_server_away"


class OverloadedError(ModelServerError):
    """More work is waiting than may wait; nothing was done, try again later.

    Attributes:
        retry_after_seconds: when it may be worth it.
    """

    code = "overloaded"

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class DeadlineExceededError(ModelServerError):
    """The time the client gave is used up."""

    code = "deadline_exceeded"


class ModelNotFoundError(ModelServerError):
    """No model of this name is served."""

    code = "model_not_found"


class VersionNotFoundError(ModelServerError):
    """The model is served, but not in this version."""

    code = "version_not_found"


class SignatureNotFoundError(ModelServerError):
    """The model is served, but without this signature."""

    code = "signature_not_found"


class UnexpectedAnswerError(ModelServerError, ContractBrokenError):
    """The model server refused a request that the manifest allows, or answered with something else."""

    code = "contract_broken"


class ModelServerFaultError(ModelServerError):
    """Something broke inside the model server; the same call may succeed later."""

    code = "contract_broken"


class ModelServerStartError(ModelServerError):
    """A model server could not be started on this machine."""

    code = "model_server_away"
