"""A row's columns, with the types that are documented."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from scoring.row import Extras, record_batch, rows_of, schema
from tests.rows import answered, refused

NOTHING = Extras()
EVERYTHING = Extras(embedding=True, heatmap=True)
VECTOR = np.array([0.6, 0.8], dtype=np.float32)


def test_the_columns_and_their_types_are_these():
    candidate = pa.struct([("label", pa.string()), ("probability", pa.float64())])

    assert [(field.name, field.type, field.nullable) for field in schema(NOTHING)] == [
        ("path", pa.string(), False),
        ("sha256", pa.string(), True),
        ("label", pa.string(), True),
        ("probability", pa.float64(), True),
        ("top", pa.list_(candidate), False),
        ("model", pa.string(), False),
        ("version", pa.int64(), False),
        ("code", pa.string(), True),
        ("detail", pa.string(), True),
        ("seconds", pa.float64(), False),
    ]


def test_what_is_asked_for_beside_the_label_has_columns_at_the_end():
    assert [(field.name, field.type) for field in schema(EVERYTHING)][-2:] == [
        ("embedding", pa.list_(pa.float32())),
        ("heatmap", pa.binary()),
    ]
    assert schema(Extras(heatmap=True)).names[-2:] == ["seconds", "heatmap"]


def test_a_photograph_with_a_label_and_a_refused_one_are_rows_of_one_batch():
    batch = record_batch([answered(), refused("b.jpg")], NOTHING)

    assert batch.to_pylist() == [
        {
            "path": "a.jpg",
            "sha256": "ab" * 32,
            "label": "rose",
            "probability": 0.75,
            "top": [{"label": "rose", "probability": 0.75}, {"label": "tulip", "probability": 0.25}],
            "model": "toy",
            "version": 3,
            "code": None,
            "detail": None,
            "seconds": 0.125,
        },
        {
            "path": "b.jpg",
            "sha256": "cd" * 32,
            "label": None,
            "probability": None,
            "top": [],
            "model": "toy",
            "version": 3,
            "code": "unsupported_format",
            "detail": "not an image",
            "seconds": 0.25,
        },
    ]


@pytest.mark.parametrize("extras", [NOTHING, EVERYTHING])
def test_no_row_is_a_batch_with_all_columns(extras):
    batch = record_batch([], extras)

    assert (batch.num_rows, batch.schema) == (0, schema(extras))


def test_a_batch_is_rows_again():
    rows = [answered(), refused("b.jpg", sha256=None), answered("c.jpg", top=())]

    assert rows_of(record_batch(rows, NOTHING)) == rows


def test_vectors_and_pictures_are_the_same_again():
    batch = record_batch([answered(embedding=VECTOR, heatmap=b"\x89PNG"), refused()], EVERYTHING)

    with_them, without = rows_of(batch)

    assert with_them.embedding is not None
    assert with_them.embedding.dtype == np.float32
    np.testing.assert_array_equal(with_them.embedding, VECTOR)
    assert (with_them.heatmap, without.embedding, without.heatmap) == (b"\x89PNG", None, None)


def test_of_a_path_that_is_no_utf8_the_bytes_are_shown_as_python_would():
    [row] = record_batch([answered("caf\udce9/日本.jpg")], NOTHING).to_pylist()

    assert row["path"] == "caf\\xe9/日本.jpg"
