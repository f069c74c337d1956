"""What tuning refuses."""

from __future__ import annotations

from contract.errors import MiwakeError


class LatencyTooStrictError(MiwakeError):
    """The model server answers within this time under no load that was tried."""

    code = "latency_too_strict"


class NothingToMeasureError(MiwakeError):
    """The model server has no version of the model to measure."""

    code = "nothing_to_measure"
