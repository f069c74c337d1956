from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.calibration import Calibration
from training.evaluation import evaluate_probabilities
from training.foreign import Foreign
from training.report.findings import Evidence, findings, verdict
from training.report.padding import PaddingHeat

LABELS = ("rose", "tulip")


def _evaluation(*, right: int, of: int, weak: int = 0):
    """Both classes alike, but that `weak` more images of the second are taken for the first."""
    truth = np.arange(of) % 2
    answered = truth.copy()
    answered[: of - right] = 1 - answered[: of - right]
    answered[np.flatnonzero((truth == 1) & (answered == 1))[:weak]] = 0
    return evaluate_probabilities(np.eye(2)[answered] * 0.8 + 0.1, truth, labels=LABELS)


def _evidence(**changes):
    evidence = Evidence(
        test=_evaluation(right=190, of=200),
        validation=_evaluation(right=190, of=200),
        calibration=Calibration(
            temperature=1.1,
            at_bound=False,
            images=200,
            error_before=0.1,
            error_after=0.05,
            coverage=0.95,
            unknown_threshold=0.4,
        ),
        mean_confidence=0.94,
        train_counts={"rose": 400, "tulip": 400},
        balanced_loss=False,
        drawn=("validation", "test"),
        duplicates=0,
        contradictions=0,
        unreadable=0,
        padding=None,
        foreign=None,
    )
    return replace(evidence, **changes)


def _of(weight, evidence):
    return [finding.text for finding in findings(evidence) if finding.weight == weight]


def test_a_sound_run_is_trustworthy_for_images_like_its_own():
    found = findings(_evidence())

    assert {finding.weight for finding in found} == {"good"}
    assert verdict(found) == "Trustworthy for images like those it was tested on."
    assert "right on 95.0% of the test images (95% interval 91.0% to 97.3%)" in found[0].text


def test_a_model_that_may_know_nothing_is_not_to_be_relied_on():
    evidence = _evidence(test=_evaluation(right=105, of=200), mean_confidence=0.5)

    found = findings(evidence)

    assert verdict(found) == "Do not rely on this model yet."
    assert found[0].weight == "serious"
    assert "always answering “rose” would be right for 50.0%" in found[0].text


def test_reservations_are_counted():
    one = findings(_evidence(mean_confidence=0.99))

    assert verdict(one) == "Usable for images like those it was tested on, with one reservation."
    assert verdict((*one, one[0])).endswith("with 2 reservations.")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"test": _evaluation(right=57, of=60), "mean_confidence": 0.95},
            "Only 60 test images: that is why the interval is 12% wide",
        ),
        ({"test": _evaluation(right=180, of=200, weak=40), "mean_confidence": 0.7}, "tulip (50%)"),
        ({"test": _evaluation(right=18, of=18), "mean_confidence": 0.95}, "Every class has fewer than 10"),
        ({"mean_confidence": 0.99}, "over-confident"),
        ({"test": _evaluation(right=140, of=200), "mean_confidence": 0.7}, "wrong on 30.0%"),
        ({"mean_confidence": 0.8}, "less confident than it could be"),
        (
            {"validation": _evaluation(right=200, of=200), "test": _evaluation(right=170, of=200)},
            "better on the validation images (100.0%) than on the test images (85.0%)",
        ),
        ({"unreadable": 80}, "80 files could not be used"),
        ({"train_counts": {"rose": 500, "tulip": 100}}, "unbalanced (100 to 500 training images)"),
        ({"padding": PaddingHeat(images=9, area=0.2, heat=0.15)}, "looks at the padding too"),
    ],
)
def test_a_reservation_names_its_figures(changes, text):
    assert any(text in finding for finding in _of("caution", _evidence(**changes)))


def test_the_notes_of_the_calibration_are_reservations():
    calibration = replace(_evidence().calibration, temperature=10.0, at_bound=True)

    assert calibration.notes[0] in _of("caution", _evidence(calibration=calibration))


def test_a_threshold_that_answers_too_few_is_a_reservation():
    test = replace(_evidence().test, below_threshold=0.2)

    assert any("answers 80.0% of" in text for text in _of("caution", _evidence(test=test)))


def test_labels_for_foreign_photographs_are_a_reservation():
    foreign = Foreign(
        images=225,
        known_images=200,
        threshold=0.4,
        known_answered=0.95,
        answered=0.43,
        answered_by_embedding=0.0,
        auroc_probability=0.9,
        auroc_embedding=1.0,
    )

    assert any("43% still get a label" in text for text in _of("caution", _evidence(foreign=foreign)))
    assert not _of("caution", _evidence(foreign=replace(foreign, answered=0.01)))


def test_more_heat_on_the_padding_than_it_has_area_is_serious():
    padding = PaddingHeat(images=9, area=0.2, heat=0.4)

    assert (
        "40% of the heat falls on it, which is 20% of their area"
        in _of("serious", _evidence(padding=padding))[0]
    )


def test_little_heat_on_the_padding_is_good():
    padding = PaddingHeat(images=9, area=0.2, heat=0.05)

    assert any("not at the padding" in text for text in _of("good", _evidence(padding=padding)))


def test_a_class_that_is_never_recognised_is_serious():
    test = _evaluation(right=200, of=200, weak=100)

    assert any("tulip (0%)" in text for text in _of("serious", _evidence(test=test)))


def _tested_on(truth, *, labels):
    """All right, and of some labels nothing."""
    return evaluate_probabilities(np.eye(len(labels))[truth] * 0.8 + 0.1, truth, labels=labels)


def test_a_class_that_was_never_tested_is_serious():
    found = findings(_evidence(test=_tested_on(np.arange(200) % 2, labels=("rose", "tulip", "daisy"))))

    assert found[0].weight == "serious"
    assert found[0].text.startswith("daisy was never tested: ")
    assert verdict(found) == "Do not rely on this model yet."


def test_of_many_classes_that_were_never_tested_some_are_named_and_none_is_called_weak_or_small():
    evidence = _evidence(test=_tested_on(np.arange(200) % 2, labels=("rose", "tulip", *"abcde")))

    [serious] = _of("serious", evidence)

    assert serious.startswith("a, b, c and 2 more were never tested")
    assert not any("fewer than 10 test images" in text for text in _of("caution", evidence))


def test_weights_in_the_loss_answer_for_unbalanced_classes():
    evidence = _evidence(train_counts={"rose": 500, "tulip": 100}, balanced_loss=True)

    assert not _of("caution", evidence)


def test_duplicates_left_out_are_told():
    assert any("3 photographs of which" in text for text in _of("good", _evidence(duplicates=3)))


def test_a_model_that_is_often_wrong_is_not_to_be_relied_on():
    truth = np.arange(90) % 3
    answered = np.where(np.arange(90) < 40, (truth + 1) % 3, truth)
    test = evaluate_probabilities(np.eye(3)[answered], truth, labels=("a", "b", "c"))

    assert "wrong on 44.4%" in _of("serious", _evidence(test=test, mean_confidence=0.55))[0]


def test_heat_of_very_few_padded_images_is_no_finding():
    padding = PaddingHeat(images=2, area=0.2, heat=0.4)

    assert findings(_evidence(padding=padding)) == findings(_evidence())


def test_equal_photographs_of_two_classes_are_a_reservation():
    (text,) = _of("caution", _evidence(contradictions=2))

    assert text.startswith("2 photographs have the same bytes as one of another class")
