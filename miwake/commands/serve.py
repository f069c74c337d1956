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
@click.option(
    "--models-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Models, aliases and shares instead of names. [default: MODELS/models.toml where there is one]",
)
def serve(  # noqa: PLR0913 - one argument an option
    models: Path | None,
    *,
    host: str | None,
    port: int | None,
    model_server: str | None,
    names: tuple[str, ...],
    models_file: Path | None,
) -> None:
    """Answer HTTP with the models of a folder: MODELS/<model>/<integer>/saved_model.pb.

    MODELS is not needed with a model server that runs already: its models are named by --model or by
    --models-file. Options come before the environment's MIWAKE_..., which serving/settings.py lists.
    """
    # Read when gRPC is imported: our children exec at once, and it would report each it did not prepare for.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    from modelserver.launch import Kind, find_models_file
    from serving.run import StartedModelServer
    from serving.run import serve as run

    folders = _folders(models, names)
    settings = _settings(host=host, port=port, model_server=model_server, models_file=models_file)
    if names and settings.models_file is not None:
        raise click.UsageError("give --model or --models-file, not both")
    path = settings.models_file or (find_models_file(models) if models and not names else None)
    routing = _routing(path, names or tuple(folders))
    if settings.model_server not in set(Kind):
        run(settings, routing, model_server=settings.model_server)
        return
    if models is None:
        raise click.UsageError("MODELS is needed to start a model server")
    kind = Kind(settings.model_server)
    started = StartedModelServer(kind=kind, models=folders, models_file=path)
    run(settings, routing, model_server=started)


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


def _routing(path: Path | None, names: tuple[str, ...]) -> Any:
    """By the models.toml, or the newest version of each name."""
    from modelserver.models_file import ModelsFile, read_models_file
    from serving.versions.routing import Routing

    if path is not None and path.suffix == ".toml":
        return Routing(read_models_file(path), path=path)
    if not names:
        raise click.UsageError("MODELS is needed, or a running server's models: --model or --models-file")
    return Routing(ModelsFile.of(names))


def _settings(**given: Any) -> Any:
    """Options where they were given, the environment for the rest."""
    from pydantic import ValidationError

    from serving.settings import Settings

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        name = "".join(f"MIWAKE_{field}: ".upper() for field in first["loc"][:1])
        raise click.ClickException(f"{name}{first['msg'].removeprefix('Value error, ')}") from exc
