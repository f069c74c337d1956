"""A row as the ledger keeps it is the same row again."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from contract.prediction import Candidate
from scoring.output.stored_row import COLUMNS, stored, unstored
from scoring.row import Row
from tests.rows import answered, refused


@pytest.mark.parametrize(
    "row",
    [
        answered(),
        refused(),
        refused(sha256=None, detail='two\nlines, "quoted"'),
        answered("caf\udce9.jpg", label="日本", top=(Candidate("日本", 1e-06),)),
        answered(heatmap=b"\x89PNG\0"),
        answered(probability=0.123457, seconds=1e-9),
    ],
)
def test_nothing_is_lost(row: Row):
    path = row.path.encode("utf-8", "surrogateescape")

    assert unstored(path, stored(row)) == row


def test_a_feature_vector_keeps_every_bit():
    vector = np.array([0.1, -0.0, 1e-38], dtype=np.float32)

    again = unstored(b"", stored(answered(embedding=vector)))

    assert again.embedding is not None
    assert (again.embedding.dtype, again.embedding.tobytes()) == (np.float32, vector.tobytes())


def test_every_member_of_a_row_has_its_column():
    members = [field.name for field in dataclasses.fields(Row)]

    assert COLUMNS.split(", ") == [name for name in members if name != "path"]
