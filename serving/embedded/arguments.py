"""The command line of the embedded model server: the flags that TensorFlow Serving has for the same.

Imports no TensorFlow, so `--help` is quick.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

_LAST_PORT = 65535


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line.

    Raises:
        SystemExit: something in it is wrong, or help was asked for.
    """
    parser = argparse.ArgumentParser(
        prog="python -m serving.embedded",
        description="A model server for laptops and tests that speaks TensorFlow Serving's gRPC API and "
        "takes its flags.",
        allow_abbrev=False,
    )
    address = parser.add_mutually_exclusive_group(required=True)
    address.add_argument("--grpc_socket_path", type=Path, metavar="PATH", help="listen on a Unix socket")
    address.add_argument("--port", type=_port, metavar="N", help="listen on 127.0.0.1; 0 for any free port")
    parser.add_argument(
        "--model_config_file",
        type=Path,
        required=True,
        metavar="PATH",
        help="what is served: a ModelServerConfig in text form",
    )
    parser.add_argument(
        "--model_config_file_poll_wait_seconds",
        type=_number,
        default=0.0,
        metavar="SECONDS",
        help="read it again this often; 0 for never (default: %(default)s)",
    )
    parser.add_argument(
        "--file_system_poll_wait_seconds",
        type=_positive_number,
        default=1.0,
        metavar="SECONDS",
        help="look for new versions this often (default: %(default)s)",
    )
    parser.add_argument(
        "--grpc_max_threads",
        type=_positive_integer,
        metavar="N",
        help="calls answered at once (default: four a core)",
    )
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {_LAST_PORT}")
    return value


def _number(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text} is not 0 or above")
    return value


def _positive_number(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _positive_integer(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value
