"""A page of findings as one HTML file that needs no network and no script to be read.

Everything stands in the file: the style sheet, the drawings (SVG) and one small script for hovering. A
content policy forbids the browser to load anything else or to run any other script, so that a review
which contains markup stays text. Nothing in the file is dated or random: the same findings are the same
bytes.
"""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

from headstart.errors import OptionError
from headstart.report.chart import Figure
from headstart.report.files import write_whole
from headstart.report.style import DARK, LIGHT
from headstart.report.svg import escaped
from headstart.report.tables import Format, Rows, formatted, html_table

MOST_ROWS = 500
"""How many rows of the numbers behind a figure stand under it; the caption says when there are more."""


class Page:
    """Builds a page from the top down; each method returns the page, so that calls chain.

    ::

        page = Page("IMDb to hotels", "what 500 labels buy")
        page.verdict("Ship fine-tune: it saves about 1,500 labels.")
        page.section("Learning curves").figure(learning_curves(rows), "Five epochs on two cores.")
        page.section("Options").facts({"epochs": 5, "seed": 0}).write("report.html")

    All texts are escaped; a blank line in a text begins a paragraph. ``language`` is the page's, for
    screen readers and hyphenation.
    """

    def __init__(self, title: str, subtitle: str = "", *, language: str = "en") -> None:
        self.title, self.subtitle, self.language = title, subtitle, language
        self._parts: list[str] = []
        self._headings: list[str] = []

    def verdict(self, text: str) -> Self:
        """The finding in words, set apart; for the top of the page."""
        self._parts.append(f'<div class="verdict" role="note" aria-label="Verdict">\n{_paragraphs(text)}</div>')
        return self

    def section(self, heading: str, text: str = "") -> Self:
        """A heading, with paragraphs under it."""
        self._headings.append(heading)
        self._parts.append(f'<h2 id="part-{len(self._headings)}">{escaped(heading)}</h2>\n{_paragraphs(text)}')
        return self

    def text(self, text: str) -> Self:
        """Paragraphs."""
        self._parts.append(_paragraphs(text))
        return self

    def figure(self, figure: Figure, caption: str = "") -> Self:
        """A figure with its caption and, folded under it, the numbers behind it."""
        n_rows = len(figure.rows)
        more = "" if n_rows <= MOST_ROWS else f": the first {MOST_ROWS:,} of {n_rows:,} rows"
        numbers = html_table(figure.rows[:MOST_ROWS], figure.columns, caption=f"{figure.title}{more}")
        self._parts.append(
            f"<figure>\n<figcaption><strong>{escaped(figure.title)}</strong> {escaped(caption)}</figcaption>\n"
            f"{figure.html()}\n<details><summary>The numbers behind this figure</summary>\n"
            f"{_scrolling(numbers, figure.title)}</details>\n</figure>"
        )
        return self

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
        self._parts.append(_scrolling(table, caption or "Table"))
        return self

    def facts(self, facts: Mapping[str, Any], formats: Mapping[str, Format] | None = None) -> Self:
        """Names with their values, as options, counts and versions are."""
        shapes = formats or {}
        pairs = "".join(
            f"<div><dt>{escaped(name)}</dt><dd>{escaped(formatted(value, shapes.get(name)))}</dd></div>\n"
            for name, value in facts.items()
        )
        self._parts.append(f"<dl>\n{pairs}</dl>")
        return self

    def html(self) -> str:
        """The whole page as text."""
        script = _asset("page.js")
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
        subtitle = f'<p class="subtitle">{escaped(self.subtitle)}</p>\n' if self.subtitle else ""
        return (
            f'<!DOCTYPE html>\n<html lang="{escaped(self.language)}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n<meta name="generator" content="Headstart">\n'
            f"<title>{escaped(self.title)}</title>\n<style>\n{_style_sheet()}</style>\n</head>\n<body>\n"
            f"<header>\n<h1>{escaped(self.title)}</h1>\n{subtitle}{self._contents()}</header>\n<main>\n"
            + "\n".join(self._parts)
            + f"\n</main>\n{self._footer()}<script>{script}</script>\n</body>\n</html>\n"
        )

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the page whole or not at all, and return its path. Raises OSError where it cannot stand."""
        return write_whole(path, self.html().encode())

    def _footer(self) -> str:
        if not any(part.startswith("<figure>") for part in self._parts):
            return ""
        keys = "Figures answer to the pointer. With a keyboard, reach one with Tab and step through it with the arrow keys."
        return f'<footer><p class="hint">{keys}</p></footer>\n'

    def _contents(self) -> str:
        if len(self._headings) < 4:
            return ""
        links = "".join(
            f'<li><a href="#part-{k}">{escaped(heading)}</a></li>' for k, heading in enumerate(self._headings, 1)
        )
        return f'<nav aria-label="Parts of this page"><ul>{links}</ul></nav>\n'


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


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escaped(part.strip())}</p>\n" for part in text.split("\n\n") if part.strip())


def _scrolling(table: str, name: str) -> str:
    """A table that scrolls by itself where the window is narrow, also from the keyboard."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escaped(name)}">\n{table}\n</div>'


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
