"""What happens when the model is shown something else."""

from __future__ import annotations

from training.report.foreign_look import ForeignLook
from training.report.markup import Markup, paragraph, section, table

_PLURALS = {"hand": "hands", "cat": "cats"}


def foreign_section(look: ForeignLook) -> Markup:
    """Two detectors side by side, or why there are none."""
    foreign = look.measured
    if foreign is None:
        return section("Foreign images", paragraph(f"Not measured: {look.reason}."))
    subjects = " and ".join(f"{count} of {_PLURALS[name]}" for name, count in look.counts.items())
    return section(
        "Foreign images",
        paragraph(f"Photographs that show none of the classes ({subjects}) were given to the model."),
        table(
            ["detector", "test images that get a label", "foreign images that get one", "AUROC"],
            [
                [
                    f"probability of at least {foreign.threshold:g}",
                    f"{foreign.known_answered:.1%}",
                    f"{foreign.answered:.1%}",
                    f"{foreign.auroc_probability:.3f}",
                ],
                [
                    "similarity to training images",
                    f"{foreign.known_answered:.1%}",
                    f"{foreign.answered_by_embedding:.1%}",
                    f"{foreign.auroc_embedding:.3f}",
                ],
            ],
        ),
        *map(paragraph, foreign.notes),
    )
