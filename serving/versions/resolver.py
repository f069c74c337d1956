"""From what a client asks for to the version, on a model server, that will answer it."""

from __future__ import annotations

import asyncio
import logging

from modelserver.errors import ModelServerAwayError, VersionNotFoundError
from serving.asking import NO_CHOICE, VersionChoice
from serving.load.deadline import Deadline
from serving.settings import Settings
from serving.versions.backends import Backends
from serving.versions.routing import Routing
from serving.versions.served_version import ServedVersion
from serving.versions.version_view import VersionView, version_views

_log = logging.getLogger(__name__)


class VersionResolver:
    """What models.toml says, held against what the model servers have.

    Attributes:
        routing: what models.toml says.
        backends: the model servers.
    """

    def __init__(self, routing: Routing, backends: Backends, *, settings: Settings) -> None:
        self.routing = routing
        self.backends = backends
        self._settings = settings

    async def run(self) -> None:
        """Follow models.toml and the model servers until cancelled."""
        self.backends.follow(self.routing.models)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.backends.run())
            tasks.create_task(self._follow_routing())

    def not_ready_because(self, model: str) -> str | None:
        """Why a request that names no version would get no answer; None where it would."""
        return self.backends.not_ready_because(model, self.stable_version(model))

    def expected(
        self, model: str, choice: VersionChoice = NO_CHOICE, *, sticky_key: str | None = None
    ) -> ServedVersion | None:
        """The version that would answer such a request now, as far as the gateway knows by itself.

        Args:
            model: its name.
            choice: what is asked for.
            sticky_key: see `ImagesRequest`; None for a request that no canary takes part in.

        Returns:
            None where none would, or where the model server must be asked for a label of its own.

        Raises:
            ModelNotFoundError: no such model.
        """
        if self._is_foreign_label(model, choice):
            return None
        return self.backends.least_loaded(model, self._own_choice(model, choice, sticky_key=sticky_key))

    def views(self, model: str) -> list[VersionView]:
        """All versions of a model that any model server knows of, newest first."""
        return version_views(self.backends.watches(model))

    def stable_version(self, model: str) -> int | None:
        """The version that answers where none is asked for; None for the newest that may.

        One that was just promoted may be unknown to the model servers yet, or fail its self-test: until it
        may answer, the one before does. Where neither may, it is the first that a self-test may still bring.
        """
        versions = self.routing.stable_versions(model)
        ready = [v for v in versions if self.backends.not_ready_because(model, v) is None]
        return (ready or [v for v in versions if self.backends.refusal(model, v) is None] or versions)[0]

    async def resolve(
        self,
        model: str,
        choice: VersionChoice = NO_CHOICE,
        *,
        deadline: Deadline,
        sticky_key: str = "",
        avoid: ServedVersion | None = None,
    ) -> ServedVersion:
        """The version that answers.

        Args:
            model: its name.
            choice: what is asked for.
            deadline: of the request.
            sticky_key: see `ImagesRequest`.
            avoid: what just failed the request: another is preferred, and one that is away is waited for a
                little.

        Raises:
            ModelNotFoundError: no such model.
            VersionNotFoundError: no such version, where the client asked for it.
            ContractBrokenError: it failed its self-test.
            ModelServerAwayError: nothing to answer with, or not in time.
        """
        version = await self._version(model, choice, deadline=deadline, sticky_key=sticky_key)
        try:
            return await self.backends.resolve(
                model,
                version,
                deadline=deadline if avoid is None else self._soon(deadline),
                avoid=() if avoid is None else (avoid,),
                patient=avoid is not None,
            )
        except VersionNotFoundError as exc:
            if choice.version is not None:
                raise
            # The client did not ask for it: models.toml did.
            raise ModelServerAwayError(f"{exc}, which models.toml names") from exc

    async def _version(
        self, model: str, choice: VersionChoice, *, deadline: Deadline, sticky_key: str
    ) -> int | None:
        if choice.label is not None and self._is_foreign_label(model, choice):
            return await self.backends.version_of_label(model, choice.label, deadline=deadline)
        return self._own_choice(model, choice, sticky_key=sticky_key)

    def _is_foreign_label(self, model: str, choice: VersionChoice) -> bool:
        """Whether it is not ours: only the model server may know what it stands for."""
        entry = self.routing.entry(model)
        return choice.version is None and choice.label is not None and choice.label not in entry.aliases

    def _own_choice(self, model: str, choice: VersionChoice, *, sticky_key: str | None) -> int | None:
        """The version that a choice means where models.toml knows it; None for the newest that may answer."""
        if choice.version is not None:
            return choice.version
        if choice.label is not None:
            return self.routing.entry(model).aliases[choice.label]
        canary = None if sticky_key is None else self.routing.canary_version(model, sticky_key)
        # A canary that cannot answer must not hurt: its share goes where the others go.
        if canary is not None and self.backends.not_ready_because(model, canary) is None:
            return canary
        return self.stable_version(model)

    def _soon(self, deadline: Deadline) -> Deadline:
        """How long a second attempt waits for a model server to come back."""
        return min(deadline, Deadline.after(self._settings.retry_wait_seconds), key=lambda d: d.at)

    async def _follow_routing(self) -> None:
        while True:
            await asyncio.sleep(self._settings.poll_seconds)
            try:
                if await asyncio.to_thread(self.routing.read_again):
                    _log.info("models.toml has changed and was read again")
                    self.backends.follow(self.routing.models)
            # A fault of ours must not end the following; the next look may go better.
            except Exception:  # noqa: BLE001
                _log.exception("unexpected error while following models.toml")
