"""Which media type a client would rather have."""

from __future__ import annotations

import pytest

from serving.http.accept import prefers


@pytest.mark.parametrize(
    ("accept", "png"),
    [
        ("image/png", True),
        ("IMAGE/PNG", True),
        ("image/*", True),
        ("image/png, application/json;q=0.5", True),
        ("text/html, image/png;q=0.9, application/json;q=0.1, */*;q=0.8", True),
        ("image/png;q=0.1, */*;q=0.01", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("image/png, application/json", False),
        ("image/png;q=0", False),
        ("image/png;q=0, */*", False),
        ("application/json, image/png;q=0.9", False),
        ("text/html", False),
        ("image/png;q=many", True),
    ],
)
def test_png_is_given_where_it_is_preferred(accept: str, *, png: bool) -> None:
    assert prefers(accept, "image/png", over="application/json") is png
