"""`miwake serve` as a user starts it: a process of its own, spoken to over its real port."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class GatewayProcess:
    """Started on entering, ready once entered, ended on leaving."""

    def __init__(
        self,
        models: Path | None,
        *arguments: str,
        log: Path,
        program: Sequence[str] = (sys.executable, "-m", "miwake"),
        environment: dict[str, str] | None = None,
        wait: bool = True,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [
            *program,
            "serve",
            *([str(models)] if models else []),
            "--port",
            str(self.port),
            *arguments,
        ]
        # Nobody is in front of it who must notice first.
        self._environment = os.environ | {"MIWAKE_DRAIN_SECONDS": "0"} | (environment or {})
        self._log = log
        self._wait = wait

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, env=self._environment)
        if self._wait:
            try:
                self.wait_until_ready()
            except BaseException:  # nobody will leave what was never entered
                self.process.kill()
                self.process.wait()
                raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_until_ready(self, *, ready: bool = True, seconds: float = 90) -> None:
        give_up = time.monotonic() + seconds
        while self._is_ready() is not ready:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < give_up, self.log
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").is_success
        except httpx.TransportError:
            return False

    def model_server_pid(self) -> int:
        """Of the supervised child."""
        return next(pid for pid in children(self.process.pid) if b"serving.embedded" in command_line(pid))

    def resident_bytes(self) -> int:
        return self._status_bytes("VmRSS")

    def peak_bytes(self) -> int:
        """The most it was resident since it started, or since `reset_peak`."""
        return self._status_bytes("VmHWM")

    def reset_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _status_bytes(self, field: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(rf"{field}:\s+(\d+) kB", status)
        assert match
        return int(match[1]) * 1024


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def until_gone(pid: int, *, seconds: float = 10) -> None:
    give_up = time.monotonic() + seconds
    while is_running(pid):
        assert time.monotonic() < give_up, f"{pid} is still there"
        time.sleep(0.05)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
