"""A version is measured on labelled photographs, and never on those it was trained on."""

from __future__ import annotations

import csv
import shutil

import pytest

from contract.errors import ContractBrokenError
from training.errors import DatasetError

from .pictures import KINDS, write_classes, write_picture

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

NEW = 500_000  # seeds of pictures the model never saw


def _seen(evaluation):
    return {row.label for row in evaluation.classes if row.images}


def _evaluate(trained, tree, tmp_path):
    from training.evaluate import evaluate

    return evaluate(trained.version, tree, cache=tmp_path / "cache", progress=False)


def test_the_test_folder_is_measured_where_there_is_one(trained, tmp_path):
    tree = write_classes(tmp_path / "in" / "train", per_class=1, first_seed=NEW).parent
    write_classes(tree / "test", per_class=3, first_seed=NEW)
    (tree / "test" / "blue" / "notes.txt").write_text("no", "utf-8")

    result = _evaluate(trained, tree, tmp_path)

    assert (result.evaluation.images, result.trained_on) == (9, 0)
    assert result.evaluation.labels == ("amber", "blue", "green")
    assert [entry.path for entry in result.unreadable] == ["test/blue/notes.txt"]


def test_a_tree_of_a_test_split_alone_and_of_a_single_class_will_do(trained, tmp_path):
    tree = tmp_path / "in"
    for seed in range(4):
        write_picture(tree / "test" / "blue" / f"{seed}.png", KINDS["blue"], seed=NEW + seed)
    (tree / "test" / "lost.png").touch()

    result = _evaluate(trained, tree, tmp_path)

    assert (result.evaluation.images, _seen(result.evaluation)) == (4, {"blue"})
    assert [(entry.path, entry.code) for entry in result.unreadable] == [("test/lost.png", "no_class_folder")]


def test_a_class_of_test_that_train_lacks_will_do_if_the_model_knows_it(trained, tmp_path):
    tree = tmp_path / "in"
    write_picture(tree / "train" / "blue" / "1.png", KINDS["blue"], seed=NEW)
    write_picture(tree / "test" / "green" / "1.png", KINDS["green"], seed=NEW)

    assert _seen(_evaluate(trained, tree, tmp_path).evaluation) == {"green"}


def test_photographs_the_model_was_trained_on_are_left_out_whatever_they_are_called(
    trained, pictures, tmp_path
):
    tree = tmp_path / "in"
    shutil.copytree(pictures, tree)
    (tree / "amber" / "000.png").rename(tree / "amber" / "other name.png")

    result = _evaluate(trained, tree, tmp_path)

    assert (result.evaluation.images, result.trained_on) == (9, 51)
    assert result.evaluation.confusion == trained.evaluation.confusion


def test_nothing_left_to_measure_on_is_one_clear_line(trained, pictures, tmp_path):
    rows = csv.DictReader((trained.version / "assets.extra" / "split.csv").read_text("utf-8").splitlines())
    for row in (row for row in rows if row["split"] == "validation"):
        (tmp_path / "in" / row["label"]).mkdir(parents=True, exist_ok=True)
        shutil.copy(pictures / row["path"], tmp_path / "in" / row["path"])

    with pytest.raises(DatasetError, match="trained on all 9 photographs"):
        _evaluate(trained, tmp_path / "in", tmp_path)


def test_a_version_without_a_record_of_its_split_is_measured_on_everything(trained, pictures, tmp_path):
    from training.evaluate import evaluate

    version = tmp_path / "tiny" / "1"
    shutil.copytree(trained.version, version)
    (version / "assets.extra" / "split.csv").unlink()

    result = evaluate(version, pictures, cache=tmp_path / "cache", progress=False)

    assert (result.evaluation.images, result.trained_on) == (60, 0)


@pytest.mark.parametrize("content", [b"path,label\na,b\n", b"\xff\xfe"])
def test_a_record_that_cannot_be_read_is_one_clear_line(tmp_path, content):
    from training.split_record import trained_on

    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "split.csv").write_bytes(content)

    with pytest.raises(ContractBrokenError, match=r"record of the split .* cannot be read"):
        trained_on(tmp_path)


def test_a_class_the_model_does_not_know_is_refused_by_name(trained, tmp_path):
    tree = write_classes(tmp_path / "in", per_class=1)
    write_picture(tree / "violet" / "1.png", (160, 30, 200), seed=1)

    with pytest.raises(DatasetError, match="no label 'violet'"):
        _evaluate(trained, tree, tmp_path)


def test_a_model_made_elsewhere_is_one_clear_line(tmp_path):
    """Its `manifest` signature answers under another name, or with numbers, or none at all a request."""
    import tensorflow as tf

    from training.evaluate import evaluate

    request = [tf.TensorSpec([None], tf.int32, name="request")]
    answers = (
        lambda request: {"other": tf.fill(tf.shape(request), "x")},
        lambda request: {"manifest": request},
        lambda request: {"manifest": tf.as_string(tf.reduce_sum(request))},
    )
    for number, answer in enumerate(answers, start=1):
        module = tf.Module()
        signature = tf.function(answer, input_signature=request)
        folder = tmp_path / "foreign" / str(number)
        tf.saved_model.save(module, str(folder), signatures={"manifest": signature})

        with pytest.raises(ContractBrokenError, match="manifest does not answer one text a request"):
            evaluate(folder, tmp_path)
