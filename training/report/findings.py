"""Whether to trust a model: findings from the figures, each with the rule it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from training.calibration import Calibration
from training.evaluation import ClassFigures, Evaluation, wilson_interval
from training.foreign import Foreign
from training.photographs import Split
from training.report.padding import PaddingHeat

Weight = Literal["good", "caution", "serious"]

_POOR_ACCURACY, _FAIR_ACCURACY = 0.6, 0.8
_FEW_TEST_IMAGES = 100
_FEW_OF_A_CLASS = 10
_WEAK_RECALL = 0.75
_NAMED = 3
_COVERAGE_SLACK = 0.05
_MANY_UNREADABLE = 0.05
_UNBALANCED = 4
_GAP = 0.1
_FEWEST_PADDED = 6
_LITTLE_HEAT = 0.5  # of what would fall on the padding by chance


@dataclass(frozen=True)
class Finding:
    """One thing to know before trusting the model."""

    weight: Weight
    text: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What findings are made of.

    Attributes:
        test: figures of the test split.
        validation: figures of the validation split.
        calibration: of the probabilities.
        mean_confidence: mean top probability of the test images.
        train_counts: images by label.
        balanced_loss: whether the recipe weighs classes.
        drawn: splits that were drawn at random, from the same photographs as the others.
        duplicates: photographs left out as a split that measures them has the same bytes.
        contradictions: photographs that have the bytes of one of another class.
        unreadable: files left out.
        padding: None where no padding was found.
        foreign: None where it was not measured.
    """

    test: Evaluation
    validation: Evaluation
    calibration: Calibration
    mean_confidence: float
    train_counts: Mapping[str, int]
    balanced_loss: bool
    drawn: Sequence[Split]
    duplicates: int
    contradictions: int
    unreadable: int
    padding: PaddingHeat | None
    foreign: Foreign | None


def findings(evidence: Evidence) -> tuple[Finding, ...]:
    """All that the evidence says, the gravest first."""
    found = [
        *_accuracy(evidence.test),
        *_classes(evidence.test),
        *_never_tested(evidence.test),
        *_confidence(evidence),
        *_threshold(evidence),
        *_attention(evidence.padding),
        *_photographs(evidence),
    ]
    order: tuple[Weight, ...] = ("serious", "caution", "good")
    return tuple(sorted(found, key=lambda finding: order.index(finding.weight)))


def verdict(found: Sequence[Finding]) -> str:
    """One sentence: whether to trust the model."""
    serious = sum(finding.weight == "serious" for finding in found)
    cautions = sum(finding.weight == "caution" for finding in found)
    if serious:
        return "Do not rely on this model yet."
    if cautions:
        reservations = "one reservation" if cautions == 1 else f"{cautions} reservations"
        return f"Usable for images like those it was tested on, with {reservations}."
    return "Trustworthy for images like those it was tested on."


def _accuracy(test: Evaluation) -> Iterator[Finding]:
    low, high = test.accuracy_interval
    label, share = max(((c.label, c.images / test.images) for c in test.classes), key=lambda pair: pair[1])
    if low <= share:
        yield Finding(
            "serious",
            f"It is not shown to know anything: always answering “{label}” would be right for {share:.1%} of "
            f"the test images, and the model's accuracy may be as low as {low:.1%}.",
        )
    elif test.accuracy < _FAIR_ACCURACY:
        yield Finding(
            "serious" if test.accuracy < _POOR_ACCURACY else "caution",
            f"It is wrong on {1 - test.accuracy:.1%} of the test images (accuracy {test.accuracy:.1%}, 95% "
            f"interval {low:.1%} to {high:.1%}).",
        )
    else:
        yield Finding(
            "good",
            f"It is right on {test.accuracy:.1%} of the test images (95% interval {low:.1%} to {high:.1%}); "
            f"always answering “{label}” would be right for {share:.1%}.",
        )
    if test.images < _FEW_TEST_IMAGES:
        yield Finding(
            "caution", f"Only {test.images} test images: that is why the interval is {high - low:.0%} wide."
        )


def _classes(test: Evaluation) -> Iterator[Finding]:
    tested = [c for c in test.classes if c.recall is not None]
    weak = sorted((c for c in tested if _is_weak(c)), key=lambda c: c.recall or 0)
    if weak:
        named = _named([f"{c.label} ({c.recall:.0%})" for c in weak])
        yield Finding(
            "serious" if any(c.recall == 0 for c in weak) else "caution",
            f"Some classes are recognised less often than {_WEAK_RECALL:.0%}: {named}.",
        )
    few = [c for c in tested if c.images < _FEW_OF_A_CLASS]
    if few:
        which = "Every class has" if len(few) == len(test.classes) else f"{_classes_have(len(few))}"
        yield Finding(
            "caution",
            f"{which} fewer than {_FEW_OF_A_CLASS} test images: the figures of a single class say little.",
        )


