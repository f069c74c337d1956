"""Become a command that dies with its parent: `python -m modelserver.child PARENT_PID COMMAND…`.

The supervisor starts every model server through this file. The kernel's parent-death signal survives
exec, so it works for a C++ server as for a Python one, even when the parent is killed with SIGKILL. Other
systems than Linux have no such signal; there a killed parent leaves its model server running.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Ask for the signal, make sure the parent is still there, and exec."""
    parent, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):  # it died before the signal was set
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted; the command is the supervisor's


if __name__ == "__main__":
    main(sys.argv[1:])
