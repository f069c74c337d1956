"""The outputs of a signature as TensorFlow Serving writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic_core import to_json

Rows = Sequence[npt.NDArray[np.float32]]

# float32 holds a little more than seven digits.
_DIGITS = 7


def write_answer(outputs: Mapping[str, Rows], *, by_row: bool) -> bytes:
    """JSON; not on the event loop.

    Args:
        outputs: rows of each output, one an image.
        by_row: `predictions`, a value or an object of values an image; else `outputs`, a list or an object
            of lists.
    """
    columns = {name: [_values(row) for row in rows] for name, rows in outputs.items()}
    only = next(iter(columns.values())) if len(columns) == 1 else None
    if not by_row:
        return to_json({"outputs": columns if only is None else only})
    if only is not None:
        return to_json({"predictions": only})
    rows = zip(*columns.values(), strict=True)
    return to_json({"predictions": [dict(zip(columns, row, strict=True)) for row in rows]})


def _values(row: npt.NDArray[np.float32]) -> Any:
    """The numbers with the digits that float32 has, as 0.7 and not as 0.699999988079071."""
    values = row.astype(np.float64)
    size = np.abs(values)
    exponents = np.floor(np.log10(size, where=size > 0, out=np.zeros_like(size)))
    # Down to 1e-16 the scale is exact; what is smaller only gets more digits.
    scale = 10.0 ** (_DIGITS - 1 - exponents)
    return (np.round(values * scale) / scale).tolist()
