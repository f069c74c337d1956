"""Which model and version a request asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from serving.embedded.errors import invalid_argument


@dataclass(frozen=True)
class Wanted:
    """A model's name and one of its versions; None for the latest."""

    name: str
    number: int | None


def wanted_model(request: Any, labelled: Callable[[str, str], int]) -> Wanted:
    """Read the model spec of a request that concerns one version.

    Args:
        request: any with a `model_spec`.
        labelled: the version of a model's name and a label.

    Raises:
        ServingError: INVALID_ARGUMENT; no model spec, no name, or what `labelled` raises.
    """
    spec = _named_spec(request)
    if spec.WhichOneof("version_choice") == "version_label":
        return Wanted(spec.name, labelled(spec.name, spec.version_label))
    return _wanted(spec)


def wanted_status(request: Any) -> Wanted:
    """Read the model spec of a request for states, which ignores a label; None is all versions.

    Raises:
        ServingError: INVALID_ARGUMENT; no model spec, or no name.
    """
    return _wanted(_named_spec(request))


def _named_spec(request: Any) -> Any:
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
    if not request.model_spec.name:
        raise invalid_argument("ModelSpec has no name specified.")
    return request.model_spec


def _wanted(spec: Any) -> Wanted:
    return Wanted(spec.name, spec.version.value if spec.HasField("version") else None)
