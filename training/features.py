"""What frozen layers make of every photograph, computed once and kept on disk as a memory map.

Only the layers above the cut then run each epoch. A file is named by everything that decides its content:
the pixels, the layers and their weights, the random changes of its copies.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from contract.aside import remove_abandoned, written_aside
from contract.disk import sync_file
from training.augment import augmented
from training.device_memory import NOT_ENOUGH, within_device_memory
from training.disk import new_disk_array
from training.errors import CacheError
from training.recipe import Augmentation
from training.samples import Samples
from training.seeds import EpochSeed, seed_layers

_BATCH_SIZE = 32
_KIND = "features"


@dataclass(frozen=True, kw_only=True)
class FeatureCache:
    """Where and how features are kept.

    Attributes:
        folder: for the files.
        most_bytes: of one stage's files, or None for half of what is free on the disk.
        dtype: float16 takes half the room and rounds to 11 bits.
    """

    folder: Path
    most_bytes: int | None = None
    dtype: Literal["float32", "float16"] = "float32"

    def room(self) -> int:
        """How many bytes a stage may take.

        Raises:
            CacheError: the folder cannot be made.
        """
        if self.most_bytes is not None:
            return self.most_bytes
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_abandoned(self.folder, _KIND)  # or it would count as taken
            return shutil.disk_usage(self.folder).free // 2
        except OSError as exc:
            raise CacheError(f"cannot keep features in {self.folder}: {exc.strerror}") from exc

    def size(self, lower: Any, samples: Iterable[Samples], *, copies: int) -> int:
        """Bytes the features of these samples take, the first of them in that many copies."""
        each = int(np.prod(lower.outputs[0].shape[1:])) * np.dtype(self.dtype).itemsize
        first, *others = (len(chosen) for chosen in samples)
        return each * (first * copies + sum(others))


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Random changes that are drawn once."""

    augmentation: Augmentation
    epoch_seed: EpochSeed

    @property
    def count(self) -> int:
        """How many of each photograph; one where nothing is changed."""
        return self.augmentation.copies if self.augmentation.changes_pixels else 1


def cached_features(
    cache: FeatureCache, lower: Any, samples: Samples, *, copies: Copies, progress: bool
) -> Samples:
    """Compute the features, or map those an earlier call has kept.

    Args:
        cache: where.
        lower: uint8 [N, H, W, 3] to [N, ...], run in inference mode (batch normalisation too).
        samples: of pixels.
        copies: of each of them.
        progress: whether to show a progress bar.

    Returns:
        The same samples by their features: values [copies * N, ...].

    Raises:
        CacheError: they cannot be written, or do not fit the type they are kept in.
        OutOfMemoryError: a batch is too much for the device.
    """
    path, shape = _file(cache, lower, samples, copies)
    with _one_clear_line(cache):
        values = _kept(path, shape)
        if values is None:
            batches = _computed(lower, samples, copies, progress=progress)
            _fill(path, shape, cache.dtype, (_fitting(batch, cache.dtype, lower) for batch in batches))
            values = _kept(path, shape)
    if values is None:
        raise CacheError(f"the features in {path} cannot be read back")
    return _samples(values, samples, copies)


def kept_features(cache: FeatureCache, lower: Any, samples: Samples, *, copies: Copies) -> Samples | None:
    """What an earlier call of `cached_features` has kept, or None where none has.

    Raises:
        CacheError: the file is there and cannot be read.
    """
    path, shape = _file(cache, lower, samples, copies)
    with _one_clear_line(cache):
        values = _kept(path, shape)
    return None if values is None else _samples(values, samples, copies)


@contextmanager
def _one_clear_line(cache: FeatureCache) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise CacheError(f"cannot keep features in {cache.folder}: {exc.strerror or exc}") from exc


def _samples(values: npt.NDArray[Any], samples: Samples, copies: Copies) -> Samples:
    rows = np.arange(len(samples))
    return Samples(values=values, rows=rows, labels=samples.labels, copies=copies.count, stride=len(samples))


