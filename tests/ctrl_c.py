"""Children that end at Ctrl-C, wherever the tests run."""

from __future__ import annotations

import signal


def heed_ctrl_c() -> None:
    """What a shell starts in the background ignores SIGINT, and so do its children: the tests may be such."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
