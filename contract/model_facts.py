"""What every caller must know of a model: a manifest says it, or a sidecar for a model made elsewhere."""

from __future__ import annotations

from typing import Protocol

from contract.batch_sizes import is_power_of_two
from contract.image_spec import ImageSpec

_FEWEST_LABELS = 2


class ModelFacts(Protocol):
    """The part of a model's description that turns bytes into its input and its output into labels."""

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the network's outputs, C of them, at least 2."""

    @property
    def image(self) -> ImageSpec:
        """The pixels it takes."""

    @property
    def unknown_threshold(self) -> float:
        """A top probability under it gives the label `unknown`; 0 never does."""

    @property
    def max_batch_size(self) -> int:
        """The largest batch it may be sent, a power of two."""


def wrong_with(facts: ModelFacts) -> str:
    """Which member no caller could follow, and why; empty where all are well."""
    labels = facts.labels
    if len(labels) < _FEWEST_LABELS or len(set(labels)) != len(labels) or "" in labels:
        return "labels must be at least two, all different and none empty"
    if not 0 <= facts.unknown_threshold <= 1:
        return "unknown_threshold must be from 0 to 1"
    if not is_power_of_two(facts.max_batch_size):
        return "max_batch_size must be a power of two"
    return ""
