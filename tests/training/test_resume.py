"""An interrupted fit goes on from its last epoch and ends as if nothing had happened, bit by bit."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from training.errors import RunError
from training.progress import Progress, load_progress, save_progress

from .small_fits import built, fitted, misleading, same, weights_of, without_seconds

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


class Interrupted(Exception):  # noqa: N818 - no error
    """Raised where a person would press Ctrl-C."""


@pytest.fixture
def eventful_recipe(tiny_recipe):
    """Dropout, augmentation in the second of two stages, early stopping and a falling rate."""
    [stage] = tiny_recipe.stages
    head = replace(stage, frozen=5, epochs=2, augmented=False, keep="best")
    all_of_it = replace(
        stage,
        frozen="none",
        optimizer="sgd",
        rate=0.02,
        momentum=0.9,
        schedule="cosine",
        epochs=8,
        patience=2,
        keep="best",
    )
    return replace(tiny_recipe, stages=(head, all_of_it))


def test_a_fit_interrupted_after_every_epoch_ends_as_one_that_was_not(eventful_recipe, tmp_path):
    assert eventful_recipe.head.dropout
    whole, history = fitted(eventful_recipe, misleading(), tmp_path / "cache")

    interruptions, resumed, resumed_history = 0, None, None
    while resumed is None:
        try:
            resumed, resumed_history = _one_epoch_more(eventful_recipe, tmp_path)
        except Interrupted:
            interruptions += 1

    stages = [row["stage"] for row in history]
    assert interruptions == len(history)
    assert set(stages) == {1, 2}
    assert stages.count(2) < 8  # ended early
    assert len({row["learning_rate"] for row in history}) > 2
    assert without_seconds(resumed_history) == without_seconds(history)
    assert same(weights_of(resumed), weights_of(whole))


def _one_epoch_more(recipe, tmp_path):
    """As a new process would: a new network, the saved file, and no more than one epoch."""
    from training.observer import Observer

    path = tmp_path / "progress.npz"

    def save_and_interrupt(progress):
        save_progress(path, progress)
        raise Interrupted

    return fitted(
        recipe,
        misleading(),
        tmp_path / "cache",
        observer=Observer(save=save_and_interrupt),
        progress=load_progress(path),
    )


@pytest.mark.parametrize("copies", [2])
def test_copies_and_mixed_precision_go_on_as_well(tiny_recipe, tmp_path, copies):
    """Loss scaling has a state of its own, which lives in the optimizer."""
    [stage] = tiny_recipe.stages
    recipe = replace(
        tiny_recipe,
        precision="mixed_bfloat16",
        augmentation=replace(tiny_recipe.augmentation, copies=copies),
        stages=(replace(stage, frozen=3, epochs=2),),
    )
    whole, history = fitted(recipe, misleading(), tmp_path / "cache")
    with pytest.raises(Interrupted):
        _one_epoch_more(recipe, tmp_path)

    resumed, resumed_history = fitted(
        recipe, misleading(), tmp_path / "cache", progress=load_progress(tmp_path / "progress.npz")
    )

    assert without_seconds(resumed_history) == without_seconds(history)
    assert same(weights_of(resumed), weights_of(whole))


def _progress():
    rng = np.random.default_rng(0)
    arrays = [tuple(rng.random((3, n), np.float32) for n in range(1, 13)) for _ in range(3)]
    return Progress(
        stage=1,
        epoch=3,
        history=({"loss": 0.1 + 0.2, "seconds": 1e-3},),
        best_loss=1 / 3,
        best_epoch=2,
        weights=arrays[0],
        optimizer=(np.int64(7) * np.ones((), np.int64), *arrays[1]),
        best=arrays[2],
        frozen_layers={0: "no room", 1: "once"},
        seconds={"decode": 0.1 + 0.2, "fit": 1e3},
    )


def test_progress_is_read_back_as_it_was_written(tmp_path):
    save_progress(tmp_path / "progress.npz", _progress())

    read = load_progress(tmp_path / "progress.npz")

    assert (read.stage, read.epoch, read.best_loss, read.best_epoch) == (1, 3, 1 / 3, 2)
    assert read.history == _progress().history
    assert (read.frozen_layers, read.seconds) == (_progress().frozen_layers, _progress().seconds)
    for kind in ("weights", "optimizer", "best"):
        mine, other = getattr(read, kind), getattr(_progress(), kind)
        assert [array.dtype for array in mine] == [array.dtype for array in other]
        assert same(mine, other)
    assert [path.name for path in tmp_path.iterdir()] == ["progress.npz"]


def test_a_first_epoch_without_a_best_loss_can_be_kept(tmp_path):
    save_progress(tmp_path / "progress.npz", Progress())

    assert load_progress(tmp_path / "progress.npz") == Progress()


def test_progress_that_an_older_version_kept_can_be_gone_on_with(tmp_path):
    """It knows neither how frozen layers ran nor the seconds."""
    path = tmp_path / "progress.npz"
    save_progress(path, _progress())
    with np.load(path) as stored:
        arrays = dict(stored)
    facts = json.loads(arrays["facts"].tobytes())
    del facts["frozen_layers"], facts["seconds"]
    np.savez(path, **arrays | {"facts": np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)})

    read = load_progress(path)

    assert (read.stage, read.epoch) == (1, 3)
    assert (read.frozen_layers, read.seconds) == ({}, {})


def test_the_next_stage_keeps_what_is_of_the_whole_run():
    following = _progress().next_stage(())

    assert (following.stage, following.epoch, following.best, following.optimizer) == (2, 0, (), ())
    assert following.history == _progress().history
    assert following.frozen_layers == _progress().frozen_layers
    assert following.seconds == _progress().seconds


def test_no_file_is_no_progress(tmp_path):
    assert load_progress(tmp_path / "progress.npz") is None


def test_a_file_damaged_anywhere_is_refused_in_one_line(tmp_path):
    path = tmp_path / "progress.npz"
    save_progress(path, _progress())
    whole = path.read_bytes()
    places = np.linspace(0, len(whole) - 1, 400, dtype=int)
    flipped = [whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :] for place in places]
    cut = [b"", b"no archive", whole[:-1], whole[:200], whole[: len(whole) // 2]]

    refusals = [_refusal(path, content) for content in [*cut, *flipped]]

    assert set(refusals) <= {f"{path} cannot be read: start anew with --fresh", None}
    assert None not in refusals[: len(cut)]
    assert refusals.count(None) < 100


def _refusal(path, content):
    """The line, or None where the damage is to a byte that says nothing, such as a date."""
    path.write_bytes(content)
    try:
        read = load_progress(path)
    except RunError as exc:
        return str(exc)
    assert same(read.weights, _progress().weights)
    return None


def test_a_disk_that_fills_keeps_the_epoch_before(small_disk):
    path = small_disk / "progress.npz"
    save_progress(path, _progress())
    larger = replace(_progress(), epoch=4, weights=(np.ones(100_000, np.float32),))

    with pytest.raises(RunError, match=r"^cannot keep how far the fit .*: No space left on device$"):
        save_progress(path, larger)

    assert load_progress(path).epoch == 3
    assert [entry.name for entry in small_disk.iterdir()] == ["progress.npz"]


def test_building_alone_gives_the_first_weights_of_the_seed(tiny_recipe):
    """What is frozen throughout is not kept with the progress: it has to come back by itself."""
    assert same(weights_of(built(tiny_recipe, seed=4)), weights_of(built(tiny_recipe, seed=4)))
