"""`miwake score`: labels for an archive of photographs, each exactly once."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from scoring.job import Job
    from scoring.run import Engine, Outcome
    from scoring.sources.listed import Shard


# Options that a job has under the same names.
_AS_THEY_ARE = (
    "out",
    "max_image_bytes",
    "dedupe",
    "part_rows",
    "quarantine",
    "max_errors",
    "follow_versions",
    "wait_seconds",
    "threads",
    "calls",
)
_SHARD = re.compile(r"([0-9]+)/([0-9]+)")


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--to",
    required=True,
    metavar="TARGET",
    help="Where the model is: http://GATEWAY, grpc://HOST:PORT of a TensorFlow Serving, or a model folder.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="A file (.parquet, .jsonl, .csv), or a folder of parts.",
)
@click.option(
    "--format", "format_", type=click.Choice(["parquet", "jsonl", "csv"]), help="[default: by --out]"
)
@click.option("--model", help="Its name at TARGET; a gateway has a default one.")
@click.option("--model-version", type=click.IntRange(min=0), help="[default: the newest at the start]")
@click.option(
    "--follow-versions",
    is_flag=True,
    help="Go on with the next version where the first one is not served any more.",
)
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="Candidates an image.")
@click.option("--embeddings", is_flag=True, help="A column of feature vectors.")
@click.option("--heatmaps", is_flag=True, help="A column of Grad-CAM heat maps, gray PNGs.")
@click.option("--dedupe", is_flag=True, help="Predict photographs of equal bytes once.")
@click.option(
    "--shard", metavar="I/N", default="0/1", show_default=True, help="Score the I-th of N parts, I from 0."
)
@click.option("--quarantine", type=click.Path(path_type=Path), help="A folder for copies of refused files.")
@click.option("--max-errors", type=click.IntRange(min=0), help="Stop where more photographs are refused.")
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=0),
    default=600.0,
    show_default=True,
    help="Seconds to wait for a TARGET that answers nothing.",
)
@click.option("--max-image-bytes", type=click.IntRange(min=1), default=32 * 1024 * 1024, show_default=True)
@click.option("--max-image-pixels", type=click.IntRange(min=1), default=50_000_000, show_default=True)
@click.option(
    "--part-rows", type=click.IntRange(min=1), default=10_000, show_default=True, help="Photographs a part."
)
@click.option(
    "--threads", type=click.IntRange(min=1), help="That read and decode. [default: one a core; 16 for URLs]"
)
@click.option(
    "--calls",
    type=click.IntRange(min=1),
    help="Under way at once. [default: 3 batches; 6 requests of 4 images at a gateway]",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="What runs the work.",
)
@click.option("--address", help="Of the Ray cluster. [default: what Ray itself finds or starts]")
@click.option(
    "--api-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Holds the key that the gateway asks for.",
)
@click.option("--quiet", is_flag=True, help="No progress bar.")
def score(sources: tuple[str, ...], *, quiet: bool, **options: Any) -> None:
    """Label every photograph of SOURCES, once.

    SOURCE is a file, a folder, a glob, a zip or tar file, a URL that fsspec reads (s3://, gs://, http://,
    zip://...), or @LIST: a file with a path a line, or @TABLE.parquet#COLUMN.

    A run that was killed goes on when the same command is given again. What cannot be read has its row too,
    with a code that says why.
    """
    from scoring.progress import Bar
    from scoring.run import score as run

    job = _job(sources, **options)
    with Bar(quiet=quiet) as bar:
        outcome = run(job, bar, engine=_engine(options["engine"], options["address"]))
    _tell(outcome, job.out)


def _job(sources: tuple[str, ...], **options: Any) -> Job:
    from scoring.job import Job
    from scoring.output.layout import Format
    from scoring.row import Extras
    from scoring.targets.opening import Address
    from scoring.targets.target import Wanted

    key_file: Path | None = options["api_key_file"]
    # What is no UTF-8 is no key either, and the client says so without repeating it.
    api_key = key_file.read_text("utf-8", "replace").strip() if key_file else None
    extras = Extras(embedding=options["embeddings"], heatmap=options["heatmaps"])
    return Job(
        sources=sources,
        address=Address(to=options["to"], model=options["model"], api_key=api_key),
        version=options["model_version"],
        format=Format(options["format_"]) if options["format_"] else None,
        wanted=Wanted(top_k=options["top"], extras=extras, max_pixels=options["max_image_pixels"]),
        shard=_shard(options["shard"]),
        **{name: options[name] for name in _AS_THEY_ARE},
    )


def _shard(text: str) -> Shard:
    from scoring.sources.listed import Shard

    found = _SHARD.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is not I/N", param_hint="--shard")
    try:
        return Shard(int(found[1]), int(found[2]))
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint="--shard") from exc


def _engine(name: str, address: str | None) -> Engine:
    if name == "ray":
        from scoring.ray_engine import ray_engine

        return ray_engine(address)
    if address is not None:
        raise click.UsageError("--address is of a Ray cluster: give --engine ray")
    from scoring.local_engine import local_engine

    return local_engine


def _tell(outcome: Outcome, out: Path) -> None:
    """For a person at a terminal, or one JSON document for a program."""
    if not sys.stdout.isatty():
        click.echo(json.dumps(outcome.to_dict() | {"out": str(out)}, ensure_ascii=False))
        return
    click.echo(f"{out}: {outcome.photographs} photographs, {outcome.errors} of them refused")
    if outcome.new:
        rate = outcome.new / outcome.seconds
        click.echo(f"{outcome.new} in {outcome.seconds:.1f} s, {rate:.0f} a second, by {outcome.pinned}")
