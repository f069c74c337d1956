"""The versions of one model: which are loaded, which one answers, and when an old one may go.

A version goes START, LOADING, AVAILABLE, UNLOADING, END; a broken one goes from LOADING to END and keeps its
error. Calls hold the version they run on: an UNLOADING one takes no new calls and is closed when its last
call returns, so a swap drops none.
"""

from __future__ import annotations

import enum
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from serving.embedded.errors import ServingError, servable_not_found
from serving.embedded.version_folders import Fingerprint, fingerprint

_LOG = logging.getLogger(__name__)


class State(enum.IntEnum):
    """Numbered as in ModelVersionStatus.State."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


class Closable(Protocol):
    """What loading a version gives."""

    def close(self) -> None:
        """Free what it holds."""


ModelT = TypeVar("ModelT", bound=Closable)


@dataclass(frozen=True)
class VersionStatus:
    """How one version stands; `error` says why a broken one ended."""

    number: int
    state: State
    error: ServingError | None = None


@dataclass
class _Version(Generic[ModelT]):
    """One version and the calls that hold it; guarded by the lock of its Versions."""

    number: int
    fingerprint: Fingerprint
    state: State = State.START
    model: ModelT | None = None
    error: ServingError | None = None
    calls: int = 0


class Versions(Generic[ModelT]):
    """All versions of one model that there are or were.

    One thread calls `update`; any thread may call the rest, and never waits for a load.
    """

    def __init__(self, name: str, load: Callable[[Path], ModelT]) -> None:
        """`load` raises ServingError for a broken version."""
        self._name = name
        self._load = load
        self._lock = threading.Lock()
        self._versions: dict[int, _Version[ModelT]] = {}

    def update(self, folders: Mapping[int, Path]) -> None:
        """Load these versions, newest first, then let go of the others.

        A broken version is tried again only when its folder changes. One whose folder cannot be read just now
        waits for the next update.
        """
        aspired = sorted(folders, reverse=True)
        due = [number for number in aspired if self._put_if_due(number, folders[number])]
        for number in due:
            self._start(self._versions[number], folders[number])
        self._retire_all_but(aspired)

    def statuses(self) -> tuple[VersionStatus, ...]:
        """Newest first; ended ones stay."""
        with self._lock:
            versions = sorted(self._versions.values(), key=lambda version: -version.number)
            return tuple(VersionStatus(version.number, version.state, version.error) for version in versions)

    @contextmanager
    def hold(self, number: int | None) -> Iterator[tuple[int, ModelT]]:
        """Keep a version loaded for as long as the block lasts.

        Args:
            number: None for the newest one that is available.

        Yields:
            The version's number and its model.

        Raises:
            ServingError: NOT_FOUND; it is not available.
        """
        version, model = self._acquire(number)
        try:
            yield version.number, model
        finally:
            self._release(version)

    def _put_if_due(self, number: int, folder: Path) -> bool:
        known = self._versions.get(number)
        if known is not None and known.state is not State.END:
            return False
        try:
            now = fingerprint(folder)
        except OSError as exc:  # it goes away or comes just now, and must not keep the others waiting
            _LOG.warning("version %d of model %s cannot be looked at: %s", number, self._name, exc)
            return False
        if known is not None and known.error is not None and known.fingerprint == now:
            return False
        with self._lock:
            self._versions[number] = _Version(number, now)
        return True

    def _start(self, version: _Version[ModelT], folder: Path) -> None:
        with self._lock:
            version.state = State.LOADING
        try:
            model = self._load(folder)
        except ServingError as exc:
            _LOG.warning("version %d of model %s is broken: %s", version.number, self._name, exc.text)
            with self._lock:
                version.error, version.state = exc, State.END
            return
        with self._lock:
            version.model, version.state = model, State.AVAILABLE
        _LOG.info("version %d of model %s is available", version.number, self._name)

    def _retire_all_but(self, aspired: list[int]) -> None:
        """Unload the others, unless nothing would be left that answers in their place."""
        with self._lock:
            available = {v.number: v for v in self._versions.values() if v.state is State.AVAILABLE}
            if aspired and available.keys().isdisjoint(aspired):
                return
            retired = [version for number, version in available.items() if number not in aspired]
            for version in retired:
                version.state = State.UNLOADING
            idle = [version for version in retired if version.calls == 0]
        for version in idle:
            self._end(version)

    def _acquire(self, number: int | None) -> tuple[_Version[ModelT], ModelT]:
        with self._lock:
            wanted = self._newest() if number is None else number
            version = self._versions.get(wanted)
            if version is None or version.model is None or version.state is not State.AVAILABLE:
                raise servable_not_found(self._name, number)
            version.calls += 1
            return version, version.model

    def _newest(self) -> int:
        return max((v.number for v in self._versions.values() if v.state is State.AVAILABLE), default=-1)

    def _release(self, version: _Version[ModelT]) -> None:
        with self._lock:
            version.calls -= 1
            last = version.calls == 0 and version.state is State.UNLOADING
        if last:
            self._end(version)

    def _end(self, version: _Version[ModelT]) -> None:
        """Close a version that no call holds and none can get any more."""
        model, version.model = version.model, None
        if model is not None:
            model.close()
        with self._lock:
            version.state = State.END
        _LOG.info("version %d of model %s is unloaded", version.number, self._name)
