"""A row as the ledger keeps it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from contract.prediction import Candidate
from scoring.row import Row

COLUMNS = "sha256, label, probability, top, model, version, code, detail, seconds, embedding, heatmap"


def stored(row: Row) -> tuple[Any, ...]:
    """The values of `COLUMNS`; the path is kept elsewhere."""
    top = json.dumps([[c.label, c.probability] for c in row.top], ensure_ascii=False)
    plain = (row.sha256, row.label, row.probability, top, row.model, row.version, row.code, row.detail)
    embedding = None if row.embedding is None else row.embedding.astype("<f4").tobytes()
    return (*plain, row.seconds, embedding, row.heatmap)


def unstored(path: bytes, values: tuple[Any, ...]) -> Row:
    """The row again."""
    sha256, label, probability, top, model, version, code, detail, seconds, embedding, heatmap = values
    return Row(
        path=path.decode("utf-8", "surrogateescape"),
        sha256=sha256,
        label=label,
        probability=probability,
        top=tuple(Candidate(label, probability) for label, probability in json.loads(top)),
        model=model,
        version=version,
        code=code,
        detail=detail,
        seconds=seconds,
        embedding=None if embedding is None else np.frombuffer(embedding, dtype="<f4"),
        heatmap=heatmap,
    )
