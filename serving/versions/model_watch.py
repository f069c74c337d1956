"""Which versions of a model may answer on one model server: those it has and that passed their self-test."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection

from contract.errors import ContractBrokenError, MiwakeError
from contract.sidecar import Sidecar
from modelserver.errors import (
    DeadlineExceededError,
    ModelNotFoundError,
    ModelServerAwayError,
    ModelServerError,
    VersionNotFoundError,
)
from modelserver.predict import ModelVersion
from modelserver.protocol import ModelServer, VersionState, VersionStatus
from serving.settings import Settings
from serving.telemetry.metrics import Metrics
from serving.versions.changes import Changes
from serving.versions.self_tests import SelfTests
from serving.versions.served_version import ServedVersion

_log = logging.getLogger(__name__)
# A status costs the model server nothing; one that is later than this is not coming.
_STATUS_SECONDS = 2.0
_UNANSWERED_LOOKS = 3
# The model server's own words may hold paths of its machine: they go to our log, not to a client.
_NOT_LOADED = "the model server could not load it; the logs say why"


class ModelWatch:
    """Follows one model on the model server.

    A version that fails its self-test is never used while the model server keeps it; the others go on
    answering. When the model server goes away, or three looks in a row and no call get an answer, everything
    is forgotten: what comes back may be another build or another file, so it is tested again before it
    answers. A model server that is only slow or overloaded changes nothing.

    A version that is unloaded and loaded again under its number between two looks, over the same connection,
    is not seen to have changed: the model server says nothing that would tell.
    """

    def __init__(  # noqa: PLR0913 - what it is wired to
        self,
        model: str,
        *,
        model_server: ModelServer,
        serve: Callable[[ModelVersion], ServedVersion],
        metrics: Metrics,
        settings: Settings,
        changes: Changes,
        sidecar: Sidecar | None = None,
    ) -> None:
        """Know nothing yet.

        Args:
            model: its name.
            model_server: where it runs.
            serve: puts the queues before a version that passed.
            metrics: told of self-tests.
            settings: the deployment's.
            changes: notified of every change.
            sidecar: what is known of a model that carries no manifest.
        """
        self.model = model
        self._model_server = model_server
        self._metrics = metrics
        self._settings = settings
        self._changes = changes
        self._statuses: tuple[VersionStatus, ...] = ()
        self._tests = SelfTests(
            model,
            model_server=model_server,
            serve=serve,
            metrics=metrics,
            timeout_seconds=settings.self_test_timeout_seconds,
            on_ended=changes.notify,
            sidecar=sidecar,
        )
        self._away: str | None = "the model server has not answered yet"
        self._unanswered = 0
        self._look_now = asyncio.Event()

    @property
    def not_ready_because(self) -> str | None:
        """Why no answer can be given, or None when one can."""
        if self._tests.passed:
            return None
        if self._away is not None:
            return self._away
        if self._tests.failed:
            return "; ".join(f"version {version}: {why}" for version, why in self._tests.failed.items())
        if self._available():
            return "; ".join(["the self-test is under way", *self._tests.put_off.values()])
        return "the model server has no version of it available"

    @property
    def latest(self) -> ServedVersion | None:
        """The newest version that may answer."""
        return self._tests.passed[max(self._tests.passed)] if self._tests.passed else None

    @property
    def served(self) -> Collection[ServedVersion]:
        """Every version that may answer."""
        return self._tests.passed.values()

    @property
    def load(self) -> int:
        """Images that its versions were given and have not answered."""
        return sum(served.load for served in self._tests.passed.values())

    @property
    def statuses(self) -> tuple[VersionStatus, ...]:
        """What the model server said last, newest version first."""
        return tuple(sorted(self._statuses, key=lambda status: -status.version))

    def self_test_of(self, status: VersionStatus) -> tuple[str, str]:
        """(`passed`, `failed`, `pending` or `none`; why it failed, was put off, or is not to be had)."""
        version = status.version
        if version in self._tests.passed:
            return "passed", ""
        if version in self._tests.failed:
            return "failed", self._tests.failed[version]
        if status.state is VersionState.AVAILABLE:
            return "pending", self._tests.put_off.get(version, "")
        return "none", _NOT_LOADED if status.error else ""

    def passed(self, version: int | None) -> ServedVersion | None:
        """The version asked for, or the newest, if it may answer."""
        return self.latest if version is None else self._tests.passed.get(version)

    def refusal(self, version: int | None) -> MiwakeError | None:
        """Why what did not pass will not do so soon either; None where a self-test may still bring it.

        Returns:
            VersionNotFoundError: the model server does not have the version asked for.
            ContractBrokenError: it has, but the self-test failed.
            ModelServerAwayError: nothing to answer with.
        """
        if self._away is not None:
            return ModelServerAwayError(f"model {self.model}: {self._away}")
        available = self._available()
        if version is not None and version not in available:
            return VersionNotFoundError(f"model {self.model}: there is no version {version}")
        if version is None and not available:
            return ModelServerAwayError(f"model {self.model}: {self.not_ready_because}")
        wanted = available if version is None else {version}
        if wanted <= self._tests.failed.keys():
            failed = self._tests.failed[max(wanted)]
            return ContractBrokenError(f"model {self.model}: version {max(wanted)}: {failed}")
        return None

    def may_answer(self, target: ModelVersion) -> bool:
        """Whether that version has passed and nothing has happened since."""
        served = self._tests.passed.get(target.version)
        return served is not None and served.target is target

    def heard(self) -> None:
        """A call was answered: a model server that is late with its status is there all the same."""
        self._unanswered = 0

    def forget_one(self, target: ModelVersion) -> None:
        """A call was told that the version is not there: take it out, and look again at once."""
        if self.may_answer(target):
            self._tests.take_out(target)
        self._look_now.set()
        self._changes.notify()

    def forget_all(self, why: str) -> None:
        """The model server is away: nothing that was known of it holds any more. Look again at once."""
        if self._away is None:
            _log.error("%s: %s", self.model, why)
        self.close(why)
        self._look_now.set()

    def close(self, why: str) -> None:
        """Nothing of this model is answered from here on; what waits is told why."""
        self._away = why
        self._statuses = ()
        self._tests.forget_all(ModelServerAwayError(f"model {self.model}: {why}"))
        self._changes.notify()

    async def run(self) -> None:
        """Look for versions, again and again, until cancelled."""
        try:
            while True:
                try:
                    await self._look()
                # A fault of ours must not end the watch; the next look may go better.
                except Exception:  # noqa: BLE001
                    _log.exception("%s: unexpected error while looking for versions", self.model)
                self._look_now.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.poll_seconds):
                        await self._look_now.wait()
                        # Something happened a moment ago: soon, but not in a tight loop.
                        await asyncio.sleep(self._settings.poll_seconds / 10)
        finally:
            self._tests.cancel()

    async def _look(self) -> None:
        """Ask for the versions once, and begin to test those that are new."""
        statuses = await self._ask()
        if statuses is None:
            return
        self._report_broken(statuses)
        self._statuses = statuses
        self._away = None
        self._tests.begin(self._available())
        self._changes.notify()

    async def _ask(self) -> tuple[VersionStatus, ...] | None:
        """What the model server says now; None where it says nothing of use."""
        seconds = min(self._settings.timeout_seconds, _STATUS_SECONDS)
        try:
            statuses = await self._model_server.versions(self.model, timeout_seconds=seconds)
        except ModelServerAwayError as exc:
            self.forget_all(str(exc))
            return None
        except DeadlineExceededError:
            self._late()
            return None
        except ModelNotFoundError:
            statuses = ()
        except ModelServerError as exc:
            _log.warning("%s: cannot look for versions: %s", self.model, exc)
            statuses = None
        self.heard()
        return statuses

    def _late(self) -> None:
        self._unanswered += 1
        _log.warning("%s: the model server did not say in time which versions it has", self.model)
        if self._unanswered >= _UNANSWERED_LOOKS and self._away is None:
            self.forget_all("the model server does not answer")

    def _report_broken(self, statuses: tuple[VersionStatus, ...]) -> None:
        """Tell the log and the metric, once, of versions that the model server could not load."""
        for status in set(statuses) - set(self._statuses):
            if status.error:
                _log.error("%s version %d was not loaded: %s", self.model, status.version, status.error)
                self._metrics.self_tested(self.model, status.version, "not_loaded")

    def _available(self) -> set[int]:
        return {s.version for s in self._statuses if s.state is VersionState.AVAILABLE}
