"""The metrics as text, in the format that the reader asks for."""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

# What Prometheus sends. The library trips over versions that are no numbers, and echoes unknown ones.
_WELL_FORMED = re.compile(
    r"(application/openmetrics-text; ?version=(0\.0\.1|1\.0\.0)|text/plain; ?version=(0\.0\.4|1\.0\.0))(;.*)?"
)


def exposition(registry: CollectorRegistry, *, accept: str) -> tuple[bytes, str]:
    """All metrics, and their media type.

    Takes a tenth of a second for ten thousand series: not on the event loop.

    Args:
        registry: holds the metrics.
        accept: the request's header; what it does not name clearly is answered in Prometheus' plain text.
    """
    known = ",".join(part for part in accept.split(",") if _WELL_FORMED.fullmatch(part.strip()))
    encode, media_type = choose_encoder(known)
    return encode(registry), media_type
