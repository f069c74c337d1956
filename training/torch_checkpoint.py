"""Reads PyTorch's legacy (pre-zip) checkpoints with numpy alone.

Such a file is a sequence of pickles (magic number, protocol version, facts of the system, the state with
its storages left out, the storages' keys) followed by each storage: int64 element count, then the elements
(torch/serialization.py, `_legacy_save`). A pickle can name any callable, so ours finds only those a state
dictionary of tensors needs.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from training.errors import WeightsError

Array = npt.NDArray[Any]
_MAGIC = 0x1950A86A20F9469CFC6C  # torch/serialization.py, MAGIC_NUMBER
_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ByteStorage": "|u1",
}


@dataclass(frozen=True, kw_only=True)
class _Tensor:
    """A view into a storage that is read later."""

    key: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, storages: Mapping[str, Array]) -> Array:
        """Lay the shape over the elements; strides count elements.

        Raises:
            ValueError: the view leaves the storage.
        """
        elements = storages[self.key]
        reach = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.strides, *self.shape), default=0) < 0 or reach >= elements.size:
            raise ValueError("a tensor reaches beyond its storage")
        strides = tuple(stride * elements.itemsize for stride in self.strides)
        return np.lib.stride_tricks.as_strided(elements[self.offset :], self.shape, strides).copy()


@dataclass(frozen=True)
class _StorageType:
    dtype: str


@dataclass(frozen=True, kw_only=True)
class _Storage:
    key: str
    dtype: str = field(default="<f4")


class _Unpickler(pickle.Unpickler):
    """Finds ordered dictionaries, tensors and storage types; refuses every other global."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.dtypes: dict[str, str] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGES:
            return _StorageType(_STORAGES[name])
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        _, storage_type, key, _, _, _ = pid
        self.dtypes[key] = storage_type.dtype
        return _Storage(key=key, dtype=storage_type.dtype)


def _rebuild_tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(key=storage.key, offset=offset, shape=tuple(shape), strides=tuple(strides))


def read_checkpoint(path: Path) -> dict[str, Array]:
    """The state dictionary of a checkpoint, by PyTorch's own names.

    Raises:
        WeightsError: the file cannot be read, is no such checkpoint, or asks for anything but tensors.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as exc:
        raise WeightsError(f"cannot read the weights {path}: {exc.strerror}") from exc
    # Unpickling hostile or foreign bytes ends in nearly any exception; this is the border.
    except Exception as exc:
        raise WeightsError(f"{path} is not a PyTorch checkpoint that may be read: {exc}") from exc


def _read(file: IO[bytes]) -> dict[str, Array]:
    if _Unpickler(file).load() != _MAGIC:
        raise ValueError("it does not begin as one")
    for _ in ("protocol version", "facts of the system"):
        _Unpickler(file).load()
    unpickler = _Unpickler(file)
    state = cast("Mapping[str, _Tensor]", unpickler.load())
    keys = _Unpickler(file).load()
    storages = {key: _elements(file, unpickler.dtypes[key]) for key in keys}
    return {name: tensor.array(storages) for name, tensor in state.items()}


def _elements(file: IO[bytes], dtype: str) -> Array:
    count = int.from_bytes(file.read(8), "little")
    content = file.read(count * np.dtype(dtype).itemsize)
    elements: Array = np.frombuffer(content, dtype)
    if elements.size != count:
        raise ValueError("it is truncated")
    return elements
