"""A page of findings as one HTML file that needs no network and no script to be read.

Everything stands in the file: the style sheet, the drawings (SVG) and one small script for hovering. A
content policy forbids the browser to load anything else or to run any other script, so that a review
which contains markup stays text. The skeleton is ``assets/page.html``, a jinja2 template that escapes all it is
given. Nothing is dated or random but what the caller passes: the same findings are the same bytes.
"""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

from jinja2 import Environment, Template
from markupsafe import Markup

from headstart.errors import OptionError
from headstart.plain import Facts, Json
from headstart.report.chart import Figure
from headstart.report.files import write_whole
from headstart.report.style import DARK, LIGHT
from headstart.report.svg import printable
from headstart.report.tables import Format, Rows, formatted, html_table

MOST_ROWS = 500
"""How many rows of the numbers behind a figure stand under it; the caption says when there are more."""

SIGNS = {"helps": "▲", "few": "◣", "same": "＝", "unknown": "?", "harms": "▼", "nothing": "✕"}
"""The sign next to the answer of a page, by its kind; a colour of its own comes with each."""


class Page:
    """Builds a page from the top down; each method returns the page, so that calls chain.

    ::

        page = Page("IMDb to hotels", "what 500 labels buy")
        page.answer("helps", "The base helps", "Use fine-tune: AUC 0.906", "It gains .05.")
        page.section("Learning curves").figure(learning_curves(rows), "Five epochs on two cores.")
        page.section("Options").facts({"epochs": 5, "seed": 0}).write("report.html")

    All texts are escaped; a blank line in a text begins a paragraph.

    Args:
        title: the heading.
        subtitle: a line under it.
        about: what the page is about, as names with their values: model, data file, date, command.
        full_title: the window's title where it should say more than the heading does.
        language: the page's, for screen readers and hyphenation.
    """

    def __init__(
        self,
        title: str,
        subtitle: str = "",
        *,
        about: Facts | None = None,
        full_title: str = "",
        language: str = "en",
    ) -> None:
        self.title, self.subtitle, self.language = title, subtitle, language
        self.about = {name: formatted(value) for name, value in (about or {}).items() if value not in (None, "", [])}
        self.full_title = full_title or title
        self._parts: list[Json] = []
        self._headings: list[str] = []

    def answer(
        self,
        kind: str,
        line: str,
        use: str = "",
        why: str = "",
        tiles: Sequence[tuple[str, str, str]] = (),
        *,
        link: tuple[str, str] | None = None,
    ) -> Self:
        """The finding, in large type at the top of the page.

        Args:
            kind: a key of `SIGNS`, which gives the sign and the colour.
            line: the finding in a few words.
            use: what to use, with its figure.
            why: a sentence or two of reason.
            tiles: the figures that matter most: name, value, and a note or ``""``.
            link: address and text of a page with more.
        """
        part: Json = {"kind": kind, "sign": SIGNS[kind], "line": line, "use": use, "why": why, "tiles": tiles}
        return self._add("answer", **part, link=link and link[0], link_text=link and link[1])

    def verdict(self, text: str) -> Self:
        """A finding in words, set apart."""
        return self._add("note", text=text)

    def section(self, heading: str, text: str = "") -> Self:
        """A heading, with paragraphs under it."""
        self._headings.append(heading)
        return self._add("section", heading=heading, text=text, number=len(self._headings))

    def text(self, text: str) -> Self:
        """Paragraphs."""
        return self._add("text", text=text)

    def figure(self, figure: Figure, caption: str = "") -> Self:
        """A figure with its caption and, folded under it, the numbers behind it."""
        n_rows = len(figure.rows)
        more = "" if n_rows <= MOST_ROWS else f": the first {MOST_ROWS:,} of {n_rows:,} rows"
        numbers = html_table(figure.rows[:MOST_ROWS], figure.columns, caption=f"{figure.title}{more}")
        return self._add(
            "figure", title=figure.title, caption=caption, drawing=Markup(figure.html()), numbers=Markup(numbers),
            toggles=figure.toggles,
        )  # fmt: skip

    def table(
        self,
        rows: Rows,
        columns: Mapping[str, str] | Sequence[str] | None = None,
        formats: Mapping[str, Format] | None = None,
        *,
        highlight_best: bool | Mapping[str, Literal["max", "min"]] = False,
        caption: str = "",
    ) -> Self:
        """A table of plain rows.

        ``columns`` are keys, or map keys to headings; left out, all keys in the order they appear.
        ``formats`` map a column to a format specification (".3f") or a function to text.
        ``highlight_best`` maps columns to "max" or "min"; True means the highest of every column of
        numbers but the first. Raises OptionError for a column that no row has.
        """
        heads = _headings(rows, columns)
        best = dict.fromkeys(list(heads)[1:], "max") if highlight_best is True else highlight_best or {}
        table = html_table(rows, heads, caption=caption, formats=formats, best=best)
        return self._add("table", table=Markup(table), name=caption or (self._headings or ["Table"])[-1])

    def facts(self, facts: Facts, formats: Mapping[str, Format] | None = None) -> Self:
        """Names with their values, as options, counts and versions are."""
        shapes = formats or {}
        return self._add("facts", facts=[(name, formatted(value, shapes.get(name))) for name, value in facts.items()])

    def html(self) -> str:
        """The whole page as text."""
        script = _asset("page.js")
        return _template().render(
            page=self,
            parts=self._parts,
            headings=self._headings,
            figures=any(part["block"] == "figure" for part in self._parts),
            digest=Markup(base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()),
            style=Markup(_style_sheet()),
            script=Markup(script),
        )

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the page whole or not at all, and return its path. Raises OSError where it cannot stand."""
        return write_whole(path, self.html().encode("utf-8", "backslashreplace"))

    def _add(self, block: str, **part: Any) -> Self:
        self._parts.append({"block": block, **part})
        return self


@cache
def _template() -> Template:
    def plain(value: object) -> Any:
        return value if isinstance(value, Markup) else printable(str(value))

    return Environment(autoescape=True, finalize=plain, keep_trailing_newline=True).from_string(_asset("page.html"))


def _headings(rows: Rows, columns: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    present = list(dict.fromkeys(key for row in rows for key in row))
    if columns is None:
        columns = present
    heads = dict(columns) if isinstance(columns, Mapping) else {key: _heading(key) for key in columns}
    unknown = [key for key in heads if key not in present]
    if rows and unknown:
        raise OptionError(
            f"A table was to show the columns {unknown}, which none of its {len(rows)} rows has. "
            f"Choose from the columns that they have: {present}."
        )
    return heads


def _heading(key: str) -> str:
    return key[:1].upper() + key[1:].replace("_", " ")


def _style_sheet() -> str:
    light, dark = (
        "".join(f" --{name}: {value};" for name, value in colours.items()) + f" color-scheme: {scheme};"
        for colours, scheme in ((LIGHT, "light"), (DARK, "dark"))
    )
    dark_mode = f"@media screen and (prefers-color-scheme: dark) {{ :root {{{dark} }} }}\n"
    return f":root {{{light} }}\n{dark_mode}{_asset('page.css')}"


@cache
def _asset(name: str) -> str:
    return (files("headstart.report") / "assets" / name).read_text(encoding="utf-8")
