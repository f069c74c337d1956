"""What a notebook shows of an answer."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

from miwake.client import Candidate, Explanation, Prediction
from tests.pictures import encoded

HOSTILE = """<script>alert(1)</script>" onmouseover='x' & ü"""


class Shown(HTMLParser):
    """What a browser makes of it: elements, their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())

    def widths(self) -> list[str]:
        styles = [attributes.get("style") or "" for _, attributes in self.elements]
        return [style.rpartition("width:")[2] for style in styles if ";width:" in style]


def prediction(label: str, *, name: str | None = None, model: str = "flowers") -> Prediction:
    top = (Candidate(label, 0.75), Candidate("tulip", 0.25))
    return Prediction(label, 0.75, top, model=model, version=3, request_id="a", name=name)


def test_a_prediction_shows_its_label_and_a_bar_for_each_candidate() -> None:
    shown = Shown(prediction("rose", name="a.jpg")._repr_html_())

    assert shown.texts[:2] == ["rose", "a.jpg"]
    assert {"tulip", "75.00 %", "25.00 %", "flowers version 3, probability 0.7500"} <= set(shown.texts)
    assert shown.widths() == ["75.0%", "25.0%"]
    assert shown.open == []


def test_names_are_text_and_never_markup() -> None:
    plain = Shown(prediction("rose", name="a.jpg")._repr_html_())
    hostile = Shown(prediction(HOSTILE, name=HOSTILE, model=HOSTILE)._repr_html_())

    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
    assert {name for _, attributes in hostile.elements for name in attributes} == {"style", "title"}
    assert hostile.texts.count(HOSTILE) == 3


def test_an_explanation_shows_its_picture() -> None:
    explanation = Explanation(
        label="rose", probability=0.75, overlay=encoded(), model="flowers", version=3, request_id="a"
    )

    shown = Shown(explanation._repr_html_())
    (picture,) = [attributes for tag, attributes in shown.elements if tag == "img"]
    assert base64.b64decode(str(picture["src"]).removeprefix("data:image/png;base64,")) == encoded()
    assert shown.open == []


def test_an_explanation_of_numbers_shows_none() -> None:
    explanation = Explanation(label="rose", probability=0.75, model="flowers", version=3, request_id="a")

    assert "<img" not in explanation._repr_html_()


def test_bytes_and_numbers_stay_out_of_a_repr() -> None:
    explanation = Explanation(
        label="rose", probability=0.75, overlay=encoded(), model="flowers", version=3, request_id="a"
    )

    assert len(repr(explanation)) < 200