def _never_tested(test: Evaluation) -> Iterator[Finding]:
    labels = [c.label for c in test.classes if not c.images]
    if labels:
        was = "was" if len(labels) == 1 else "were"
        yield Finding(
            "serious",
            f"{_named(labels)} {was} never tested: the test images show none, so no figure says how well the "
            "model does there.",
        )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _is_weak(figures: ClassFigures) -> bool:
    return figures.recall is not None and figures.recall < _WEAK_RECALL


def _classes_have(count: int) -> str:
    return "One class has" if count == 1 else f"{count} classes have"


def _confidence(evidence: Evidence) -> Iterator[Finding]:
    test, mean = evidence.test, evidence.mean_confidence
    low, high = test.accuracy_interval
    said = f"its mean probability is {mean:.1%}, its accuracy {test.accuracy:.1%}"
    if mean > high:
        yield Finding("caution", f"It is over-confident on the test images: {said}.")
    elif mean < low:
        yield Finding("caution", f"It is less confident than it could be on the test images: {said}.")
    else:
        yield Finding("good", f"Its probabilities agree with how often it is right: {said}.")
    for note in evidence.calibration.notes:
        yield Finding("caution", note)


def _threshold(evidence: Evidence) -> Iterator[Finding]:
    answered = 1 - evidence.test.below_threshold
    wanted = evidence.calibration.coverage
    if wilson_interval(round(answered * evidence.test.images), of=evidence.test.images)[1] < wanted:
        yield Finding(
            "caution",
            f"The threshold was chosen to answer {wanted:.0%} of the images and answers {answered:.1%} of "
            "the test images: more will be called unknown than was meant.",
        )
    foreign = evidence.foreign
    if foreign is not None and foreign.answered > _COVERAGE_SLACK:
        yield Finding(
            "caution",
            f"It does not know what it does not know: of {foreign.images} photographs that show none of its "
            f"classes, {foreign.answered:.0%} still get a label.",
        )


def _attention(padding: PaddingHeat | None) -> Iterator[Finding]:
    if padding is None or padding.images < _FEWEST_PADDED:
        return
    said = (
        f"in {padding.images} images with padding, {padding.heat:.0%} of the heat falls on it, which is "
        f"{padding.area:.0%} of their area"
    )
    if padding.heat >= padding.area:
        yield Finding("serious", f"It looks at the padding rather than at the picture: {said}.")
    elif padding.heat > _LITTLE_HEAT * padding.area:
        yield Finding("caution", f"It looks at the padding too: {said}.")
    else:
        yield Finding("good", f"It looks at the picture, not at the padding: {said}.")


def _photographs(evidence: Evidence) -> Iterator[Finding]:
    yield from _gap(evidence)
    if "test" in evidence.drawn:
        yield Finding(
            "good",
            "The test images were drawn at random and used for nothing else. As they come from the same "
            "photographs as the others, they say nothing of other cameras, places or times.",
        )
    if evidence.duplicates:
        yield Finding(
            "good",
            f"{evidence.duplicates} photographs of which a held-out split has a copy were left out, so they "
            "flatter no figure. Pictures that are merely alike, as frames of one film, are not found.",
        )
    if evidence.contradictions:
        yield Finding(
            "caution",
            f"{evidence.contradictions} photographs have the same bytes as one of another class: one of the "
            "two labels is wrong; see Data.",
        )
    readable = sum(evidence.train_counts.values())
    if evidence.unreadable > _MANY_UNREADABLE * readable:
        yield Finding("caution", f"{evidence.unreadable} files could not be used; see Data for the reasons.")
    most, least = max(evidence.train_counts.values()), min(evidence.train_counts.values())
    if most > _UNBALANCED * least and not evidence.balanced_loss:
        yield Finding(
            "caution",
            f"The classes are unbalanced ({least} to {most} training images) and the loss does not weigh "
            "them: rare ones may suffer.",
        )


def _gap(evidence: Evidence) -> Iterator[Finding]:
    gap = evidence.validation.accuracy - evidence.test.accuracy_interval[1]
    if gap > 0 and evidence.validation.accuracy - evidence.test.accuracy > _GAP:
        yield Finding(
            "caution",
            f"It does better on the validation images ({evidence.validation.accuracy:.1%}) than on the test "
            f"images ({evidence.test.accuracy:.1%}).",
        )
