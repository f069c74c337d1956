"""The `miwake` command: parses, then imports the package it needs."""

from __future__ import annotations

from typing import Any

import click

from contract.errors import MiwakeError
from miwake.commands.advise import advise
from miwake.commands.compare import compare
from miwake.commands.demo import demo
from miwake.commands.evaluate import evaluate
from miwake.commands.filters import filters
from miwake.commands.keys import keys
from miwake.commands.models import models
from miwake.commands.predict import predict
from miwake.commands.recipes import recipes
from miwake.commands.score import score
from miwake.commands.serve import serve
from miwake.commands.split import split
from miwake.commands.train import train
from miwake.commands.tune import tune

# What a command imports first, and the extra that brings it.
_EXTRAS = {
    "fastapi": "serving",
    "fsspec": "scoring",
    "grpc": "scoring",
    "h5py": "training",
    "jwt": "serving",
    "keras": "training",
    "matplotlib": "training",
    "pyarrow": "scoring",
    "pydantic": "serving",
    "ray": "ray",
    "scipy": "training",
    "sklearn": "training",
    "tensorflow": "training",
    "tomlkit": "serving",
    "uvicorn": "serving",
}


class _Group(click.Group):
    """Shows our own errors, the file system's and a missing extra as one line and a non-zero status."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MiwakeError as exc:
            raise click.ClickException(str(exc)) from exc
        except ModuleNotFoundError as exc:
            if exc.name not in _EXTRAS:
                raise
            extra = _EXTRAS[exc.name]
            raise click.ClickException(
                f"{exc.name} is missing: install miwake with its extra [{extra}]"
            ) from exc
        except BrokenPipeError:  # whoever read our output has seen enough: click ends quietly
            raise
        except OSError as exc:
            where = f"{exc.filename}: " if exc.filename else ""
            raise click.ClickException(f"{where}{exc.strerror or exc}") from exc


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="miwake")
def main() -> None:
    """From a folder of labelled photographs to an image classifier behind HTTP."""


for _command in (
    advise,
    split,
    train,
    compare,
    evaluate,
    serve,
    predict,
    score,
    recipes,
    demo,
    filters,
    keys,
    models,
    tune,
):
    main.add_command(_command)
