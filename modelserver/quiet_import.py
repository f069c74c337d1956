"""Importing TensorFlow without what its C++ side writes to the terminal on the way."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from types import ModuleType

LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
ERRORS_ONLY = "2"
SILENT = "3"


def import_quietly(module: str) -> ModuleType:
    """Import with standard error closed for the moment; whoever asks for a lower log level sees everything.

    TensorFlow 2.19 and later write "oneDNN custom operations are on" and the like before any log level
    is read (tensorflow#100442). Errors still come as exceptions.
    """
    if os.environ.setdefault(LOG_LEVEL, SILENT) != SILENT:
        return importlib.import_module(module)
    logging.getLogger(module).setLevel(logging.ERROR)
    sys.stderr.flush()
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        return importlib.import_module(module)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)
