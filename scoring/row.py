"""One photograph's line of the output, and the columns of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from contract.prediction import Candidate


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is said of one photograph: a label, or why there is none.

    Attributes:
        path: as it was listed.
        sha256: of the encoded bytes, in hexadecimal; None where they could not be read.
        label: the best label, or `unknown` under the model's threshold; None where the photograph was
            refused.
        probability: of the best candidate, 0 to 1, rounded to 6 decimals; None as above.
        top: the candidates, falling in probability.
        model: that answered, or that the photograph was prepared for.
        version: of the model.
        code: why there is no label, as the gateway's errors have it; None where there is one.
        detail: the same for people, one line.
        seconds: spent on this photograph: reading, decoding, and its share of its batch's prediction.
        embedding: float32 [D] of length 1, where asked for.
        heatmap: PNG, 8-bit gray at the model's image size, white where the model looked; where asked for.
    """

    path: str
    sha256: str | None
    label: str | None = None
    probability: float | None = None
    top: tuple[Candidate, ...] = ()
    model: str
    version: int
    code: str | None = None
    detail: str | None = None
    seconds: float
    embedding: npt.NDArray[np.float32] | None = None
    heatmap: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What is asked for beside the label."""

    embedding: bool = False
    heatmap: bool = False


def schema(extras: Extras) -> pa.Schema:
    """The columns of an output, in order, with their types."""
    candidate = pa.struct([pa.field("label", pa.string()), pa.field("probability", pa.float64())])
    fields = [
        pa.field("path", pa.string(), nullable=False),
        pa.field("sha256", pa.string()),
        pa.field("label", pa.string()),
        pa.field("probability", pa.float64()),
        pa.field("top", pa.list_(candidate), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("version", pa.int64(), nullable=False),
        pa.field("code", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("seconds", pa.float64(), nullable=False),
    ]
    if extras.embedding:
        fields.append(pa.field("embedding", pa.list_(pa.float32())))
    if extras.heatmap:
        fields.append(pa.field("heatmap", pa.binary()))
    return pa.schema(fields)


def record_batch(rows: Iterable[Row], extras: Extras) -> pa.RecordBatch:
    """Rows as columns, of the types that `schema` gives."""
    columns = schema(extras)
    return pa.RecordBatch.from_pylist([_members(row, columns.names) for row in rows], schema=columns)


def rows_of(batch: pa.RecordBatch) -> list[Row]:
    """The rows of a record batch that `record_batch` made."""
    return [_row(members) for members in batch.to_pylist()]


def _members(row: Row, names: Iterable[str]) -> dict[str, Any]:
    members = {name: getattr(row, name) for name in names}
    # No column of texts holds bytes that are no UTF-8, which a file's name may have.
    members["path"] = row.path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    members["top"] = [{"label": c.label, "probability": c.probability} for c in row.top]
    return members


def _row(members: dict[str, Any]) -> Row:
    top = tuple(Candidate(c["label"], c["probability"]) for c in members.pop("top"))
    embedding = members.pop("embedding", None)
    vector = None if embedding is None else np.array(embedding, dtype=np.float32)
    return Row(top=top, embedding=vector, **members)