def _file(cache: FeatureCache, lower: Any, samples: Samples, copies: Copies) -> tuple[Path, tuple[int, ...]]:
    """Where these features are kept, and their shape."""
    path = cache.folder / f"{_KIND}-{_key(lower, samples, copies, cache.dtype)}.npy"
    return path, (copies.count * len(samples), *lower.outputs[0].shape[1:])


def _kept(path: Path, shape: tuple[int, ...]) -> npt.NDArray[Any] | None:
    """What the file holds, or None where it is absent or damaged."""
    try:
        values = np.load(path, mmap_mode="r")
    except (FileNotFoundError, EOFError, ValueError):
        return None
    return values if values.shape == shape else None


def _fill(path: Path, shape: tuple[int, ...], dtype: str, batches: Iterable[npt.NDArray[Any]]) -> None:
    """Write aside and rename, so that an interrupted run leaves nothing that looks whole."""
    with written_aside(path) as aside:
        values, start = new_disk_array(aside, shape, dtype), 0
        for batch in batches:
            values[start : start + len(batch)] = batch
            start += len(batch)
        values.flush()
        sync_file(aside)
        aside.replace(path)


def _fitting(batch: npt.NDArray[Any], dtype: str, lower: Any) -> npt.NDArray[Any]:
    """The batch in the type it is kept in.

    Raises:
        CacheError: a value is not finite, or not any more.
    """
    with np.errstate(over="ignore"):
        fitting = batch.astype(dtype)
    if np.isfinite(fitting).all():
        return fitting
    outputs = f"the outputs of {lower.operations[-1].name}"
    if np.isfinite(batch).all():
        raise CacheError(f'{outputs} do not fit {dtype}: use features = "float32"')
    if batch.dtype == np.float16:  # of the policy, not of the cache
        raise CacheError(f'{outputs} do not fit float16: use precision = "float32"')
    raise CacheError(f"{outputs} are not finite")


def _computed(lower: Any, samples: Samples, copies: Copies, *, progress: bool) -> Iterable[npt.NDArray[Any]]:
    """One batch after another, copy after copy."""
    images = keras.Input(lower.inputs[0].shape[1:], dtype="uint8")
    model = keras.Model(images, lower(augmented(images, copies.augmentation), training=False))
    signature = [tf.TensorSpec([None, *images.shape[1:]], tf.uint8)]
    changes = copies.augmentation.changes_pixels
    forward = tf.function(lambda pixels: model(pixels, training=changes), input_signature=signature)
    total = copies.count * len(samples)
    with tqdm(total=total, desc="frozen layers", disable=None if progress else True) as bar:
        for copy in range(copies.count):
            of_copy = EpochSeed(seed=copies.epoch_seed.seed, stage=copies.epoch_seed.stage, epoch=copy)
            seed_layers(model, of_copy)
            for batch in samples.batches(_BATCH_SIZE):
                with within_device_memory(_BATCH_SIZE, advice=NOT_ENOUGH):
                    features = forward(batch).numpy()
                yield features
                bar.update(len(batch))


def _key(lower: Any, samples: Samples, copies: Copies, dtype: str) -> str:
    digest = hashlib.sha256()
    for batch in samples.batches(_BATCH_SIZE):
        digest.update(np.ascontiguousarray(batch).data)
    for weights in lower.get_weights():
        digest.update(np.ascontiguousarray(weights).data)
    changes = copies.augmentation.changes_pixels
    decider = {
        "layers": [_facts(operation) for operation in lower.operations],
        "shape": samples.values.shape[1:],
        "dtype": dtype,
        "copies": [asdict(copies.augmentation), asdict(copies.epoch_seed)] if changes else None,
        "packages": [metadata.version(name) for name in ("keras", "tensorflow")],
    }
    digest.update(json.dumps(decider, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:32]


def _facts(operation: Any) -> list[Any]:
    """What a layer does, without its name: Keras numbers layers by how many there were before."""
    config = operation.get_config() if isinstance(operation, keras.layers.Layer) else {}
    return [type(operation).__name__, {key: value for key, value in config.items() if key != "name"}]
