"""What the Open Inference Protocol adds to what can be refused."""

from __future__ import annotations

from contract.errors import MiwakeError


class TensorError(MiwakeError):
    """The tensors of a request are none that a model here takes or gives, or do not hold what they say."""

    code = "malformed_body"


class NotOfferedError(MiwakeError):
    """A call of the protocol that this gateway does not offer."""

    code = "method_not_allowed"
