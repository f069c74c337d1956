"""A model server's configuration that follows a models.toml and the versions in its folders."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from contract.disk import write_atomically
from contract.errors import MiwakeError
from modelserver.models_config import served_config
from modelserver.models_file import read_models_file

_POLL_SECONDS = 1.0
_log = logging.getLogger(__name__)


class FollowedConfig:
    """Keeps a configuration file up to date for as long as the `async with` block lasts.

    A models.toml that cannot be read just now leaves it as it is.
    """

    def __init__(
        self,
        config: Path,
        models_file: Path,
        folders: Mapping[str, Path],
        *,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        """`folders` says where models lie; of any other it is beside the models.toml."""
        self._config = config
        self._models_file = models_file
        self._folders = folders
        self._poll_seconds = poll_seconds
        self._complained = ""
        self._follower: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Write it for the first time.

        Raises:
            ModelsFileError: the models.toml cannot be read.
            OSError: the configuration cannot be written.
        """
        await asyncio.to_thread(self._write)
        self._follower = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._follower is not None:
            self._follower.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._follower

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await asyncio.to_thread(self._write)
                self._complained = ""
            except (MiwakeError, OSError) as exc:
                self._complain(str(exc))
            # A fault of ours must not end the following; the next look may go better.
            except Exception:  # noqa: BLE001
                _log.exception("unexpected error while following %s", self._models_file)

    def _complain(self, text: str) -> None:
        """Once for each thing that is wrong, not every second."""
        if text != self._complained:
            _log.error("the model server goes on with what it has: %s", text)
        self._complained = text

    def _write(self) -> None:
        models_file = read_models_file(self._models_file)
        text = served_config(models_file, self._folder_of, base_path="")
        if not self._config.exists() or self._config.read_text("utf-8") != text:
            write_atomically(self._config, text)

    def _folder_of(self, name: str) -> Path:
        return self._folders.get(name, self._models_file.parent / name)
