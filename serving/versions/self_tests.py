"""Testing the versions of a model on one model server, and keeping those that passed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

from contract.errors import ContractBrokenError, MiwakeError
from contract.sidecar import Sidecar
from modelserver.errors import VersionNotFoundError
from modelserver.predict import ModelVersion
from modelserver.protocol import ModelServer
from modelserver.self_test import self_test
from serving.telemetry.metrics import Metrics
from serving.versions.served_version import ServedVersion

_log = logging.getLogger(__name__)


class SelfTests:
    """Tests each version once; one that fails is not tried again while the model server keeps it.

    A test that told nothing, because the model server did not answer, is put off until the next `begin`.

    Attributes:
        passed: the versions that may answer, with the queues before them.
        failed: why others may not.
        put_off: why others are not tested yet.
    """

    def __init__(  # noqa: PLR0913 - what it is wired to
        self,
        model: str,
        *,
        model_server: ModelServer,
        serve: Callable[[ModelVersion], ServedVersion],
        metrics: Metrics,
        timeout_seconds: float,
        on_ended: Callable[[], None],
        sidecar: Sidecar | None = None,
    ) -> None:
        """No version is known yet.

        Args:
            model: its name.
            model_server: where it runs.
            serve: puts the queues before a version that passed.
            metrics: told of each result.
            timeout_seconds: for each call of a test.
            on_ended: told when a test has ended, however it did.
            sidecar: what is known of a model that carries no manifest.
        """
        self.passed: dict[int, ServedVersion] = {}
        self.failed: dict[int, str] = {}
        self.put_off: dict[int, str] = {}
        self._model = model
        self._model_server = model_server
        self._serve = serve
        self._metrics = metrics
        self._timeout_seconds = timeout_seconds
        self._on_ended = on_ended
        self._sidecar = sidecar
        self._running: dict[int, asyncio.Task[None]] = {}

    def begin(self, available: Collection[int]) -> None:
        """Test those that are new, the newest first, and forget those that are gone."""
        available = set(available)
        self._drop_the_gone(available)
        known = self.passed.keys() | self.failed.keys() | self._running.keys()
        for version in sorted(available - known, reverse=True):
            self._running[version] = asyncio.create_task(self._test(version))

    def take_out(self, target: ModelVersion) -> None:
        """A version that passed is not there any more: what waits for it is told so."""
        text = f"model {self._model}: version {target.version} was unloaded"
        self.passed.pop(target.version).close(VersionNotFoundError(text))

    def forget_all(self, error: MiwakeError) -> None:
        """Nothing that was found holds any more; what waits for a version gets this error."""
        self.cancel()
        for served in self.passed.values():
            served.close(error)
        known: Mapping[int, object]
        for known in (self._running, self.passed, self.failed, self.put_off):
            known.clear()

    def cancel(self) -> None:
        """End the tests under way."""
        for test in self._running.values():
            test.cancel()

    async def _test(self, version: int) -> None:
        try:
            target = await self_test(
                self._model_server,
                self._model,
                version,
                timeout_seconds=self._timeout_seconds,
                sidecar=self._sidecar,
            )
        except ContractBrokenError as exc:
            self._refuse(version, str(exc))
        except MiwakeError as exc:  # nothing is known of the version: try at the next look
            _log.warning("%s version %d: self-test put off: %s", self._model, version, exc)
            self.put_off[version] = str(exc)
        # A version that even our own code stumbles over is refused; the others go on answering.
        except Exception:  # noqa: BLE001
            _log.exception("%s version %d: unexpected error in the self-test", self._model, version)
            self._refuse(version, "an unexpected error; see the log")
        else:
            self._accept(target)
        del self._running[version]
        self._on_ended()

    def _accept(self, target: ModelVersion) -> None:
        _log.info("%s version %d: self-test passed", self._model, target.version)
        self._metrics.self_tested(self._model, target.version, "passed")
        self.put_off.pop(target.version, None)
        self.passed[target.version] = self._serve(target)

    def _refuse(self, version: int, why: str) -> None:
        _log.error("%s version %d: self-test failed: %s", self._model, version, why)
        self._metrics.self_tested(self._model, version, "failed")
        self.put_off.pop(version, None)
        self.failed[version] = why

    def _drop_the_gone(self, available: set[int]) -> None:
        for version in self.passed.keys() - available:
            self.take_out(self.passed[version].target)
        for version in self._running.keys() - available:
            self._running.pop(version).cancel()
        for known in (self.failed, self.put_off):
            for version in known.keys() - available:
                del known[version]
