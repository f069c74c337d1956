"""Keeps a child process running: restarted when it dies, gone when the parent goes."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Self

_log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
# A child that lived this long died of something new: the next pause is the first one again.
STEADY_SECONDS = 30.0


class Supervisor:
    """Runs one command for as long as the `async with` block lasts.

    Must be entered in the main thread: the kernel's parent-death signal follows the thread that forked.

    Args:
        command: and its arguments.
        environment: beside this process's own.
        grace_seconds: between SIGTERM and SIGKILL, at the end.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] = MappingProxyType({}),
        grace_seconds: float = 5.0,
    ) -> None:
        self._command = tuple(command)
        self._environment = environment
        self._grace_seconds = grace_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the child; None between two lives."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def __aenter__(self) -> Self:
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep_running())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        await self._end_child()

    async def _spawn(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "modelserver.child",
            str(os.getpid()),
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            env=os.environ | self._environment,
        )

    async def _keep_running(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while self._process is not None:
            started = time.monotonic()
            status = await self._process.wait()
            if time.monotonic() - started > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            _log.error("the model server ended with status %d; next try in %.1f s", status, pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            try:
                await self._spawn()
            except OSError as exc:  # no memory or no process to be had just now: another failed life
                _log.error("the model server cannot be started: %s", exc.strerror)

    async def _end_child(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._grace_seconds)
        except TimeoutError:
            process.kill()
            await process.wait()
