"""Which versions of one model may answer: those the model server has and that passed their self-test."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from contract.errors import ContractBrokenError
from modelserver.errors import (
    ModelNotFoundError,
    ModelServerAwayError,
    ModelServerError,
    VersionNotFoundError,
)
from modelserver.predict import ModelVersion
from modelserver.protocol import ModelServer, VersionState, VersionStatus
from modelserver.self_test import self_test
from serving.batcher import Batcher
from serving.deadline import Deadline
from serving.metrics import Metrics
from serving.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServedVersion:
    """A version that passed its self-test, and the queue before it."""

    target: ModelVersion
    batcher: Batcher


class ModelWatch:
    """Follows one model on the model server.

    A version that fails its self-test is never used while the model server keeps it; the others go on
    answering. When the model server goes away everything is forgotten: what comes back may be another
    build or another file, so it is tested again before it answers.
    """

    def __init__(
        self,
        model: str,
        *,
        model_server: ModelServer,
        batcher_for: Callable[[ModelVersion], Batcher],
        metrics: Metrics,
        settings: Settings,
    ) -> None:
        self.model = model
        self._model_server = model_server
        self._batcher_for = batcher_for
        self._metrics = metrics
        self._settings = settings
        self._statuses: tuple[VersionStatus, ...] = ()
        self._passed: dict[int, ServedVersion] = {}
        self._failed: dict[int, str] = {}
        self._away: str | None = "the model server has not answered yet"
        # Counts the times everything was forgotten: a self-test begun before one of them is void.
        self._epoch = 0
        self._refreshing = asyncio.Lock()
        self._look_now = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def not_ready_because(self) -> str | None:
        """Why no answer can be given, or None when one can."""
        if self._passed:
            return None
        if self._away is not None:
            return self._away
        if self._failed:
            return "; ".join(f"version {version}: {why}" for version, why in self._failed.items())
        if self._available():
            return "the self-test is under way"
        return "the model server has no version of it available"

    @property
    def latest(self) -> ServedVersion | None:
        """The newest version that may answer."""
        return self._passed[max(self._passed)] if self._passed else None

    @property
    def statuses(self) -> tuple[VersionStatus, ...]:
        """What the model server said last, newest version first."""
        return tuple(sorted(self._statuses, key=lambda status: -status.version))

    def self_test_of(self, version: int) -> tuple[str, str]:
        """(`passed`, `failed` or `pending`; why it failed)."""
        if version in self._passed:
            return "passed", ""
        if version in self._failed:
            return "failed", self._failed[version]
        return "pending", ""

    async def resolve(self, version: int | None, *, deadline: Deadline) -> ServedVersion:
        """The version that will answer: the one asked for, or the newest that may.

        Waits for a self-test under way.

        Raises:
            VersionNotFoundError: the model server does not have the version asked for.
            ContractBrokenError: it has, but the self-test failed.
            ModelServerAwayError: nothing to answer with, or not in time.
        """
        try:
            async with asyncio.timeout(deadline.remaining_seconds()):
                return await self._resolve(version)
        except TimeoutError as exc:
            raise ModelServerAwayError(f"model {self.model}: {self.not_ready_because}") from exc

    async def _resolve(self, version: int | None) -> ServedVersion:
        while True:
            served = self.latest if version is None else self._passed.get(version)
            if served is not None:
                return served
            self._refuse_the_hopeless(version)
            await self._changed.wait()

    def _refuse_the_hopeless(self, version: int | None) -> None:
        """Raise unless a self-test under way may still bring what is asked for."""
        if self._away is not None:
            raise ModelServerAwayError(f"model {self.model}: {self._away}")
        available = self._available()
        if version is not None and version not in available:
            raise VersionNotFoundError(f"model {self.model} has no version {version}")
        if version is None and not available:
            raise ModelServerAwayError(f"model {self.model}: {self.not_ready_because}")
        wanted = available if version is None else {version}
        if wanted <= self._failed.keys():
            failed = self._failed[max(wanted)]
            raise ContractBrokenError(f"model {self.model} version {max(wanted)}: {failed}")

    def report_away(self) -> None:
        """A call found the model server away: forget what it was, and look again at once."""
        self._forget("the model server is away")
        self._look_now.set()

    async def run(self) -> None:
        """Look for versions, again and again, until cancelled."""
        while True:
            try:
                await self.refresh()
            # A fault of ours must not end the watch and leave yesterday's versions answering.
            except Exception:  # noqa: BLE001
                _log.exception("%s: unexpected error while looking for versions", self.model)
                self._forget("an unexpected error while looking for versions")
            self._look_now.clear()
            try:
                async with asyncio.timeout(self._settings.poll_seconds):
                    await self._look_now.wait()
            except TimeoutError:
                continue
            # Away a moment ago: not in a tight loop.
            await asyncio.sleep(self._settings.poll_seconds / 10)

    async def refresh(self) -> None:
        """Ask for the versions once, and test those that are new."""
        async with self._refreshing:
            try:
                self._statuses = await self._model_server.versions(
                    self.model, timeout_seconds=self._settings.timeout_seconds
                )
            except ModelNotFoundError:
                self._statuses = ()
            except ModelServerError as exc:
                self._forget(str(exc))
                return
            self._away = None
            self._drop_the_gone()
            for version in sorted(
                self._available() - self._passed.keys() - self._failed.keys(), reverse=True
            ):
                await self._test(version)
            self._notify()

    async def _test(self, version: int) -> None:
        epoch = self._epoch
        timeout_seconds = self._settings.self_test_timeout_seconds
        try:
            target = await self_test(self._model_server, self.model, version, timeout_seconds=timeout_seconds)
        except ContractBrokenError as exc:
            if epoch == self._epoch:
                self._refuse(version, str(exc))
        except ModelServerError as exc:  # nothing is known of the version: try at the next look
            _log.warning("%s version %d: self-test put off: %s", self.model, version, exc)
        else:
            if epoch == self._epoch:
                self._accept(target)
        self._notify()

    def _accept(self, target: ModelVersion) -> None:
        _log.info("%s version %d: self-test passed", self.model, target.version)
        self._metrics.self_tests.labels(self.model, "passed").inc()
        self._passed[target.version] = ServedVersion(target, self._batcher_for(target))

    def _refuse(self, version: int, why: str) -> None:
        _log.error("%s version %d: self-test failed: %s", self.model, version, why)
        self._metrics.self_tests.labels(self.model, "failed").inc()
        self._failed[version] = why

    def _available(self) -> set[int]:
        return {s.version for s in self._statuses if s.state is VersionState.AVAILABLE}

    def _drop_the_gone(self) -> None:
        available = self._available()
        self._passed = {v: served for v, served in self._passed.items() if v in available}
        self._failed = {v: why for v, why in self._failed.items() if v in available}

    def _forget(self, why: str) -> None:
        if self._away is None:
            _log.error("%s: %s", self.model, why)
        self._away = why
        self._epoch += 1
        self._statuses = ()
        self._passed = {}
        self._failed = {}
        self._notify()

    def _notify(self) -> None:
        """Wake everyone who waits for a change, and tell the metric."""
        self._metrics.model_ready.labels(self.model).set(1 if self._passed else 0)
        self._changed.set()
        self._changed = asyncio.Event()
