"""`miwake train`: from a folder of photographs to a published version."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from training.recipe import Recipe
    from training.train import TrainingResult

DEFAULT_RECIPE = "efficientnet-lite0-linear"
_STATUS_OF_SIGTERM = 128 + signal.SIGTERM
_ENDING = (signal.SIGTERM, signal.SIGALRM)  # the second is the first one put off
_SOON_SECONDS = 0.01


@click.command()
@click.argument("photographs", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Of the model.")
@click.option(
    "--models", required=True, type=click.Path(path_type=Path), help="Versions go to MODELS/NAME/<integer>."
)
@click.option(
    "--recipe", default=DEFAULT_RECIPE, show_default=True, help="A name (miwake recipes) or a TOML file."
)
@click.option(
    "--weights", metavar="imagenet|none|PATH", help="What to start from, where not as the recipe says."
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 4), default=0, show_default=True)
@click.option(
    "--cache", type=click.Path(path_type=Path), help="For decoded pixels. [default: ~/.cache/miwake]"
)
@click.option(
    "--golden",
    type=click.Choice(["generated", "photographs"]),
    default="generated",
    show_default=True,
    help="The pictures that travel inside the model and that every server replays before it answers.",
)
@click.option("--keep-keras/--no-keep-keras", default=True, help="Put model.keras beside the SavedModel.")
def train(  # noqa: PLR0913 - one argument an option
    photographs: Path,
    *,
    name: str,
    models: Path,
    recipe: str,
    weights: str | None,
    seed: int,
    cache: Path | None,
    golden: str,
    keep_keras: bool,
) -> None:
    """Train on PHOTOGRAPHS, a folder for each class, and publish a version.

    PHOTOGRAPHS holds the classes, or train/, validation/ and test/ that hold them.
    """
    from modelserver.quiet_import import import_quietly

    import_quietly("tensorflow")
    from training.train import train as run

    labels_before = _labels_of_newest(models / name)
    with _sigterm_ends_the_run():
        result = run(
            photographs,
            name=name,
            models=models,
            recipe=_recipe(recipe, weights=weights),
            seed=seed,
            cache=cache,
            golden="photographs" if golden == "photographs" else "generated",
            keep_keras=keep_keras,
        )
    _show(result)
    _warn_of_other_labels(result.version, labels_before)


def _labels_of_newest(base: Path) -> frozenset[str]:
    """What the model answers until now; empty where there is none yet, or none of ours."""
    from contract.errors import MiwakeError
    from contract.model_folder import newest_version, read_manifest

    try:
        return frozenset(read_manifest(newest_version(base)[1]).labels)
    except MiwakeError:
        return frozenset()


def _warn_of_other_labels(version: Path, before: frozenset[str]) -> None:
    """A gateway begins to answer by a new version at once: other labels should not come as a surprise."""
    from contract.model_folder import read_manifest

    now = frozenset(read_manifest(version).labels)
    if before and now != before:
        changes = [f"-{label}" for label in sorted(before - now)] + [
            f"+{label}" for label in sorted(now - before)
        ]
        click.echo(f"warning: other labels than the version before: {' '.join(changes)}", err=True)


@contextmanager
def _sigterm_ends_the_run() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that nothing half-written stays behind."""

    def end(_number: int, frame: FrameType | None) -> None:
        if _in_finalizer(frame):  # Python would throw the exception away: in a moment, then
            signal.setitimer(signal.ITIMER_REAL, _SOON_SECONDS)
            return
        for number in _ENDING:  # a second one must not interrupt the clean-up
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(_STATUS_OF_SIGTERM)

    before = {number: signal.signal(number, end) for number in _ENDING}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_finalizer(frame: FrameType | None) -> bool:
    """Whether a `__del__` is running; TensorFlow has many."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def _recipe(name_or_path: str, *, weights: str | None) -> Recipe:
    import dataclasses

    from training.recipe import load_recipe

    recipe = load_recipe(name_or_path)
    return recipe if weights is None else dataclasses.replace(recipe, weights=weights)


def _show(result: TrainingResult) -> None:
    for entry in result.unreadable:
        click.echo(f"left out: {entry.path}: {entry.detail} [{entry.code}]", err=True)
    if result.duplicates:
        click.echo(
            f"left out: {len(result.duplicates)} photographs of train/ or validation/ with the bytes of a "
            "held-out one (report.json lists them)",
            err=True,
        )
    if not result.golden_is_firm:
        click.echo(
            "warning: the model tells none of the generated golden examples apart firmly, so another machine "
            "may refuse it; train longer, or with --golden photographs",
            err=True,
        )
    evaluation = result.evaluation
    phases = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in result.seconds.items())
    click.echo(f"test accuracy {evaluation.accuracy:.4f} on {evaluation.images} images")
    click.echo(f"seconds: {phases}")
    click.echo(f"published {result.version}")
