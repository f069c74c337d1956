"""The environment of its own in which Triton's stock client lives."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PYTHON = Path(sys.prefix) / "tritonclient" / "bin" / "python"

needs_tritonclient = pytest.mark.skipif(
    not PYTHON.exists(), reason="`make test` puts tritonclient into an environment of its own"
)
