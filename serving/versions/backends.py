"""All model servers behind the gateway, and which of them answers a request."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Collection, Iterator, Mapping

from contract.errors import ContractBrokenError, MiwakeError
from modelserver.errors import ModelServerAwayError, VersionNotFoundError
from modelserver.model_servers import ModelServers
from modelserver.models_file import ModelEntry
from serving.load.deadline import Deadline
from serving.settings import Settings
from serving.telemetry.metrics import Metrics
from serving.versions.backend import Backend
from serving.versions.changes import Changes
from serving.versions.labels import Labels
from serving.versions.model_watch import ModelWatch
from serving.versions.served_version import ServedVersion

_log = logging.getLogger(__name__)
_NO_ADDRESS = "the model server has no address yet"


class Backends:
    """Finds the model servers again and again, and chooses among them.

    A model server whose self-test fails, or that is away, gets no requests; the others share them by the
    number of images that wait or are under way.
    """

    def __init__(self, model_servers: ModelServers, *, settings: Settings, metrics: Metrics) -> None:
        self.changes = Changes()
        self._model_servers = model_servers
        self._settings = settings
        self._metrics = metrics
        self._backends: dict[str, Backend] = {}
        self._labels = Labels()
        self._models: Mapping[str, ModelEntry] = {}
        self._nowhere = _NO_ADDRESS
        self._retiring: set[asyncio.Task[None]] = set()

    def follow(self, models: Mapping[str, ModelEntry]) -> None:
        """Watch these models on every model server, and no others."""
        self._models = models
        for backend in self._backends.values():
            backend.follow(models)
        self.changes.notify()

    async def run(self) -> None:
        """Look for model servers until cancelled, then close the connections."""
        try:
            while True:
                try:
                    await self._look()
                # A fault of ours must not end the looking; the next look may go better.
                except Exception:  # noqa: BLE001
                    _log.exception("unexpected error while looking for model servers")
                await asyncio.sleep(
                    self._settings.resolve_seconds if self._backends else self._settings.poll_seconds
                )
        finally:
            retiring = tuple(self._retiring)
            for task in retiring:
                task.cancel()
            closing = (backend.close() for backend in self._backends.values())
            await asyncio.gather(*closing, *retiring, return_exceptions=True)

    def watches(self, model: str) -> list[ModelWatch]:
        """What each model server knows of a model."""
        return [backend.watches[model] for backend in self._backends.values() if model in backend.watches]

    def not_ready_because(self, model: str, version: int | None = None) -> str | None:
        """Why a version (None: any) of a model has no answer; None where it has one."""
        watches = self.watches(model)
        if not watches:
            return self._nowhere
        if any(watch.passed(version) for watch in watches):
            return None
        if version is None:
            return "; ".join(dict.fromkeys(filter(None, (watch.not_ready_because for watch in watches))))
        refusals = (watch.refusal(version) for watch in watches)
        texts = (str(error or f"version {version}: its self-test is under way") for error in refusals)
        return "; ".join(dict.fromkeys(text.removeprefix(f"model {model}: ") for text in texts))

    async def resolve(
        self,
        model: str,
        version: int | None,
        *,
        deadline: Deadline,
        avoid: Collection[ServedVersion] = (),
        patient: bool = False,
    ) -> ServedVersion:
        """The version that will answer, on the model server with the least to do.

        Waits for a self-test under way.

        Args:
            model: its name.
            version: a concrete one, or None for the newest that may answer where it is sent.
            deadline: of the request.
            avoid: taken only where there is no other.
            patient: wait for a model server that is away, too.

        Raises:
            VersionNotFoundError: no model server has the version asked for.
            ContractBrokenError: it is there, but its self-test failed.
            ModelServerAwayError: nothing to answer with, or not in time.
        """
        try:
            async with asyncio.timeout(deadline.remaining_seconds()):
                while True:
                    served = self.least_loaded(model, version, avoid=avoid)
                    if served is not None:
                        return served
                    refusal = self.refusal(model, version)
                    if refusal is not None and not (patient and isinstance(refusal, ModelServerAwayError)):
                        raise refusal
                    await self.changes.wait()
        except TimeoutError as exc:
            raise ModelServerAwayError(f"model {model}: {self.not_ready_because(model, version)}") from exc

    def forget(self, served: ServedVersion) -> None:
        """A call was told that the version is not there."""
        for watch in self.watches(served.target.model):
            if watch.may_answer(served.target):
                watch.forget_one(served.target)

    async def version_of_label(self, model: str, label: str, *, deadline: Deadline) -> int:
        """What a label of the model servers' own stands for.

        Raises:
            VersionNotFoundError: for nothing.
            ModelServerError: any other, of the last model server asked.
        """
        # Those that may answer first: of the others some may not even listen.
        able_first = sorted(self._backends.values(), key=lambda backend: not backend.may_answer(model))
        return await self._labels.version_of(
            model,
            label,
            model_servers=[backend.model_server for backend in able_first],
            deadline=deadline,
        )

    def least_loaded(
        self, model: str, version: int | None, *, avoid: Collection[ServedVersion] = ()
    ) -> ServedVersion | None:
        """The version asked for, or the newest, where the fewest images wait; None where none may answer.

        What is to be avoided, or left alone for a moment, is taken only where there is no other.
        """

        def reluctance(served: ServedVersion) -> tuple[bool, bool, int, float]:
            # Of several that are idle not always the first.
            return served in avoid, served.pause.seconds > 0, served.load, random.random()  # noqa: S311

        able = [served for watch in self.watches(model) if (served := watch.passed(version))]
        return min(able, key=reluctance, default=None)

    def pause_seconds(self, model: str) -> float:
        """For how long everything that could answer is to be left alone, whatever version is asked for."""
        return min((served.pause.seconds for w in self.watches(model) for served in w.served), default=0.0)

    def refusal(self, model: str, version: int | None) -> MiwakeError | None:
        """Why waiting is of no use, None where it may be; who is away has the last word."""
        refusals = [watch.refusal(version) for watch in self.watches(model)]
        if None in refusals:
            return None
        for kind in (ContractBrokenError, VersionNotFoundError, MiwakeError):
            for refusal in refusals:
                if isinstance(refusal, kind):
                    return refusal
        return ModelServerAwayError(f"model {model}: {self._nowhere}")

    async def _look(self) -> None:
        try:
            addresses = set(await self._model_servers.addresses())
        except ModelServerAwayError as exc:
            # Where they were is the best that is known.
            self._nowhere = str(exc)
            return
        for gone in self._backends.keys() - addresses:
            _log.info("the model server at %s has gone", gone)
            retiring = asyncio.create_task(self._backends.pop(gone).retire())
            self._retiring.add(retiring)
            retiring.add_done_callback(self._retiring.discard)
        for new in sorted(addresses - self._backends.keys()):
            self._backends[new] = self._connected(new)
        self.changes.notify()

    def _connected(self, address: str) -> Backend:
        backend = Backend(
            address,
            self._model_servers.connect(address),
            settings=self._settings,
            metrics=self._metrics,
            changes=self.changes,
        )
        backend.follow(self._models)
        return backend

    def __iter__(self) -> Iterator[Backend]:
        return iter(self._backends.values())
