from __future__ import annotations

import json

import pytest

from tests.training.finished_runs import write_run
from training.compare import compare, holm, read_run
from training.errors import RunError


def _compare(*folders):
    return compare([read_run(folder) for folder in folders])


def _sentence(pair):
    return pair.sentence(first="run 1", second="Run 2")


def test_runs_are_paired_by_the_contents_of_their_test_images(tmp_path):
    first = write_run(tmp_path / "a", {"x": True, "y": True, "z": False, "only-a": False})
    second = write_run(tmp_path / "b", {"z": True, "y": True, "x": False, "only-b": True})

    (pair,) = _compare(first, second)

    assert (pair.shared, pair.only_first, pair.only_second) == (3, 1, 1)


def test_the_test_is_mcnemars_exact_one(tmp_path):
    names = [f"image-{number}" for number in range(10)]
    first = write_run(tmp_path / "a", dict.fromkeys(names, False))
    second = write_run(tmp_path / "b", {name: number < 8 for number, name in enumerate(names)})

    (pair,) = _compare(first, second)

    assert pair.p_value == pytest.approx(2 * 0.5**8)
    assert _sentence(pair) == (
        "Run 2 is better than run 1: of 10 test images that both have, it alone recognises 8 and run 1 "
        "alone 0 (p = 0.0078)."
    )


def test_a_worse_run_is_called_worse(tmp_path):
    names = [f"image-{number}" for number in range(8)]
    first = write_run(tmp_path / "a", dict.fromkeys(names, True))
    second = write_run(tmp_path / "b", dict.fromkeys(names, False))

    (pair,) = _compare(first, second)

    assert _sentence(pair).startswith("Run 2 is worse than run 1: ")


def test_a_difference_that_may_be_chance_is_not_called_one(tmp_path):
    first = write_run(tmp_path / "a", {"x": True, "y": False})
    second = write_run(tmp_path / "b", {"x": True, "y": True})

    (pair,) = _compare(first, second)

    assert pair.p_value == 1.0
    assert _sentence(pair).startswith("Run 2 is not shown to differ from run 1: of 2 test images")


def test_runs_that_agree_on_every_image_do_not_differ(tmp_path):
    first = write_run(tmp_path / "a", {"x": True, "y": False})
    second = write_run(tmp_path / "b", {"x": True, "y": False})

    assert _compare(first, second)[0].p_value == 1.0


def test_runs_without_a_common_test_image_are_not_tested(tmp_path):
    first = write_run(tmp_path / "a", {"x": True})
    second = write_run(tmp_path / "b", {"y": True})

    (pair,) = _compare(first, second)

    assert (pair.shared, pair.p_value, pair.corrected) == (0, None, None)
    assert _sentence(pair) == "Run 2 and run 1 have no test image in common: they cannot be compared."


def test_an_image_labelled_in_two_ways_is_two_images(tmp_path):
    first = write_run(tmp_path / "a", {"x": True}, label="rose")
    second = write_run(tmp_path / "b", {"x": True}, label="tulip")

    assert _compare(first, second)[0].shared == 0


def test_several_runs_are_each_tested_against_the_first_and_corrected(tmp_path):
    names = [f"image-{number}" for number in range(7)]
    first = write_run(tmp_path / "a", dict.fromkeys(names, False))
    better = write_run(tmp_path / "b", dict.fromkeys(names, True))
    other = write_run(tmp_path / "c", {"elsewhere": True})
    equal = write_run(tmp_path / "d", dict.fromkeys(names, False))

    pairs = _compare(first, better, other, equal)

    assert [pair.second for pair in pairs] == ["b", "c", "d"]
    assert [pair.corrected for pair in pairs] == [pytest.approx(2 * pairs[0].p_value), None, 1.0]
    assert "after Holm's correction" in _sentence(pairs[0])


@pytest.mark.parametrize(
    ("p_values", "corrected"),
    [
        ([0.04, 0.01, 0.03], [0.06, 0.03, 0.06]),  # a smaller p never ends above a larger one
        ([0.6, 0.9], [1.0, 1.0]),
        ([], []),
    ],
)
def test_holms_correction(p_values, corrected):
    assert holm(p_values) == pytest.approx(corrected)


def test_the_figures_are_those_of_the_report(tmp_path):
    run = read_run(write_run(tmp_path / "a", {"x": True, "y": False}))

    assert (run.id, run.recipe, run.seed) == ("a", "cnn3", 3)
    assert (run.train_images, run.test_images, run.accuracy) == (40, 2, 0.5)
    assert run.seconds == 12.5


def test_what_is_no_run_is_said_to_be_none(tmp_path):
    with pytest.raises(RunError, match="no run at"):
        read_run(tmp_path / "nowhere")


def test_an_unfinished_run_is_refused(tmp_path):
    (tmp_path / "run.json").write_text("{}", "utf-8")

    with pytest.raises(RunError, match=r"is no finished run: it has no report\.json"):
        read_run(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"test": {}}', '"text"'])
def test_a_report_of_something_else_is_refused(tmp_path, text):
    folder = write_run(tmp_path / "a", {"x": True})
    (folder / "report.json").write_text(text, "utf-8")

    with pytest.raises(RunError, match="holds a report that cannot be read"):
        read_run(folder)


def test_a_run_without_its_predictions_is_refused(tmp_path):
    folder = write_run(tmp_path / "a", {"x": True})
    (folder / "predictions.csv").unlink()

    with pytest.raises(RunError, match=r"cannot read .*predictions\.csv: No such file"):
        read_run(folder)


def test_predictions_of_other_columns_are_refused(tmp_path):
    folder = write_run(tmp_path / "a", {"x": True})
    (folder / "predictions.csv").write_text("path,label\na,b\n", "utf-8")

    with pytest.raises(RunError, match="cannot be read"):
        read_run(folder)


def test_a_run_becomes_json(tmp_path):
    run = read_run(write_run(tmp_path / "a", {"x": True, "y": False}))

    assert json.loads(json.dumps(run.to_dict()))["right"] == 1
