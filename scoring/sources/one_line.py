"""Exceptions of other people's code, as one line."""

from __future__ import annotations


def one_line(exc: Exception) -> str:
    """What it says; what in it is no UTF-8 is written as Python would."""
    text = str(getattr(exc, "strerror", None) or exc) or type(exc).__name__
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())
