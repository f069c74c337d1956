"""`miwake train`: from a folder of photographs to a published version."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from training.advice.advise import Advice
    from training.train import TrainingResult

_STATUS_OF_CTRL_C, _STATUS_OF_SIGTERM = 128 + signal.SIGINT, 128 + signal.SIGTERM
_ENDING = (signal.SIGTERM, signal.SIGALRM)  # the second is the first one put off
_SOON_SECONDS = 0.01
_AUTO = "auto"


@click.command()
@click.argument("photographs", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Of the model.")
@click.option(
    "--models", required=True, type=click.Path(path_type=Path), help="Versions go to MODELS/NAME/<integer>."
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Reports go to RUNS/<id>. An interrupted run is gone on with by the same command.",
)
@click.option("--fresh", is_flag=True, help="Start anew where a run was interrupted.")
@click.option(
    "--recipe",
    metavar="NAME|FILE|auto",
    help="A name (miwake recipes), a TOML file, or auto: what `miwake advise` says.  [default: "
    "efficientnet-lite0-finetune; efficientnet-lite0-small-pictures where there are at least 10,000 to learn "
    "from and none of 100 looked at has a side above 64 pixels]",
)
@click.option(
    "--backbone",
    metavar="NAME",
    help="A network of keras.applications instead of the recipe's, which is linear where none is named.",
)
@click.option(
    "--weights", metavar="imagenet|none|PATH", help="What to start from, where not as the recipe says."
)
@click.option("--class-weights", is_flag=True, help="Let every class count the same in the loss.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 4), default=0, show_default=True)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="For decoded pixels and outputs of frozen layers.  [default: ~/.cache/miwake]",
)
@click.option(
    "--cache-bytes",
    type=click.IntRange(0),
    help="Most that outputs of frozen layers may take.  [default: half of the free disk]",
)
@click.option(
    "--strategy",
    type=click.Choice(["single", "mirrored", "multi-worker"]),
    default="single",
    show_default=True,
    help="mirrored: all GPUs of this machine.",
)
@click.option("--tensorboard", is_flag=True, help="Write events for TensorBoard into the run's folder.")
@click.option(
    "--golden",
    type=click.Choice(["generated", "photographs"]),
    default="generated",
    show_default=True,
    help="The pictures that travel inside the model and that every server replays before it answers.",
)
@click.option("--keep-keras/--no-keep-keras", default=True, help="Put model.keras beside the SavedModel.")
def train(photographs: Path, **options: Any) -> None:
    """Train on PHOTOGRAPHS, a folder for each class, and publish a version.

    PHOTOGRAPHS holds the classes, or train/, validation/ and test/ that hold them, or MNIST's idx files.
    """
    with _said_how_to_go_on(fresh=options["fresh"]), _sigterm_ends_the_run():
        result = _trained(photographs, **options)
    _show(result)
    _warn_of_other_labels(result.version)


def _trained(
    photographs: Path,
    *,
    recipe: str | None,
    backbone: str | None,
    weights: str | None,
    class_weights: bool,
    **options: Any,
) -> TrainingResult:
    from modelserver.quiet_import import import_quietly

    import_quietly("tensorflow")
    from contract.manifest import check_model_name
    from training.pixels import default_cache
    from training.plan import Plan
    from training.recipe import adjusted
    from training.recipe_files import load_recipe
    from training.train import train as run

    check_model_name(options["name"])  # before the photographs are looked at for a recipe
    if recipe == _AUTO:
        advice = _advised(photographs, seed=options["seed"], cache=options["cache"] or default_cache())
        recipe, class_weights = advice.recipe, class_weights or advice.class_weights
    chosen = recipe or _default(photographs, backbone)
    followed = adjusted(load_recipe(chosen), weights=weights, backbone=backbone, class_weights=class_weights)
    if recipe is None:
        _say(f"recipe: {chosen}")
    plan = Plan(photographs=photographs, recipe=followed, command=_command(), **options)
    return run(plan, say=_say)


def _default(photographs: Path, backbone: str | None) -> str:
    from training.default_recipe import DEFAULT_OF_ANOTHER_BACKBONE, default_recipe

    return default_recipe(photographs) if backbone is None else DEFAULT_OF_ANOTHER_BACKBONE


def _advised(photographs: Path, *, seed: int, cache: Path) -> Advice:
    from training.auto_recipe import advise_before_training

    advice = advise_before_training(photographs, seed=seed, cache=cache)
    for reason in advice.reasons:
        _say(f"- {reason}")
    _say(f"recipe: {advice.recipe}")
    return advice


def _command() -> str:
    """As it can be typed again."""
    return shlex.join(["miwake", *sys.argv[1:]])


def _say(line: str) -> None:
    click.echo(line, err=True)


def _labels_of_version_before(version: Path) -> frozenset[str]:
    """What the model answered until now; empty where there was none yet, or none of ours."""
    from contract.errors import MiwakeError
    from contract.model_folder import read_manifest, version_folders

    number = int(version.name)
    older = [folder for other, folder in version_folders(version.parent).items() if other < number]
    try:
        return frozenset(read_manifest(older[0]).labels) if older else frozenset()
    except MiwakeError:
        return frozenset()


def _warn_of_other_labels(version: Path) -> None:
    """A gateway begins to answer by a new version at once: other labels should not come as a surprise."""
    from contract.model_folder import read_manifest

    before, now = _labels_of_version_before(version), frozenset(read_manifest(version).labels)
    if before and now != before:
        changes = [f"-{label}" for label in sorted(before - now)] + [
            f"+{label}" for label in sorted(now - before)
        ]
        click.echo(f"warning: other labels than the version before: {' '.join(changes)}", err=True)


@contextmanager
def _said_how_to_go_on(*, fresh: bool) -> Iterator[None]:
    """One line for whoever ends it by Ctrl-C or SIGTERM, and the status that a shell gives for the signal."""
    status = None
    try:
        yield
    except KeyboardInterrupt:
        click.echo(err=True)  # the terminal has written ^C
        status = _STATUS_OF_CTRL_C
    except SystemExit as exc:
        if exc.code != _STATUS_OF_SIGTERM:
            raise
        status = _STATUS_OF_SIGTERM
    if status is not None:
        command = "the same command without --fresh" if fresh else "the same command"
        _say(
            f"interrupted: {command} goes on with the newest unfinished run after its last whole epoch, "
            "or begins again if there is none"
        )
        raise SystemExit(status)


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
    low, high = evaluation.accuracy_interval
    click.echo(
        f"test accuracy {evaluation.accuracy:.4f} on {evaluation.images} images "
        f"(95 % interval {low:.4f} to {high:.4f})"
    )
    click.echo(
        f"under the threshold {evaluation.unknown_threshold:.4f}, so answered as unknown: "
        f"{evaluation.below_threshold:.1%} of them"
    )
    click.echo(f"seconds: {phases}")
    click.echo(f"report {result.folder / 'report.html'}")
    click.echo(f"published {result.version}")
