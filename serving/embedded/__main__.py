"""`python -m serving.embedded`: run the embedded model server until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from modelserver.quiet_import import ERRORS_ONLY, LOG_LEVEL, SILENT, import_quietly
from serving.embedded.arguments import parse_arguments
from serving.embedded.errors import ConfigError

GRACE_SECONDS = 5.0
_ENDING = frozenset({signal.SIGTERM, signal.SIGINT})
_SIGNAL_CHECK_SECONDS = 0.05
_LOG = logging.getLogger("serving.embedded")


def main(arguments: Sequence[str]) -> int:
    """Serve; the process's exit status."""
    options = parse_arguments(arguments)
    # Blocked and waited for, in every thread from here on: a handler could run while this thread holds the
    # very lock that the handler needs to wake it.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    _quiet_tensorflow()
    try:
        server = _create_server(options)
    except ConfigError as exc:
        _LOG.error("%s", exc)
        return 1
    server.watcher.start()
    while not (_is_ending() or server.watcher.polled_once.wait(_SIGNAL_CHECK_SECONDS)):
        pass
    try:
        _serve_until_ending(server)
    except RuntimeError as exc:
        _LOG.error("cannot listen on %s: %s", server.address, exc)
        return _ended(server.stop(grace_seconds=0), status=1)
    _LOG.info("stopping")
    return _ended(server.stop(grace_seconds=GRACE_SECONDS), status=0)


def _is_ending() -> bool:
    return not _ENDING.isdisjoint(signal.sigpending())


def _create_server(options: argparse.Namespace) -> Any:
    # Here and not above: TensorFlow takes seconds to import and reads its environment while it does.
    from serving.embedded.config_file import ConfigFile  # noqa: PLC0415
    from serving.embedded.server import Listen, create_server  # noqa: PLC0415

    return create_server(
        ConfigFile(options.model_config_file, poll_seconds=options.model_config_file_poll_wait_seconds),
        Listen(socket=options.grpc_socket_path, port=options.port or 0),
        poll_seconds=options.file_system_poll_wait_seconds,
        max_workers=options.grpc_max_threads,
    )


def _serve_until_ending(server: Any) -> None:
    """Answer calls; none if the signal came while the models were loading."""
    if _is_ending():
        return
    server.open()
    sys.stdout.write(f"listening on {server.address}\n")
    sys.stdout.flush()
    signal.sigwait(_ENDING)


def _ended(everything_ended: bool, *, status: int) -> int:
    """The status; or the end at once, where a load goes on that nothing can interrupt."""
    if not everything_ended:
        logging.shutdown()
        os._exit(status)
    return status


def _quiet_tensorflow() -> None:
    """Keep TensorFlow to itself, unless the user wants to hear it or to give it all of a GPU's memory."""
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    import_quietly("tensorflow")


if __name__ == "__main__":
    errors_only = os.environ.get(LOG_LEVEL) == ERRORS_ONLY
    if errors_only:  # of TensorFlow's own, which is most often that there is no GPU, the real ones are raised
        os.environ[LOG_LEVEL] = SILENT
    level = logging.WARNING if errors_only else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    sys.exit(main(sys.argv[1:]))
