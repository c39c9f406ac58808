"""What a model answers, class by class, label by label, or as numbers: the parts of a page in place of a separation of scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headstart.arrays import Doubles
from headstart.plain import Facts
from headstart.report.axes import linear_axis, said
from headstart.report.chart import Chart
from headstart.report.page import Page
from headstart.report.panel import Panel, Rule, Series, Strip

_MOST_ACROSS = 15
"""Classes that a confusion table shows; of more, the pairs that are confused most."""
_MOST_CLASSES = 150
_MOST_DOTS = 400
_N_BINS = 40

_HEADS = {"label": "Label", "precision": "Precision", "recall": "Recall", "f1": "F1", "support": "Rows"}


def add_details(page: Page, details: Facts) -> None:
    """Put on a page what `headstart.tasks.Task.details` found: confusion, each class or label, quantiles of residuals."""
    if confusion := details.get("confusion"):
        _confusion(page, confusion)
    if classes := details.get("classes"):
        _classes(page, classes)
    if found := details.get("residuals"):
        _quantiles(page, found)


def _confusion(page: Page, confusion: Facts) -> None:
    names = confusion["labels"]
    if len(names) <= _MOST_ACROSS:
        rows = [
            {"label": name, **{f"as {k}": n for k, n in enumerate(counts)}}
            for name, counts in zip(names, confusion["counts"], strict=True)
        ]
        heads = {"label": "Label", **{f"as {k}": f"As {name}" for k, name in enumerate(names)}}
        page.table(rows, heads, caption="Confusion table: rows by label, columns by what they were predicted as")
        return
    pairs = confusion["most_confused"]
    heads = {"label": "Label", "predicted": "Predicted as", "n": "Rows", "share": "Share of the label's rows"}
    if pairs:
        page.table(
            pairs, heads, {"share": ".1%"}, caption=f"The pairs that are confused most, of {len(names):,} classes"
        )
    else:
        page.text(f"None of the {len(names):,} classes was taken for another.")


def _classes(page: Page, classes: Sequence[Facts]) -> None:
    shown, caption = list(classes), "Each label: precision, recall, F1, and its rows"
    if len(classes) > _MOST_CLASSES:
        there = [one for one in classes if one["f1"] is not None]
        shown = sorted(there, key=lambda one: float(one["f1"]))[:_MOST_CLASSES]
        caption = f"The {len(shown)} of {len(classes):,} labels with the lowest F1"
    page.table(shown, _HEADS, dict.fromkeys(("precision", "recall", "f1"), ".3f"), caption=caption)


def _quantiles(page: Page, found: Facts) -> None:
    shares = [name for name in found if name.isdecimal()]
    rows = [{"mean": found["mean"], "rmse": found["rmse"], **{name: found[name] for name in shares}}]
    heads = {"mean": "Mean", "rmse": "Root mean square", **{name: f"{name}% lie below" for name in shares}}
    page.table(rows, heads, dict.fromkeys(heads, ",.4g"), caption="What was predicted less what is true")


def residuals(targets: Sequence[float], predicted: Sequence[float]) -> Chart:
    """Predicted against true numbers, and how the difference is distributed.

    Args:
        targets: true numbers [rows].
        predicted: predicted ones [rows].
    """
    true, found = np.asarray(targets, np.float64), np.asarray(predicted, np.float64)
    off = found - true
    text = (
        f"Mean absolute error {said(float(np.abs(off).mean()), 3)} on {len(true):,} rows; half lie within {_half(off)}."
    )
    rows = [{"true": float(a), "predicted": float(b), "off": float(b - a)} for a, b in zip(true, found, strict=True)]
    columns = {"true": "True", "predicted": "Predicted", "off": "Predicted less true"}
    return Chart("Predicted and true", text, (_against(true, found), _distribution(off)), columns, rows)


def _half(off: Doubles) -> str:
    return said(float(np.median(np.abs(off))), 3)


def _against(true: Doubles, found: Doubles) -> Panel:
    shown = np.unique(np.linspace(0, len(true) - 1, min(len(true), _MOST_DOTS)).round().astype(int))
    both = np.concatenate([true, found])
    x, y = linear_axis(both.tolist(), "true"), linear_axis(both.tolist(), "predicted")
    texts = tuple(f"True {said(a)}\nPredicted {said(b)}" for a, b in zip(true[shown], found[shown], strict=True))
    dots = Series("rows", tuple(true[shown].tolist()), tuple(found[shown].tolist()), kind="dots", texts=texts)
    low, high = max(x.low, y.low), min(x.high, y.high)
    note = "" if len(shown) == len(true) else f"{len(shown):,} of the {len(true):,} rows."
    return Panel("", x, y, (dots,), (Rule((low, low), (high, high), "as true"),), note=note, height=430)


def _distribution(off: Doubles) -> Panel:
    low, high = (float(np.percentile(off, share)) for share in (0.5, 99.5))
    far = max(abs(low), abs(high)) or 1.0
    edges = np.linspace(-far, far, _N_BINS + 1)
    counts = np.histogram(np.clip(off, -far, far), edges)[0]
    x = linear_axis((-far, far), "predicted less true")
    y = linear_axis((0.0, float(counts.max())), "rows", floor=0.0)
    strips = tuple(
        Strip(a, b, (a + b) / 2, f"{said(a)} to {said(b)}\n{n:,} rows")
        for a, b, n in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    )
    steps = Series("rows", tuple(edges.tolist()), tuple(map(float, counts.tolist())), kind="steps")
    return Panel(
        "", x, y, (steps,), strips=strips, note="How far off the rows are; the farthest stand at the ends.", height=430
    )
