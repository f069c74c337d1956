"""`miwake serve`: the gateway, and a model server where none runs yet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("models", required=False, type=click.Path(path_type=Path))
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on. [default: 8000]")
@click.option(
    "--model-server",
    metavar="auto|local|embedded|HOST:PORT",
    help="Start tensorflow_model_server (local), the embedded one, or whichever is installed (auto); "
    "or use one that runs. [default: auto]",
)
@click.option(
    "--model",
    "names",
    multiple=True,
    help="Name of a model to serve, the default first; repeatable. All of MODELS where left out.",
)
def serve(
    models: Path | None,
    *,
    host: str | None,
    port: int | None,
    model_server: str | None,
    names: tuple[str, ...],
) -> None:
    """Answer HTTP with the models of a folder: MODELS/<model>/<integer>/saved_model.pb.

    MODELS is not needed with a model server that runs already: its models are named by --model or by
    MIWAKE_MODELS. Options come before the environment's MIWAKE_..., which serving/settings.py lists.
    """
    # Read when gRPC is imported: our children exec at once, and it would report each it did not prepare for.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    from modelserver.launch import Kind
    from serving.run import serve as run

    folders = _folders(models, names)
    settings = _settings(
        host=host, port=port, model_server=model_server, models=names or tuple(folders) or None
    )
    kind = Kind(settings.model_server) if settings.model_server in set(Kind) else settings.model_server
    if isinstance(kind, Kind) and models is None:
        raise click.UsageError("MODELS is needed to start a model server")
    run(settings, model_server=kind, models=folders)


def _folders(models: Path | None, names: tuple[str, ...]) -> dict[str, Path]:
    from contract.errors import ModelFolderError
    from contract.model_folder import model_folders

    if models is None:
        return {}
    found = model_folders(models)
    for name in names:
        if name not in found:
            raise ModelFolderError(f"no model {name!r} in {models}; there are: {', '.join(found)}")
    return {name: found[name] for name in names} if names else found


def _settings(**given: Any) -> Any:
    """Options where they were given, the environment for the rest."""
    from pydantic import ValidationError

    from serving.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        if first["loc"] == ("models",) and first["type"] == "missing":
            raise click.UsageError("MODELS is needed, or the names of a running server's: --model") from exc
        name = "".join(f"MIWAKE_{field}: ".upper() for field in first["loc"][:1])
        raise click.ClickException(f"{name}{first['msg']}") from exc
