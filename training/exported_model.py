"""A published version in this process, loaded as TensorFlow Serving loads it.

`tf.saved_model.load` is more forgiving than the C++ loader and proves nothing; the session loader restores
variables through the checkpoint's restore op, as TensorFlow Serving does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from contract import signatures
from contract.errors import ContractBrokenError
from contract.image import Pixels
from contract.manifest import Manifest

_BATCH_SIZE = 32


class ExportedModel:
    """One version, from its folder.

    Raises:
        ContractBrokenError: it does not load, or lacks a signature.
        ManifestError: it has no manifest this build reads.
    """

    def __init__(self, folder: Path) -> None:
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        try:
            self._signatures = _load(self._session, folder)
            self.manifest_json = self._read_manifest()
            self.manifest = Manifest.from_json(self.manifest_json)
        except BaseException:
            self.close()
            raise

    def predict(self, images: Pixels) -> npt.NDArray[np.float32]:
        """Calibrated probabilities, float32 [N, C], of uint8 [N, H, W, 3]; in batches.

        Raises:
            ContractBrokenError: as `call`, or the answer is not of that shape.
        """
        parts = [
            self._predict_batch(images[start : start + _BATCH_SIZE])
            for start in range(0, len(images), _BATCH_SIZE)
        ]
        return np.concatenate(parts)

    def call(self, signature: str, inputs: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Run one signature by the names of its inputs; all outputs by name.

        Raises:
            ContractBrokenError: there is no such signature, or it cannot run.
        """
        try:
            definition = self._signatures[signature]
            feeds = {definition.inputs[name].name: value for name, value in inputs.items()}
            fetches = {name: info.name for name, info in definition.outputs.items()}
            return dict(self._session.run(fetches, feeds))
        except (KeyError, TypeError, ValueError, tf.errors.OpError) as exc:
            raise ContractBrokenError(f"the model's signature {signature} cannot be run") from exc

    def _read_manifest(self) -> str:
        answer = self.call(signatures.MANIFEST, {signatures.REQUEST: np.zeros(1, np.int32)})
        texts = np.asarray(answer.get(signatures.MANIFEST))
        if texts.shape != (1,) or not isinstance(texts[0], bytes):
            raise ContractBrokenError("the model's signature manifest does not answer one text a request")
        return texts[0].decode("utf-8", "replace")

    def _predict_batch(self, images: Pixels) -> npt.NDArray[np.float32]:
        answer = self.call(signatures.SERVING_DEFAULT, {signatures.IMAGES: images})
        probabilities = np.asarray(answer.get(signatures.PROBABILITIES))
        if probabilities.shape != (len(images), len(self.manifest.labels)):
            raise ContractBrokenError("the model does not answer one probability for every image and label")
        return probabilities

    def close(self) -> None:
        """Free the memory."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _load(session: Any, folder: Path) -> dict[str, Any]:
    try:
        with session.graph.as_default(), _without_deprecation_notices():
            meta_graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder))
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as exc:
        raise ContractBrokenError(f"{folder} does not load as a SavedModel") from exc
    return dict(meta_graph.signature_def)


@contextmanager
def _without_deprecation_notices() -> Iterator[None]:
    """TensorFlow recommends the loader that proves nothing, at every call and as a warning."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
