"""A SavedModel in a session of its own, loaded the way TensorFlow Serving loads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import tensorflow as tf

from serving.embedded.errors import ServingError, from_tensorflow, invalid_argument
from serving.embedded.tensors import Array

_TAGS = ["serve"]
# gRPC gives 'none' as a number of seconds so large that TensorFlow's clock would overflow.
_MAX_TIMEOUT_SECONDS = 86_400.0


@dataclass(frozen=True, kw_only=True)
class SessionModel:
    """A loaded model.

    Attributes:
        session: holds the graph and the variables; safe to run from many threads.
        signatures: SignatureDef by its key.
    """

    session: Any
    signatures: Mapping[str, Any]

    def run(
        self, fetches: Mapping[str, str], feeds: Mapping[str, Array], *, timeout_seconds: float | None = None
    ) -> Mapping[str, Any]:
        """Run the graph.

        Args:
            fetches: name of a tensor in the graph, by output alias.
            feeds: array by name of a tensor in the graph, each of the tensor's own dtype.
            timeout_seconds: how long it may take; None for no limit.

        Returns:
            Values by output alias.

        Raises:
            ServingError: with the status and the text of the kernel that failed, or DEADLINE_EXCEEDED.
        """
        try:
            return dict(self.session.run(dict(fetches), dict(feeds), options=_run_options(timeout_seconds)))
        except tf.errors.OpError as exc:
            raise from_tensorflow(exc) from exc
        except ValueError as exc:  # Python's session compares shapes before any kernel does
            raise invalid_argument(str(exc)) from exc

    def close(self) -> None:
        """Free the variables. No call may be running."""
        self.session.close()


def load_session_model(folder: Path) -> SessionModel:
    """Load what a version's folder holds.

    `tf.saved_model.load` is not used: it forgives models that TensorFlow Serving cannot serve.

    Raises:
        tf.errors.OpError: the graph or the variables cannot be restored.
        Exception: of nearly any type, where the folder does not hold a SavedModel.
    """
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph)
    try:
        with graph.as_default():
            meta_graph = tf.compat.v1.saved_model.loader.load(session, _TAGS, str(folder))
        graph.finalize()
    except BaseException:
        session.close()
        raise
    return SessionModel(session=session, signatures=dict(meta_graph.signature_def))


def loading_error(exc: Exception) -> ServingError:
    """What a failed load is reported as: TensorFlow's own code, else NOT_FOUND as for an empty folder."""
    if isinstance(exc, ServingError):
        return exc
    if isinstance(exc, tf.errors.OpError):
        return from_tensorflow(exc)
    return ServingError(grpc.StatusCode.NOT_FOUND, f"{type(exc).__name__}: {exc}")


def _run_options(timeout_seconds: float | None) -> Any:
    if timeout_seconds is None or timeout_seconds > _MAX_TIMEOUT_SECONDS:
        return None
    return tf.compat.v1.RunOptions(timeout_in_ms=max(1, int(timeout_seconds * 1000)))
