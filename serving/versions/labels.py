"""What the model servers' own version labels stand for, remembered for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from contract.errors import MiwakeError
from modelserver.errors import (
    ModelServerAwayError,
    ModelServerError,
    SignatureNotFoundError,
    VersionNotFoundError,
)
from modelserver.protocol import ModelServer
from serving.load.deadline import Deadline

KEPT_SECONDS = 1.0
_MOST = 1_000


class Labels:
    """Asks at most once a second for each label: clients in a loop do not keep a model server busy."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Know none; `clock` is in seconds."""
        self._clock = clock
        # The moment it was learnt; the version, None where there is no such label. Oldest first.
        self._known: dict[tuple[str, str], tuple[float, int | None]] = {}

    async def version_of(
        self, model: str, label: str, *, model_servers: Sequence[ModelServer], deadline: Deadline
    ) -> int:
        """The version that a label stands for.

        Args:
            model: its name.
            label: of it.
            model_servers: asked one after another until one answers, each for its part of the time left.
            deadline: of the request.

        Raises:
            VersionNotFoundError: it stands for nothing, or the model was made elsewhere and has no label.
            ModelServerError: any other, of the last model server asked.
        """
        known = self._known.get((model, label))
        if known is None or self._clock() >= known[0] + KEPT_SECONDS:
            known = self._clock(), await _ask(model, label, model_servers=model_servers, deadline=deadline)
            self._remember((model, label), known)
        if known[1] is None:
            raise VersionNotFoundError(f"model {model} has no version of label {label!r}")
        return known[1]

    def _remember(self, key: tuple[str, str], known: tuple[float, int | None]) -> None:
        self._known.pop(key, None)
        if len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        self._known[key] = known


async def _ask(
    model: str, label: str, *, model_servers: Sequence[ModelServer], deadline: Deadline
) -> int | None:
    error: MiwakeError = ModelServerAwayError(f"model {model}: there is no model server to ask for a label")
    for asked, model_server in enumerate(model_servers):
        try:
            seconds = deadline.remaining_seconds() / (len(model_servers) - asked)
            return await model_server.version_of_label(model, label, timeout_seconds=seconds)
        except (VersionNotFoundError, SignatureNotFoundError):
            return None
        except ModelServerError as exc:
            error = exc
    raise error
