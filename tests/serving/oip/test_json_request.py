"""Whatever a body says, it becomes a request or an error of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import MiwakeError
from serving.oip.json_request import read_request

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["image", "images", "BYTES", "UINT8", "aGVsbG8=", "probabilities", "\ud800", 10**400])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("binary_data_size", "binary_data", "binary_data_output", "classification", "timeout"), VALUES
    ),
)
INPUT = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["image", "images"]) | VALUES,
        "datatype": st.sampled_from(["BYTES", "UINT8"]) | VALUES,
        "shape": st.lists(st.integers(-1, 3), max_size=5) | VALUES,
    },
    optional={"data": st.lists(VALUES, max_size=4) | VALUES, "parameters": PARAMETERS},
)
OUTPUT = st.fixed_dictionaries(
    {"name": st.just("probabilities") | VALUES}, optional={"parameters": PARAMETERS}
)
DOCUMENTS = st.fixed_dictionaries(
    {"inputs": st.lists(INPUT, min_size=1, max_size=2) | VALUES},
    optional={"outputs": st.lists(OUTPUT, max_size=2), "parameters": PARAMETERS, "id": VALUES},
)


def test_any_body_is_read_or_refused(request: pytest.FixtureRequest) -> None:
    count = 400 if request.config.getoption("--prove") else 100

    @settings(max_examples=count, deadline=None, derandomize=True, database=None)
    @given(DOCUMENTS, st.binary(max_size=12), st.none() | st.text(max_size=4))
    def is_read_or_refused(document: Any, rest: bytes, header: str | None) -> None:
        head = json.dumps(document).encode()
        try:
            asked = read_request(head + rest, json_bytes=header or str(len(head)), max_images=4)
        except MiwakeError:
            return
        assert asked.images

    is_read_or_refused()
