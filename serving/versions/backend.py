"""One model server: the connection to it and what is known of each of its models."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Mapping

from modelserver.models_file import ModelEntry
from modelserver.predict import ModelVersion
from modelserver.protocol import ModelServer
from serving.settings import Settings
from serving.telemetry.metrics import Metrics
from serving.versions.changes import Changes
from serving.versions.model_watch import ModelWatch
from serving.versions.served_version import ServedVersion, serve_version

_log = logging.getLogger(__name__)
_RETIRE_LOOK_SECONDS = 0.1


class Backend:
    """A model server and a watch for each model; runs from `follow` until `close`.

    Attributes:
        address: where it is.
        model_server: the connection.
        watches: by model.
    """

    def __init__(
        self,
        address: str,
        model_server: ModelServer,
        *,
        settings: Settings,
        metrics: Metrics,
        changes: Changes,
    ) -> None:
        self.address = address
        self.model_server = model_server
        self.watches: dict[str, ModelWatch] = {}
        self._entries: dict[str, ModelEntry] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._settings = settings
        self._metrics = metrics
        self._changes = changes
        self._connection = asyncio.create_task(self._follow_connection())

    def follow(self, models: Mapping[str, ModelEntry]) -> None:
        """Watch these models from now on, and no others; one whose sidecar changed is looked at anew."""
        for model in list(self.watches):
            if model not in models or models[model].sidecar != self._entries[model].sidecar:
                self._drop(model)
        for model, entry in models.items():
            self._entries[model] = entry
            if model not in self.watches:
                watch = self._watch(model, entry)
                self.watches[model] = watch
                self._running[model] = asyncio.create_task(watch.run())

    def away(self, target: ModelVersion) -> None:
        """A call found the model server away: before anything else is sent to what may come back."""
        # Else it was forgotten before, and this is old news.
        if target.model in self.watches and self.watches[target.model].may_answer(target):
            self._forget_all("the model server is away")

    def may_answer(self, model: str) -> bool:
        """Whether a version of a model has passed."""
        return model in self.watches and self.watches[model].latest is not None

    async def retire(self) -> None:
        """Finish what it has been given, within the time that a request may take; then close."""
        try:
            async with asyncio.timeout(self._settings.max_timeout_seconds):
                while any(watch.load for watch in self.watches.values()):  # noqa: ASYNC110 - once in a pod's life
                    await asyncio.sleep(_RETIRE_LOOK_SECONDS)
        except TimeoutError:
            _log.warning("the model server at %s has gone with images unanswered", self.address)
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of it; what still waits is answered as if it were away."""
        self._connection.cancel()
        await asyncio.wait([self._connection])
        for model in list(self.watches):
            self._drop(model)
        with contextlib.suppress(asyncio.CancelledError):
            await self.model_server.close()

    def _heard(self) -> None:
        for watch in self.watches.values():
            watch.heard()

    def _forget_all(self, why: str) -> None:
        for watch in self.watches.values():
            watch.forget_all(why)

    async def _follow_connection(self) -> None:
        """It may restart between two looks with no call under way, or the address lead elsewhere."""
        while True:
            await self.model_server.lost()
            self._forget_all("the connection to the model server broke")

    def _drop(self, model: str) -> None:
        self._running.pop(model).cancel()
        self.watches.pop(model).close("it is not served here any more")
        del self._entries[model]

    def _watch(self, model: str, entry: ModelEntry) -> ModelWatch:
        return ModelWatch(
            model,
            model_server=self.model_server,
            serve=self._serve,
            metrics=self._metrics,
            settings=self._settings,
            changes=self._changes,
            sidecar=entry.sidecar,
        )

    def _serve(self, target: ModelVersion) -> ServedVersion:
        return serve_version(
            target,
            self.model_server,
            settings=self._settings,
            metrics=self._metrics,
            away=functools.partial(self.away, target),
            heard=self._heard,
        )
