"""Figures of one training run: its learning curves, and its layers used as features."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from headstart.errors import DataError
from headstart.evaluation.metric import Metric
from headstart.evaluation.saying import OF_AUC, Saying
from headstart.plain import Facts, Json
from headstart.report.axes import Axis, count_axis, linear_axis, name_axis
from headstart.report.chart import Chart
from headstart.report.panel import Panel, Rule, Series, strips
from headstart.tasks import TASKS

Row = Facts

_METRICS = {name: metric for task in TASKS.values() for name, metric in task.metrics.items()}


def learning_curves(rows: Sequence[Row], *, title: str = "Learning curves") -> Chart:
    """Loss, and AUC or another metric that was watched, over the epochs of a training run.

    A row has ``epoch`` (0 is before training) and any of ``train_loss``, ``valid_loss``, ``train_auc``,
    ``valid_auc``, or another metric in its place (None or NaN where not measured), ``seconds``, and ``step``, what was done,
    where these are no epochs of one training. A start far off the rest would flatten
    all that follows, so a value of epoch 0 that is farther from the others than three times their
    span is left below or above the panel, and said in its note. Raises DataError without a measured value.
    """
    metric = _watched(rows)
    parts = {"loss": "loss", metric.name: metric.said}
    measures = {f"{side}_{part}": f"{side.capitalize()} {parts[part]}" for part in parts for side in ("train", "valid")}
    if not any(_measured(row.get(key)) for row in rows for key in measures):
        raise DataError(
            f"Learning curves got {len(rows)} rows without a value of {', '.join(measures)}. "
            "They need one row an epoch, with 'epoch' and any of these: train for one epoch or more."
        )
    unit = "step" if "step" in rows[0] else "epoch"
    x = count_axis([int(row["epoch"]) for row in rows], unit)
    panels = [_curves(rows, x, one, unit) for one in (None, metric)]
    scored = [row for row in rows if _measured(row.get(f"valid_{metric.name}"))]
    said = [f"{len(rows)} rows, from {unit} {rows[0]['epoch']} to {rows[-1]['epoch']}."]
    if scored:
        best = max(scored, key=lambda row: metric.sign * float(row[f"valid_{metric.name}"]))
        value = float(best[f"valid_{metric.name}"])
        said.append(f"The best validation {metric.said} is {value:.4f}, after {unit} {best['epoch']}.")
    names = {"epoch": unit.capitalize(), "step": "What was done", **measures, "seconds": "Seconds"}
    columns = {key: name for key, name in names.items() if any(row.get(key) is not None for row in rows)}
    return Chart(title, " ".join(said), tuple(panel for panel in panels if panel.series), columns, list(rows))


def _watched(rows: Sequence[Row]) -> Metric:
    """Return the metric that was measured next to the loss; the AUC where none was."""
    names = (key.partition("_")[2] for row in rows for key in row if key.startswith(("train_", "valid_")))
    return _METRICS[next((name for name in names if name in _METRICS), "auc")]


def _curves(rows: Sequence[Row], x: Axis, metric: Metric | None, unit: str) -> Panel:
    """Return one panel: of a metric, or of the loss."""
    part = "loss" if metric is None else metric.name
    series = tuple(
        one
        for look, side in enumerate(("train", "valid"))
        if (one := _line(rows, "epoch", f"{side}_{part}", side, look)).x
    )
    shown, notes = _without_far_start(series)
    y = linear_axis(shown, "", ceiling=1.0 if metric is not None and metric.higher_is_better else math.inf, decimals=4)
    return Panel(
        "Loss" if metric is None else metric.said[:1].upper() + metric.said[1:],
        x,
        y,
        series,
        strips=strips(series, x, y, f"{unit.capitalize()} {{}}"),
        note=_best(series, max if metric is not None and metric.higher_is_better else min, notes, unit),
    )


def _best(series: tuple[Series, ...], best_of: Callable[[Sequence[float]], float], notes: str, unit: str) -> str:
    valid = next((one for one in series if one.name == "valid"), None)
    if valid is None:
        return notes
    value = best_of(valid.y)
    best = f"best valid {value:.4f}, {unit} {valid.x[valid.y.index(value)]:.0f}"
    return f"{best}; {notes}" if notes else best


def _line(rows: Sequence[Row], x: str, y: str, name: str, look: int) -> Series:
    known = [(float(row[x]), float(row[y])) for row in rows if _measured(row.get(y))]
    return Series(name, tuple(at for at, _ in known), tuple(value for _, value in known), look=look)


def _measured(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _without_far_start(series: tuple[Series, ...]) -> tuple[list[float], str]:
    """The values that the axis must hold, and a note on those of epoch 0 that it does not."""
    later = [value for one in series for at, value in zip(one.x, one.y, strict=True) if at > 0]
    start = {one.name: one.y[0] for one in series if one.x[0] == 0}
    span = max(later, default=0.0) - min(later, default=0.0)
    far = later and any(min(abs(value - other) for other in later) > 3 * span > 0 for value in start.values())
    if not far:
        return later + list(start.values()), ""
    return later, "at epoch 0: " + ", ".join(f"{name} {value:.3f}" for name, value in start.items())


def layer_auc(
    rows: Sequence[Row], *, reference: float | None = None, title: str | None = None, how: Saying = OF_AUC
) -> Chart:
    """How well each layer's output serves as features, with intervals: by the AUC, or the metric that ``how`` says.

    A row has ``layer``, the metric by its name, and where known ``low``, ``high`` and ``head`` (the model on top of the
    layer, as "catboost"; each gets a marker). Layers stand in the order of their first row.
    ``reference`` draws a line, as the metric of the base as it is. Raises DataError without rows.
    """
    if not rows:
        raise DataError("A figure of layers needs one row a layer, but there are no rows. Score one layer or more.")
    layers = list(dict.fromkeys(str(row["layer"]) for row in rows))
    heads = list(dict.fromkeys(str(row.get("head") or "") for row in rows))
    values = [float(row[key]) for row in rows for key in (how.name, "low", "high") if row.get(key) is not None]
    ceiling = 1.0 if how.higher_is_better else math.inf
    y = linear_axis([*values, *([] if reference is None else [reference])], how.title, ceiling=ceiling, decimals=4)
    series = tuple(
        _head_series(rows, how, layers, head, (k - (len(heads) - 1) / 2) * 0.24, k) for k, head in enumerate(heads)
    )
    x = name_axis(layers)
    rules = () if reference is None else (Rule((x.high, reference), (x.low, reference), f"as it is {reference:.3f}"),)
    best = (max if how.higher_is_better else min)(rows, key=lambda row: float(row[how.name]))
    head = f" with {best['head']}" if best.get("head") else ""
    said = f"{best['layer']}{head} is best, with {how.with_article} of {float(best[how.name]):.4f}."
    panel = Panel("", x, y, series, rules, note=said, sideways=True, height=120 + 40.0 * len(layers))
    names = {"layer": "Layer", "head": "Head", how.name: how.heading, "low": "Low", "high": "High"}
    columns = {key: name for key, name in names.items() if any(row.get(key) is not None for row in rows)}
    title = title or f"{how.heading} by layer used as features"
    return Chart(title, said, (panel,), columns, list(rows))


def _head_series(rows: Sequence[Row], how: Saying, layers: list[str], head: str, shift: float, look: int) -> Series:
    own = [
        {"x": layers.index(str(row["layer"])) + shift, "low": row[how.name], "high": row[how.name], **_known(row)}
        for row in rows
        if str(row.get("head") or "") == head
    ]
    dots = Series.of_rows(head or how.title, own, "x", how.name, look=look)
    return replace(dots, kind="dots", texts=tuple(_layer_said(row, how) for row in own))


def _known(row: Row) -> Json:
    return {key: value for key, value in row.items() if value is not None}


def _layer_said(row: Row, how: Saying) -> str:
    head = f" with {row['head']}" if row.get("head") else ""
    interval = f" [{row['low']:.4f}, {row['high']:.4f}]" if row["low"] < row["high"] else ""
    return f"{row['layer']}{head}\n{how.title} {row[how.name]:.4f}{interval}"
