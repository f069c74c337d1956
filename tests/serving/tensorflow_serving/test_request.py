"""Whatever JSON says, it becomes a request or an error of ours."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import MiwakeError
from serving.tensorflow_serving.request import read_request
from tests.manifests import manifest

FACTS = manifest()
PIXELS = [[[1] * 3] * 8] * 8
NAMES = ("signature_name", "instances", "inputs", "images", "class_index", "b64")
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["explain", "aGVsbG8=", math.inf, -math.inf, 10**400, 1.0, 2, PIXELS, [PIXELS], [1, 2]])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=3)
    ),
    max_leaves=12,
)
DOCUMENTS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES[:3], VALUES))
NEARLY_RIGHT = st.fixed_dictionaries(
    {
        "signature_name": st.just("explain") | LEAVES,
        "inputs": st.fixed_dictionaries(
            {"images": st.just([PIXELS]), "class_index": st.lists(LEAVES, min_size=1, max_size=1)}
        ),
    }
)


def test_any_document_is_read_or_refused(request: pytest.FixtureRequest) -> None:
    count = 400 if request.config.getoption("--prove") else 100

    @settings(max_examples=count, deadline=None, derandomize=True, database=None)
    @given(NEARLY_RIGHT | DOCUMENTS | VALUES)
    def is_read_or_refused(document: Any) -> None:
        body = json.dumps(document).replace("NaN", "1e999").replace("Infinity", "1e999").encode()
        try:
            asked = read_request(body, FACTS, max_images=4)
        except MiwakeError:
            return
        assert asked.images

    is_read_or_refused()
