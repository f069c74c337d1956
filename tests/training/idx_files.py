"""Small idx files, written as MNIST's are."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np


def idx_bytes(values: np.ndarray) -> bytes:
    """The file that holds these uint8 values."""
    return b"\0\0\x08" + struct.pack(f">B{values.ndim}I", values.ndim, *values.shape) + values.tobytes()


def write_idx(path: Path, values: np.ndarray) -> Path:
    """Packed where the name says so."""
    content = idx_bytes(values)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def digits(count: int, *, first_seed: int = 0, shape: tuple[int, ...] = (28, 28)) -> np.ndarray:
    """Images of noise, uint8 [count, *shape]."""
    return np.random.default_rng(first_seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def write_mnist(root: Path, *, train: list[int], test: list[int], suffix: str = ".gz") -> Path:
    """The four files, with these labels."""
    for split, labels in (("train", train), ("t10k", test)):
        write_idx(root / f"{split}-images-idx3-ubyte{suffix}", digits(len(labels), first_seed=len(split)))
        write_idx(root / f"{split}-labels-idx1-ubyte{suffix}", np.array(labels, np.uint8))
    return root
