"""`miwake demo`: the whole line on photographs that come with a package, in two or three minutes."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

_NAME = "hand-signs"
_START_TIMEOUT_SECONDS = 120.0


@click.command()
@click.option("--models", type=click.Path(path_type=Path), default=Path("models"), show_default=True)
@click.option(
    "--photographs", type=click.Path(path_type=Path), default=Path("photographs"), show_default=True
)
@click.option("--train-only", is_flag=True, help="Stop once the model is published.")
@click.option("--port", type=int, default=8137, show_default=True, help="For the gateway.")
@click.pass_context
def demo(ctx: click.Context, *, models: Path, photographs: Path, train_only: bool, port: int) -> None:
    """Train on photographs of hands, serve the model, and send it one it never saw."""
    from miwake.commands.train import train
    from training.hand_signs import extract

    folder = photographs / _NAME
    _step(f"photographs of hands that show 0 to 5 fingers: {folder}")
    extract(folder)
    _step(f"miwake train {folder} --name {_NAME} --models {models}")
    ctx.invoke(train, photographs=folder, name=_NAME, models=models)
    if train_only:
        return
    picture = random.choice(sorted((folder / "test").glob("*/*.png")))  # noqa: S311 - which one is shown
    url = f"http://127.0.0.1:{port}"
    _step(f"miwake serve {models} --port {port}")
    with _gateway(models, url, port=port):
        _step(f"miwake predict {picture} --url {url}")
        _ask(url, picture)
    program = "miwake" if shutil.which("miwake") else sys.argv[0]
    click.echo(
        "\nNext:\n"
        f"  {program} serve {models}     leave it running (or: make serve), and then\n"
        f"  curl -F image=@{picture} http://127.0.0.1:8000/predict\n"
        "  http://127.0.0.1:8000/docs     the API, to be tried in a browser\n"
        f"  {program} train YOUR-PHOTOGRAPHS --name yours --models {models}"
    )


def _step(text: str) -> None:
    click.secho(f"\n> {text}", bold=True)


def _ask(url: str, picture: Path) -> None:
    from miwake import Client

    with Client(url) as client:
        prediction = client.predict(picture)
    click.echo(f"{picture} shows {picture.parent.name}")
    click.echo(f"answer: {prediction.label}, probability {prediction.probability:.4f}")
    for candidate in prediction.top:
        click.echo(f"  {candidate.probability:.6f}  {candidate.label}")


@contextmanager
def _gateway(models: Path, url: str, *, port: int) -> Iterator[None]:
    """The gateway as a process of its own; what it logs is shown only if it does not come up."""
    command = [sys.executable, "-m", "miwake", "serve", str(models), "--model", _NAME, "--port", str(port)]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=log, stderr=log) as process:  # noqa: S603
        try:
            if not _comes_up(process, url):
                log.seek(0)
                click.echo(log.read(), err=True)
                raise click.ClickException("the gateway did not come up")
            yield
        finally:
            process.terminate()


def _comes_up(process: subprocess.Popen[bytes], url: str) -> bool:
    from miwake import Client

    give_up = time.monotonic() + _START_TIMEOUT_SECONDS
    with Client(url) as client:
        while process.poll() is None and time.monotonic() < give_up:
            if client.is_ready():
                return True
            time.sleep(0.2)
    return False
