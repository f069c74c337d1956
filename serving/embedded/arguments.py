"""The command line of the embedded model server. Imports no TensorFlow, so `--help` is quick."""

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
        description="A model server for laptops and tests that speaks TensorFlow Serving's gRPC API.",
    )
    _add_models(parser)
    address = parser.add_mutually_exclusive_group(required=True)
    address.add_argument("--socket", type=Path, metavar="PATH", help="listen on a Unix socket")
    address.add_argument("--port", type=_port, metavar="N", help="listen on 127.0.0.1; 0 for any free port")
    parser.add_argument(
        "--poll-seconds",
        type=_positive_number,
        default=1.0,
        metavar="SECONDS",
        help="look for new versions this often (default: %(default)s)",
    )
    parser.add_argument(
        "--versions",
        type=_positive_integer,
        default=2,
        metavar="N",
        help="keep the newest N versions of a model loaded (default: %(default)s)",
    )
    parser.add_argument(
        "--max-workers",
        type=_positive_integer,
        metavar="N",
        help="calls answered at once (default: four a core)",
    )
    parsed = parser.parse_args(arguments)
    if parsed.models is None and not parsed.model:
        parser.error("one of the arguments --models --model is required")
    return parsed


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models",
        type=Path,
        metavar="DIR",
        help="serve DIR/<model>/<integer>/saved_model.pb, models that appear later too",
    )
    parser.add_argument(
        "--model",
        type=_named_path,
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="serve PATH/<integer>/saved_model.pb as NAME; may be repeated",
    )


def _named_path(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if not name or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH")
    return name, Path(path)


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {_LAST_PORT}")
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
