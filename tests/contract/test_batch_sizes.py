from __future__ import annotations

import numpy as np
import pytest

from contract.batch_sizes import batch_sizes, is_power_of_two, padded_size, stack_padded


def test_batch_sizes_are_the_powers_of_two_up_to_the_largest() -> None:
    assert batch_sizes(32) == (1, 2, 4, 8, 16, 32)
    assert batch_sizes(1) == (1,)


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 2), (3, 4), (5, 8), (8, 8), (9, 16)])
def test_a_batch_is_padded_to_the_next_power_of_two(count: int, size: int) -> None:
    assert padded_size(count) == size


def test_padding_is_black_and_the_images_come_first() -> None:
    batch = stack_padded([np.full((2, 2, 3), 9, dtype=np.uint8)] * 3)

    assert batch.shape == (4, 2, 2, 3)
    assert (batch[:3] == 9).all()
    assert (batch[3] == 0).all()


def test_powers_of_two_are_told_from_others() -> None:
    assert [n for n in range(-2, 10) if is_power_of_two(n)] == [1, 2, 4, 8]
