"""The supervisor on real child processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from modelserver.supervisor import Supervisor

pytestmark = pytest.mark.slow

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until_alive_with_another_pid(supervisor: Supervisor, pid: int) -> int:
    async with asyncio.timeout(10):
        while supervisor.pid in (None, pid):
            await asyncio.sleep(0.02)
    assert supervisor.pid is not None
    return supervisor.pid


async def test_a_child_that_dies_is_started_again() -> None:
    async with Supervisor(SLEEPER) as supervisor:
        first = supervisor.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)

        second = await until_alive_with_another_pid(supervisor, first)

        assert is_alive(second)
    assert not is_alive(second)


async def test_a_child_has_what_is_set_for_it_beside_this_processs_own_environment(tmp_path: Path) -> None:
    said = tmp_path / "said"
    says = f'echo "$LEVEL $PATH" > {said}.tmp; mv {said}.tmp {said}; sleep 600'
    async with Supervisor(("sh", "-c", says), environment={"LEVEL": "2"}), asyncio.timeout(10):
        while not said.exists():
            await asyncio.sleep(0.02)

    assert said.read_text() == f"2 {os.environ['PATH']}\n"


async def test_a_child_that_will_not_go_is_killed_after_its_grace() -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    async with Supervisor((sys.executable, "-c", stubborn), grace_seconds=0.3) as supervisor:
        await asyncio.sleep(0.5)
        pid = supervisor.pid
        assert pid is not None

    assert not is_alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_the_child_goes_when_the_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent("""
                import asyncio, sys
                from modelserver.supervisor import Supervisor
                command = (sys.executable, "-c", "import time; time.sleep(600)")
                async def main():
                    async with Supervisor(command) as supervisor:
                        await asyncio.sleep(0.5)
                        print(supervisor.pid, flush=True)
                        await asyncio.sleep(600)
                asyncio.run(main())
            """),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    parent.kill()
    parent.wait()
    parent.stdout.close()

    give_up = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not is_alive(child)


async def test_a_child_that_cannot_be_started_for_a_moment_is_started_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Supervisor(SLEEPER) as supervisor:
        first = supervisor.pid
        assert first is not None
        interpreter = sys.executable
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        os.kill(first, signal.SIGKILL)
        await asyncio.sleep(0.5)
        monkeypatch.setattr(sys, "executable", interpreter)

        await until_alive_with_another_pid(supervisor, first)
