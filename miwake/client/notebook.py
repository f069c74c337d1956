"""Answers as notebooks show them. Styles stand at each element: notebooks drop <style>, and themes differ."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from contract.prediction import Candidate

if TYPE_CHECKING:
    from miwake.client.answers import Explanation, Prediction

_BOX = "font:13px/1.5 system-ui,sans-serif;max-width:28rem"
_ROW = "display:grid;grid-template-columns:10rem 1fr 4.5rem;gap:.6rem;align-items:center"
_CUT = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
_TRACK = "background:rgba(128,128,128,.2);border-radius:3px;height:.7rem"
_BAR = "background:#2f8f86;border-radius:3px;height:.7rem"
_NUMBER = "text-align:right;font-variant-numeric:tabular-nums"


def prediction_html(prediction: Prediction) -> str:
    """The label, a bar for each candidate, and who says so."""
    return f'<div style="{_BOX}">{_title(prediction)}{_bars(prediction.top)}{_source(prediction)}</div>'


def explanation_html(explanation: Explanation) -> str:
    """The overlay, if it was asked for, with the label and who says so."""
    picture = _picture(explanation.overlay)
    return f'<div style="{_BOX}">{_title(explanation)}{picture}{_source(explanation)}</div>'


def _title(answer: Prediction | Explanation) -> str:
    name = "" if answer.name is None else f' <span style="opacity:.65">{escape(answer.name)}</span>'
    return f'<div style="{_CUT}"><strong style="font-size:16px">{escape(answer.label)}</strong>{name}</div>'


def _bars(top: Sequence[Candidate]) -> str:
    return "".join(
        f'<div style="{_ROW}"><span style="{_CUT}" title="{escape(candidate.label)}">'
        f'{escape(candidate.label)}</span><div style="{_TRACK}"><div style="{_BAR};'
        f'width:{100 * candidate.probability:.1f}%"></div></div>'
        f'<span style="{_NUMBER}">{100 * candidate.probability:.2f} %</span></div>'
        for candidate in top
    )


def _picture(png: bytes | None) -> str:
    if png is None:
        return ""
    data = base64.b64encode(png).decode()
    return f'<img alt="where the model looked" style="max-width:100%" src="data:image/png;base64,{data}">'


def _source(answer: Prediction | Explanation) -> str:
    text = f"{answer.model} version {answer.version}, probability {answer.probability:.4f}"
    return f'<div style="opacity:.65;font-size:12px">{escape(text)}</div>'
