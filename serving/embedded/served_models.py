"""All models by name."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Generic

from serving.embedded.errors import invalid_argument, servable_not_found
from serving.embedded.versions import ModelT, State, Versions, VersionStatus

_LOG = logging.getLogger(__name__)


class ServedModels(Generic[ModelT]):
    """The models that there are or were; `update` and `relabel` are for one thread, the rest for any."""

    def __init__(self, load: Callable[[Path], ModelT]) -> None:
        """`load` as in Versions."""
        self._load = load
        self._lock = threading.Lock()
        self._models: dict[str, Versions[ModelT]] = {}
        self._labels: dict[str, dict[str, int]] = {}

    def names(self) -> tuple[str, ...]:
        """Of all models ever seen."""
        with self._lock:
            return tuple(self._models)

    def update(self, name: str, folders: Mapping[int, Path]) -> None:
        """Tell a model which versions to serve now; its first update makes it known."""
        with self._lock:
            versions = self._models.setdefault(name, Versions(name, self._load))
        versions.update(folders)

    def relabel(self, name: str, labels: Mapping[str, int]) -> None:
        """Tell a model its labels. One moves only to a version that is available, and stays till then.

        TensorFlow Serving refuses such a configuration as a whole and, at its start, gives up.
        """
        available = {s.number for s in self.statuses(name) if s.state is State.AVAILABLE}
        before = self._labels.get(name, {})
        now = {label: number for label, number in before.items() if label in labels}
        now |= {label: number for label, number in labels.items() if number in available}
        if now != before:
            _LOG.info("labels of model %s: %s", name, now)
        with self._lock:
            self._labels[name] = now

    def labelled(self, name: str, label: str) -> int:
        """The version a label stands for; it may have been unloaded since.

        Raises:
            ServingError: INVALID_ARGUMENT; there is no such label.
        """
        with self._lock:
            number = self._labels.get(name, {}).get(label)
        if number is None:
            raise invalid_argument(f"Unrecognized servable version label: {label}")
        return number

    def hold(self, name: str, number: int | None) -> AbstractContextManager[tuple[int, ModelT]]:
        """Keep a version loaded, as `Versions.hold` does.

        Raises:
            ServingError: NOT_FOUND; no such model, or the version is not available.
        """
        versions = self._versions(name)
        if versions is None:
            raise servable_not_found(name, number)
        return versions.hold(number)

    def statuses(self, name: str) -> tuple[VersionStatus, ...]:
        """Newest first; none for a model never seen."""
        versions = self._versions(name)
        return () if versions is None else versions.statuses()

    def _versions(self, name: str) -> Versions[ModelT] | None:
        with self._lock:
            return self._models.get(name)
