"""All models by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Generic

from serving.embedded.errors import servable_not_found
from serving.embedded.versions import ModelT, Versions, VersionStatus


class ServedModels(Generic[ModelT]):
    """The models that there are or were; `update` is for one thread, the rest for any."""

    def __init__(self, load: Callable[[Path], ModelT], *, keep: int) -> None:
        """`load` and `keep` as in Versions."""
        self._load = load
        self._keep = keep
        self._lock = threading.Lock()
        self._models: dict[str, Versions[ModelT]] = {}

    def names(self) -> tuple[str, ...]:
        """Of all models ever seen."""
        with self._lock:
            return tuple(self._models)

    def update(self, name: str, folders: Mapping[int, Path]) -> None:
        """Tell a model which versions there are now; its first update makes it known."""
        with self._lock:
            versions = self._models.setdefault(name, Versions(name, self._load, keep=self._keep))
        versions.update(folders)

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
