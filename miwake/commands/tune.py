"""`miwake tune`: what a model server can do, and the settings that follow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tuning.choice import Plan
    from tuning.measurement import Measurement


@click.command()
@click.argument("address", metavar="HOST:PORT")
@click.option("--model", required=True, help="Its name on the model server; the newest version is measured.")
@click.option(
    "--latency",
    type=click.FloatRange(min=0, min_open=True),
    default=0.2,
    show_default=True,
    help="Seconds within which 99 in 100 images are answered, decoding not counted.",
)
@click.option(
    "--gateways",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="That will share one model server.",
)
@click.option(
    "--max-calls", type=click.IntRange(min=1), default=16, show_default=True, help="The most at once."
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=3.0,
    show_default=True,
    help="For each load that is tried.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for batching.config, gateway.env and autoscaler.yaml.",
)
def tune(  # noqa: PLR0913 - one argument an option
    address: str, *, model: str, latency: float, gateways: int, max_calls: int, seconds: float, out: Path
) -> None:
    """Measure the model server at HOST:PORT, and write the settings that follow.

    It should have nothing else to do, and run with at least --max-calls batch threads. Full use of it is what
    is measured; the plan leaves 30 % of that to bursts.
    """
    import asyncio

    from tuning.files import write
    from tuning.sweep import Limits
    from tuning.tune import tune as run

    click.echo("batch  calls  images/s     p50     p99")
    plan = asyncio.run(
        run(
            address,
            model,
            Limits(latency_seconds=latency, max_calls=max_calls, seconds=seconds),
            gateways=gateways,
            on_measured=lambda measurement: click.echo(_row(measurement)),
        )
    )
    paths = write(plan, out)
    for line in _lines(plan):
        click.echo(line)
    click.echo("written: " + ", ".join(map(str, paths)))


def _row(measured: Measurement) -> str:
    load = measured.load
    return (
        f"{load.batch_size:5}  {load.calls_in_flight:5}  {measured.images_per_second:8.1f}"
        f"  {measured.p50_seconds:6.3f}  {measured.p99_seconds:6.3f}"
    )


def _lines(plan: Plan) -> list[str]:
    load = plan.point.load
    return [
        f"chosen: batches of {load.batch_size}, {load.calls_in_flight} calls at once",
        f"a gateway refuses what would wait longer than {plan.max_wait_seconds:.3f} s",
        f"one that holds more than {plan.requests_in_flight} requests on average needs another beside it",
        f"for 1,000 images/s: {plan.model_servers(1000)} model servers",
    ]
