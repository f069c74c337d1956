"""HTML as values. Labels and file names are foreign text: whatever is not `Markup` is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_VOID = frozenset({"col", "img", "meta"})


@dataclass(frozen=True)
class Markup:
    """Text that is HTML already."""

    html: str


Child = Markup | str


def element(name: str, *children: Child, **attributes: str) -> Markup:
    """One element; a keyword that Python reserves takes an underscore at its end, as `class_`."""
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"' for key, value in attributes.items()
    )
    if name in _VOID:
        return Markup(f"<{name}{named}>")
    return Markup(f"<{name}{named}>{joined(children).html}</{name}>")


def joined(children: Iterable[Child]) -> Markup:
    """One after the other."""
    return Markup("".join(c.html if isinstance(c, Markup) else html.escape(c) for c in children))


def paragraph(*children: Child, class_: str = "") -> Markup:
    """One paragraph."""
    return element("p", *children, class_=class_) if class_ else element("p", *children)


def section(title: str, *children: Child) -> Markup:
    """One section, with the anchor that `contents` links to."""
    return element("section", element("h2", title), *children, id=anchor(title))


def anchor(title: str) -> str:
    """The fragment of a section."""
    return title.lower().replace(" ", "-")


def table(head: Sequence[Child], rows: Iterable[Sequence[Child]], *, class_: str = "figures") -> Markup:
    """A table with one row of headings, in a frame that scrolls where the page is too narrow."""
    heading = element("thead", element("tr", *(element("th", cell) for cell in head)))
    body = element("tbody", *(element("tr", *(element("td", cell) for cell in row)) for row in rows))
    return element("div", element("table", heading, body, class_=class_), class_="scroll")


def facts(rows: Iterable[tuple[str, Child]]) -> Markup:
    """A list of names and values."""
    pairs = (joined([element("dt", name), element("dd", value)]) for name, value in rows)
    return element("dl", *pairs)
