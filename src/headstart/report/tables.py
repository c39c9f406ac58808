"""Rows of plain values as an HTML table that a screen reader can walk."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from headstart.plain import Facts, Json
from headstart.report.axes import said
from headstart.report.svg import escaped

Format = str | Callable[[Any], str]
"""How values of a column are written: a format specification as ".3f", or a function from value to text."""

_DECIMALS: dict[type, Format] = {float: lambda value: said(value, 4)}  # alike all down a column

Rows = Sequence[Facts]

_PHONE = 48
_LONGEST_WORDS = 20
"""Characters across a phone, and of the longest words next to others that a column there leaves whole."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval, the number of draws it is a mean of, and its decimals; compares by its value."""

    value: float
    low: float
    high: float
    draws: int = 1
    decimals: int = 3

    def __str__(self) -> str:
        value, low, high = (f"{number:,.{self.decimals}f}" for number in (self.value, self.low, self.high))
        return value if low == high else f"{value} [{low}, {high}]"


def html_table(
    rows: Rows,
    columns: Mapping[str, str],
    *,
    caption: str = "",
    formats: Mapping[str, Format] | None = None,
    best: Mapping[str, str] | None = None,
) -> str:
    """A table with a heading for each column and, in the first column, for each row.

    ``columns`` maps keys to headings, in order. Numbers stand to the right; None and NaN show as "–".
    ``best`` names the columns whose best value is set in bold, each with "max" or "min"; it says "best" to
    a screen reader, and equals are all marked. Everything is escaped. A table of words that is wider than
    a phone is stacked there, one cell below the other, each with its heading; columns would leave them a syllable's width.
    """
    formats, marks = formats or {}, _best_cells(rows, best or {})
    numeric = {key for key in columns if _is_numeric(rows, key)}
    texts = [[_text(row.get(key), formats.get(key)) for key in columns] for row in rows]
    stacked = _squeezed(texts, [key in numeric for key in columns])
    body = []
    for place, row in enumerate(texts):
        cells = [
            _cell(text, columns[key], first=k == 0, right=key in numeric, best=(place, key) in marks, stacked=stacked)
            for k, (key, text) in enumerate(zip(columns, row, strict=True))
        ]
        body.append(f"<tr{_role('row', stacked)}>{''.join(cells)}</tr>\n")
    heads = "".join(
        f'<th scope="col"{_role("columnheader", stacked)}{_right(key in numeric)}>{escaped(name)}</th>'
        for key, name in columns.items()
    )
    title = f"<caption>{escaped(caption)}</caption>\n" if caption else ""
    group, row_role = _role("rowgroup", stacked), _role("row", stacked)
    look = ' class="stacked" role="table"' if stacked else ""
    top = f"<thead{group}><tr{row_role}>{heads}</tr></thead>"
    return f"<table{look}>\n{title}{top}\n<tbody{group}>\n{''.join(body)}</tbody>\n</table>"


def _cell(text: str, head: str, *, first: bool, right: bool, best: bool, stacked: bool) -> str:
    shown = escaped(text)
    if best:
        shown = f'<strong>{shown}<span class="unseen"> (best)</span></strong>'
    tag = 'th scope="row"' if first else "td"
    said_by_itself = f' data-head="{escaped(head)}"' if stacked else ""
    return (
        f"<{tag}{_role('rowheader' if first else 'cell', stacked)}{said_by_itself}{_right(right)}>{shown}</{tag[:2]}>"
    )


def _squeezed(texts: Sequence[Sequence[str]], numeric: Sequence[bool]) -> bool:
    """Tell whether a phone would break words apart; numbers are not broken, so a table of these scrolls sideways."""
    widths = [max((len(row[k]) for row in texts), default=0) for k in range(len(numeric))]
    words = [width for width, number in zip(widths[1:], numeric[1:], strict=True) if not number]
    return sum(widths) + 2 * len(widths) > _PHONE and max(words, default=0) > _LONGEST_WORDS


def _role(name: str, stacked: bool) -> str:
    """Return what names a role: browsers take the roles from a table that is not shown as one."""
    return f' role="{name}"' if stacked else ""


def _text(value: object, shape: Format | None) -> str:
    return formatted(value, shape or _DECIMALS.get(type(value)))


def _right(right: bool) -> str:
    return ' class="number"' if right else ""


def formatted(value: object, shape: Format | None = None) -> str:
    """A value as a reader sees it: by its format, else by its type."""
    if value is None or (isinstance(value, Real) and math.isnan(value)):
        return "–"
    if callable(shape):
        return shape(value)
    if shape:
        return format(value, shape)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return f"{int(value):,}"
    return f"{float(value):,.6g}" if isinstance(value, Real) else _joined(value)


def turned(parts: Mapping[str, Facts], named: Mapping[str, str]) -> list[Json]:
    """Return counts of several parts as rows: one a count, by its name, with a column a part. So they fit a phone."""
    return [{"count": name, **{part: facts.get(key) for part, facts in parts.items()}} for key, name in named.items()]


def count_or_share(value: object) -> str:
    """Return a count as it is, a share in per cent."""
    return f"{value:.1%}" if isinstance(value, float) and not math.isnan(value) else formatted(value)


def _joined(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {formatted(part)}" for key, part in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(formatted(part) for part in value) or "none"
    return str(value)


def _magnitude(value: object) -> float | None:
    if isinstance(value, Estimate):
        return value.value
    return float(value) if isinstance(value, Real) and not math.isnan(value) else None


def _is_numeric(rows: Rows, key: str) -> bool:
    present = [row[key] for row in rows if row.get(key) is not None]
    return bool(present) and all(isinstance(value, Real | Estimate) for value in present)


def _best_cells(rows: Rows, best: Mapping[str, str]) -> set[tuple[int, str]]:
    cells = set()
    for key, direction in best.items():
        values = {place: size for place, row in enumerate(rows) if (size := _magnitude(row.get(key))) is not None}
        if len(values) > 1:
            top = max(values.values()) if direction == "max" else min(values.values())
            cells |= {(place, key) for place, size in values.items() if size == top}
    return cells
