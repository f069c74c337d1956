"""The four rules of CS231n ('Transfer Learning', https://cs231n.github.io/transfer-learning/).

Small and similar data: a linear classifier on the features. Large and similar: fine-tune the whole network.
Small and different: a linear classifier on an earlier layer. Large and different: train from scratch or
fine-tune everything; fine-tuned here, as the notes find that pretrained weights still help, and as starting
from random ones never takes fewer epochs. Small pictures are fine-tuned on as a whole; of others the later
layers alone are fitted, so that a machine without a GPU can do it, and the reasons say so.

CS231n gives no borders; those below are chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from training.advice.facts import Contrast, Facts

if TYPE_CHECKING:
    from training.advice.separability import Separability

LINEAR = "efficientnet-lite0-linear"
EARLY_LINEAR = "efficientnet-lite0-early-linear"
FINETUNE = "efficientnet-lite0-finetune"
SMALL_PICTURES = "efficientnet-lite0-small-pictures"

# A round number, chosen and not measured. The experiments of our recipes leave a network mostly frozen on
# 3,000 photographs and train it whole on 60,000; it lies between.
LARGE_IMAGES = 10_000
SMALL_SIDE = 64  # pixels: what the recipe for small pictures reads them at
UNBALANCED_RATIO = 3  # chosen: of two classes the smaller one then has a quarter of the photographs
_LEAST_SKILL = 0.5  # chosen: half the way from chance to no mistake
_FEW_IMAGES = 60  # chosen: below, an interval is wider than a quarter


def is_large(learnt: int) -> bool:
    """Whether that many photographs are enough to fine-tune all of a network on."""
    return learnt >= LARGE_IMAGES


def is_small(largest_side: int) -> bool:
    """Whether pictures whose longest side has that many pixels lose nothing at 64x64; 0 is unknown."""
    return 0 < largest_side <= SMALL_SIDE


def is_similar(facts: Facts) -> bool:
    """Whether what ImageNet taught the late layers tells these classes apart.

    It does not where early features do better, or where late ones do no better and come not half the way
    from chance to no mistake. Without evidence data counts as similar.
    """
    contrast = facts.contrast
    if contrast is None or contrast.late_is_better:
        return True
    return not contrast.early_is_better and contrast.late.most_skill >= _LEAST_SKILL


def is_unbalanced(facts: Facts) -> bool:
    """Whether some class has many times the photographs of another."""
    return facts.largest > UNBALANCED_RATIO * facts.smallest


def recipe_for(facts: Facts) -> str:
    """The name of the recipe."""
    if is_large(facts.learnt):
        return SMALL_PICTURES if is_small(facts.largest_side) else FINETUNE
    return LINEAR if is_similar(facts) else EARLY_LINEAR


def reasons_for(facts: Facts) -> Iterator[str]:
    """Why, a sentence a reason."""
    size, border = ("large", "at least") if is_large(facts.learnt) else ("small", "fewer than")
    yield f"{size}: {facts.learnt:,} photographs to learn from, {border} {LARGE_IMAGES:,} (a chosen border)"
    likeness = "similar" if is_similar(facts) else "different"
    yield f"{likeness} {'to' if likeness == 'similar' else 'from'} ImageNet: {_likeness(facts.contrast)}"
    yield f"{size} and {likeness}: {_RULES[size, likeness]} (CS231n)"
    if is_large(facts.learnt):
        yield _SMALL if is_small(facts.largest_side) else _PARTLY
    else:
        yield _DEFAULT
    if is_unbalanced(facts):
        times = facts.largest / facts.smallest
        yield (
            f"unbalanced: the largest class has {times:.1f} times the photographs of the smallest; "
            "let every class count the same with --class-weights"
        )


_RULES = {
    ("small", "similar"): "a linear classifier on the last features",
    ("small", "different"): "a linear classifier on an earlier layer",
    ("large", "similar"): "fine-tune the whole network",
    ("large", "different"): "fine-tune the whole network, or train one from scratch",
}
_DEFAULT = (
    "the recipe is a quick start; what train follows without --recipe fine-tunes as well, which takes longer "
    "and was right more often on the photographs we measured"
)
_SMALL = (
    f"small pictures, none of those looked at above {SMALL_SIDE} pixels: "
    f"all of the network is fine-tuned, at {SMALL_SIDE}x{SMALL_SIDE}"
)
_PARTLY = (
    'the recipe fine-tunes the later layers, the head first; with a GPU consider frozen = "none" '
    "in its second stage, which fine-tunes all"
)


def _likeness(contrast: Contrast | None) -> str:
    if contrast is None:
        return "assumed, as too few photographs of two classes can be compared"
    figures = (
        f"late features answer {_percent(contrast.late)} of {contrast.images} photographs rightly, "
        f"early ones {_percent(contrast.early)}, chance {contrast.late.chance:.0%}; {_verdict(contrast)}"
    )
    doubt = "; so few photographs say little" if contrast.images < _FEW_IMAGES else ""
    return figures + doubt


def _verdict(contrast: Contrast) -> str:
    if contrast.late_is_better:
        return "late ones do better"
    if contrast.early_is_better:
        return "early ones do better"
    if contrast.late.most_skill < _LEAST_SKILL:
        return "neither tells the classes apart well: look at the labels first"
    return "late ones do well, and the difference may be chance"


def _percent(measured: Separability) -> str:
    return f"{measured.accuracy:.0%} ({measured.low:.0%} to {measured.high:.0%})"
