"""The way of an image through the gateway."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """A part of the way, in order."""

    RECEIVE = "receive"
    DECODE = "decode"
    QUEUE = "queue"
    PREDICT = "predict"
    RESPOND = "respond"
