from __future__ import annotations

import base64
import html
import io
import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from training.errors import RunError

from .conftest import LABELS

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]
_VOID = {"img", "meta"}


class _Reader(HTMLParser):
    """Text and attributes of a page whose elements must all be closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        values = dict(attrs)
        self.links += [values[key] for key in ("src", "href") if key in values]
        self.ids += [values["id"]] if "id" in values else []
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    from training.report.page import write_report

    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, run)
    return path.read_text("utf-8")


@pytest.fixture(scope="module")
def read(page):
    return _Reader(page)


def test_the_page_is_one_file_without_scripts(page, read):
    assert read.open == []
    assert "script" not in read.tags
    assert {link.partition(",")[0] for link in read.links if not link.startswith("#")} <= {
        "data:image/png;base64",
        "data:image/svg+xml;base64",
        "data:image/jpeg;base64",
    }
    assert "url(" not in page
    assert "@import" not in page


def test_every_link_leads_to_a_section(read):
    anchors = {link.removeprefix("#") for link in read.links if link.startswith("#")}

    assert anchors == set(read.ids)
    assert len(anchors) == 12


def test_names_labels_and_files_are_text_never_markup(page, read):
    assert "i" not in read.tags
    assert "<amber>" not in page
    for text in (*LABELS, "blue/notes <b>.jpg", "tiny <i>model</i>"):
        assert text in read.text
        assert html.escape(text) in page


def test_the_first_screen_says_how_good_and_whether_to_trust_it(run, read):
    test = run.evaluations["test"]
    first = read.text.partition("Data")[0]

    low, high = test.accuracy_interval
    assert f"{test.accuracy:.1%}" in first
    assert f"95% interval {low:.1%} to {high:.1%}" in first
    assert "Whether to trust it" in first
    assert "1 min 2 s" in first
    for note in run.calibration.notes:
        assert note in first


def test_every_figure_of_the_page_is_a_picture_that_opens(read):
    photographs = [link for link in read.links if link.startswith(("data:image/png", "data:image/jpeg"))]

    for link in photographs:
        with Image.open(io.BytesIO(base64.b64decode(link.partition(",")[2]))) as image:
            assert image.size == (32, 32)
    assert len(photographs) >= 2 * 6 + 6  # Grad-CAM in pairs, and the contact sheet


def test_files_left_out_stand_there_with_their_reasons(run, read):
    (unreadable,) = run.data.unreadable

    assert "Quarantined: 1" in read.text
    assert unreadable.detail in read.text
    assert "Duplicates left out: none" in read.text


def test_copies_that_took_part_stand_there_with_their_classes(run):
    from training.report.data_section import contradictions, data_section

    first, *others = run.data.photographs
    other = next(p for p in others if p.label != first.label)
    sha256 = run.data.decoded.sha256 | {other.relative: run.data.decoded.sha256[first.relative]}
    data = replace(run.data, decoded=replace(run.data.decoded, sha256=sha256))

    text = data_section(data).html
    assert "Copies that took part: 1" in text
    assert html.escape(other.relative) in text
    assert (contradictions(data), contradictions(run.data)) == (2, 0)


def test_the_recipe_of_the_page_is_read_back_as_it_was(run, page):
    from training.typed_table import read_table

    text = html.unescape(re.search(r"<pre>(.*?)</pre>", page, re.DOTALL)[1])

    assert read_table(type(run.recipe), tomllib.loads(text)) == run.recipe


def test_the_page_says_what_repeats_the_run(run, read):
    assert run.command in read.text
    assert run.data.decoded.dataset_sha256 in read.text
    assert "keras 3" in read.text
    assert "with seed 3" in read.text


def test_foreign_photographs_are_measured(read):
    assert "120 of hands and 105 of cats" in read.text
    assert "weak detector" in read.text


def test_a_support_vector_machine_has_figures_instead_of_curves(run):
    from training.report.curves import curves_section

    svm = SimpleNamespace(cost=0.1, cross_validation_accuracy=0.875, folds=5, converged=False)

    text = _Reader(curves_section(replace(run, svm=svm, history=())).html).text

    assert "0.1, chosen by cross-validation" in text
    assert "87.5% (5 folds)" in text
    assert "no: the limit of iterations ended it" in text


def test_stages_stand_in_the_caption_of_the_curves(run):
    from training.report.curves import curves_section

    rows = [row | {"stage": stage, "learning_rate": 0.1**stage} for stage in (1, 2) for row in run.history]
    recipe = replace(run.recipe, stages=run.recipe.stages * 2)

    text = _Reader(curves_section(replace(run, recipe=recipe, history=tuple(rows))).html).text

    assert re.search(r"4 epochs, .* The weights are those of epoch [12] of stage 2", text)


def test_a_run_without_a_mistake_says_so(run):
    from training.report.answers import answers_of
    from training.report.confusion_section import confusion_section
    from training.report.pictures_section import confident_mistakes

    truth = run.data.samples["test"].labels
    perfect = replace(run, logits=dict(run.logits) | {"test": 9 * np.eye(3, dtype=np.float32)[truth]})
    answers = answers_of(perfect)

    assert "No test image was taken for another class." in confusion_section(answers).html
    assert "No test image was answered wrongly." in confident_mistakes(answers).html


def test_every_answer_wrong_is_shown_too(run, tmp_path):
    from training.report.page import write_report

    truth = run.data.samples["test"].labels
    wrong = replace(run, logits=dict(run.logits) | {"test": 9 * np.eye(3, dtype=np.float32)[(truth + 1) % 3]})

    write_report(tmp_path / "report.html", wrong)

    text = _Reader((tmp_path / "report.html").read_text("utf-8")).text
    assert "The worst pairs" in text
    assert "No test image of blue is recognised." in text


def test_a_page_that_cannot_be_written_leaves_nothing(run, tmp_path):
    from training.report.page import write_report

    (tmp_path / "report.html").mkdir()

    with pytest.raises(RunError, match="cannot write"):
        write_report(tmp_path / "report.html", run)

    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
