"""`miwake keys`: who may call a gateway."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from serving.callers.keys_file import Key

_file = click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("keys.toml"),
    show_default=True,
    help="What the gateway's MIWAKE_KEYS_FILE names.",
)


@click.group()
def keys() -> None:
    """Make, list and revoke API keys.

    The file holds their SHA-256 digests alone. A running gateway sees a change within a second or two.
    """


@keys.command()
@click.argument("name")
@_file
@click.option(
    "--requests-per-second",
    type=click.FloatRange(min=0, min_open=True),
    help="In the long run. [default: any]",
)
@click.option("--burst", type=click.IntRange(min=1), help="At once. [default: those of one second]")
@click.option("--model", "models", multiple=True, help="One that it may use; repeatable. [default: all]")
@click.option(
    "--expires", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="In UTC. [default: never]"
)
def new(  # noqa: PLR0913 - one argument an option
    name: str,
    *,
    path: Path,
    requests_per_second: float | None,
    burst: int | None,
    models: tuple[str, ...],
    expires: datetime | None,
) -> None:
    """Make a key and print it: nobody can ever read it again."""
    from serving.callers.new_keys import Allowance, add_key

    allowance = Allowance(
        requests_per_second=requests_per_second,
        burst=burst,
        models=models or None,
        expires=expires.replace(tzinfo=UTC) if expires else None,
    )
    click.echo(add_key(path, name, allowance))
    click.echo(f"{path} has its digest; keep the key, it is shown only now", err=True)


@keys.command(name="list")
@_file
def list_command(path: Path) -> None:
    """Print each key's name, what logs and metrics call it, and what it may do."""
    from serving.callers.new_keys import list_keys

    for key in list_keys(path):
        click.echo(f"{key.name}  {key.caller.digest}  {_allowance(key)}")


@keys.command()
@click.argument("name")
@_file
def revoke(name: str, *, path: Path) -> None:
    """Take a key away."""
    from serving.callers.new_keys import revoke_key

    revoke_key(path, name)
    click.echo(f"{name} is revoked")


def _allowance(key: Key) -> str:
    rate, models = key.caller.rate, key.caller.models
    said = [f"{rate.requests_per_second:g} requests/s, {rate.burst} at once" if rate else "any rate"]
    said.append(f"models {', '.join(sorted(models))}" if models is not None else "all models")
    if key.expires is not None:
        over = " (over)" if key.has_expired(datetime.now(UTC)) else ""
        said.append(f"until {key.expires:%Y-%m-%d %H:%M:%S %Z}{over}")
    return "; ".join(said)
