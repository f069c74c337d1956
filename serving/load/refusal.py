"""Why a request is not let in."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Refusal(StrEnum):
    """What there is too much, or too little, of."""

    REQUESTS = "requests"  # too many are under way
    BYTES = "bytes"  # too many are under way
    IMAGES = "images"  # too many are under way
    CALLER = "caller"  # this one has its share of any of them
    WAIT = "wait"  # it would wait longer than anything may
    DEADLINE = "deadline"  # its answer would come too late for it
    MODEL_SERVER = "model_server"  # each that could answer has just refused others


OnRefused = Callable[[Refusal], None]
