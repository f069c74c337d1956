"""Writes `report.html`: looks at the run once more, then sets the page."""

from __future__ import annotations

import uuid
from importlib import resources
from pathlib import Path

from training.errors import RunError
from training.report.answers import Answers, answers_of
from training.report.attention import look, padding_heat
from training.report.attention_section import attention_section
from training.report.classes_section import classes_section
from training.report.confusion_section import confusion_section
from training.report.curves import curves_section
from training.report.data_section import contradictions, counts_by_label, data_section, drawn_splits
from training.report.embeddings import embed_some
from training.report.embeddings_section import embeddings_section
from training.report.findings import Evidence, findings
from training.report.foreign_look import ForeignLook, look_at_foreign
from training.report.foreign_section import foreign_section
from training.report.markup import Markup, anchor, element, joined
from training.report.overview import overview
from training.report.padding import PaddingHeat
from training.report.pictures_section import confident_mistakes, contact_sheet
from training.report.reliability_section import reliability_section
from training.report.repeat_section import repeat_section, timings_section
from training.run import Run

_TEST_IMAGES = 1_000
_STYLE = resources.files("training.report") / "report.css"


def write_report(path: Path, run: Run) -> None:
    """Write one file that needs no other: style and images are inside, and there is no script.

    Runs the network again: Grad-CAM of 24 test images, embeddings of at most 1,000 test and 500 training
    images and of the foreign ones. Memory does not grow with the photographs.

    Raises:
        RunError: it cannot be written.
    """
    page = report_page(run)
    aside = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        aside.write_text(page, "utf-8")
        aside.replace(path)
    except OSError as exc:
        raise RunError(f"cannot write {path}: {exc.strerror}") from exc
    finally:
        aside.unlink(missing_ok=True)


def report_page(run: Run) -> str:
    """The whole document."""
    answers = answers_of(run)
    looks = look(run.cut, answers)
    embedded = embed_some(run.model, answers.samples, most=_TEST_IMAGES, seed=run.data.seed)
    foreign = look_at_foreign(run, answers, embedded)
    found = findings(_evidence(run, answers, padding=padding_heat(looks), foreign=foreign))
    sections = {
        "Data": data_section(run.data),
        "Learning": curves_section(run),
        "Classes": classes_section(run.evaluations["test"]),
        "Confusion": confusion_section(answers),
        "Contact sheet": contact_sheet(answers),
        "Most confident mistakes": confident_mistakes(answers),
        "What it looked at": attention_section(answers, looks),
        "Embeddings": embeddings_section(answers, embedded),
        "Reliability": reliability_section(run, answers),
        "Foreign images": foreign_section(foreign),
        "Timings": timings_section(run),
        "To repeat this run": repeat_section(run),
    }
    links = element("nav", *(element("a", title, href=f"#{anchor(title)}") for title in sections))
    return _document(run.name, joined([overview(run, found), links, *sections.values()]))


def _evidence(run: Run, answers: Answers, *, padding: PaddingHeat | None, foreign: ForeignLook) -> Evidence:
    return Evidence(
        test=run.evaluations["test"],
        validation=run.evaluations["validation"],
        calibration=run.calibration,
        mean_confidence=float(answers.confidence.mean()),
        train_counts=dict(zip(run.data.labels, counts_by_label(run.data, "train"), strict=True)),
        balanced_loss=run.recipe.class_weights,
        drawn=drawn_splits(run.data),
        duplicates=len(run.data.duplicates),
        contradictions=contradictions(run.data),
        unreadable=len(run.data.unreadable),
        padding=padding,
        foreign=foreign.measured,
    )


def _document(title: str, body: Markup) -> str:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title}: training report"),
        element("style", Markup(_STYLE.read_text("utf-8"))),
    )
    return f"<!doctype html>\n{element('html', head, element('body', body), lang='en').html}\n"
