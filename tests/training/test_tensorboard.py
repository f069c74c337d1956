from __future__ import annotations

import contextlib

import pytest

from training.errors import RunError

pytestmark = pytest.mark.tensorflow


def _events(folder):
    """All events of a folder, oldest file first, by TensorFlow's own reader."""
    import tensorflow as tf
    from tensorflow.core.util import event_pb2

    files = [str(path) for path in sorted(folder.glob("events.out.tfevents.*"))]
    return [event_pb2.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(files)]


def test_every_epoch_is_a_step_with_its_figures(tmp_path):
    from training.tensorboard import EpochEvents

    events = EpochEvents(tmp_path / "tensorboard")
    for epoch in (1, 2):
        events.add({"stage": 1, "epoch": epoch, "loss": 1 / epoch, "val_accuracy": 0.25 * epoch})

    [header, *steps] = _events(tmp_path / "tensorboard")
    assert header.file_version == "brain.Event:2"
    assert [event.step for event in steps] == [1, 2]
    assert [{v.tag: v.simple_value for v in event.summary.value} for event in steps] == [
        {"loss": 1.0, "val_accuracy": 0.25},
        {"loss": 0.5, "val_accuracy": 0.5},
    ]


def test_steps_go_on_where_an_interrupted_run_stopped(tmp_path):
    from training.tensorboard import EpochEvents

    EpochEvents(tmp_path, first_step=7).add({"loss": 0.5})

    assert [event.step for event in _events(tmp_path)] == [0, 8]


def test_two_files_begun_in_the_same_second_have_names_of_their_own(tmp_path):
    from training.tensorboard import EpochEvents

    for _ in range(3):
        events = EpochEvents(tmp_path)
        events.add({"loss": 0.5})
        events.close()

    assert len(list(tmp_path.iterdir())) == 3


def test_nothing_can_be_added_to_a_closed_file(tmp_path):
    from training.tensorboard import EpochEvents

    events = EpochEvents(tmp_path)
    events.close()

    with pytest.raises(RunError, match=r"^cannot write events to "):
        events.add({"loss": 0.5})


def test_a_full_disk_is_one_clear_line(small_disk):
    from training.tensorboard import EpochEvents

    events = EpochEvents(small_disk)
    _fill(small_disk)

    with pytest.raises(RunError, match=r"^cannot write events to .*: No space left on device$"):
        events.add({f"figure {number}": 0.5 for number in range(1_000)})  # more than a block
    with pytest.raises(RunError, match=r"^cannot write events to .*: No space left on device$"):
        EpochEvents(small_disk / "another")
    del events


def _fill(folder):
    with contextlib.suppress(OSError), (folder / "filling").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
