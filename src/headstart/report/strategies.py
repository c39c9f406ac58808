"""Strategies over label budgets: summaries with intervals, the table of them, and their curves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.errors import DataError
from headstart.plain import Facts, Json
from headstart.report.axes import Axis, linear_axis, log_axis, said
from headstart.report.chart import Chart
from headstart.report.panel import Panel, Rule, Series, strips
from headstart.report.tables import Estimate

ORDER = ("as-is", "self-train", "features", "fine-tune", "self-train+fine-tune", "scratch", "tfidf")
"""Strategies that always have the same colour and place; others follow in the order they come."""

LOWER_IS_BETTER = ("log_loss", "brier", "ece", "mae", "macro_mae")
"""Metrics of which less is better."""

UNBOUNDED = ("log_loss", "mae", "macro_mae")
"""Metrics that may lie above 1."""

Summary = Sequence[Facts]


@dataclass(frozen=True, slots=True)
class LabelsSaved:
    """What to draw of labels saved: a candidate at ``budget`` labels reaches ``value``; another needs ``needed``.

    ``needed`` None means that the other never got there within the budgets measured.
    """

    budget: float
    needed: float | None
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class _View:
    """One look at the curves: the values that its axis must hold, the line under its title, its height."""

    values: list[float]
    note: str
    height: float


def summarise(rows: Sequence[Facts], metric: str = "auc", *, level: float = 0.95) -> list[Json]:
    """One row for each strategy and budget: ``strategy``, ``budget``, ``mean``, ``low``, ``high``, ``draws``.

    A row given has ``strategy``, ``budget`` (how many labels were used; 0 for a strategy that uses none) or, in
    its place, ``n_labels``, and the metric. Several rows of one strategy and budget are draws: the interval is
    Student's t over them, of the mean at ``level`` (none for a single draw). A single row with ``low`` and
    ``high`` keeps them, and ``draws`` where it says of how many it is the mean. Rows whose metric is None (a
    candidate that failed) are left out. Raises DataError when nothing is left, or a row lacks its strategy or
    number of labels.
    """
    groups: dict[tuple[str, int], list[Facts]] = {}
    for row in rows:
        budget = row.get("n_labels", row.get("budget"))
        if "strategy" not in row or budget is None:
            raise DataError(
                f"A row of a comparison is {dict(row)}, but each needs 'strategy' and 'budget', the number of labels "
                "used. Write how many labels there were where all were used, and 0 where none were."
            )
        if row.get(metric) is not None:
            groups.setdefault((str(row["strategy"]), int(budget)), []).append(row)
    if not groups:
        raise DataError(
            f"A comparison of strategies got {len(rows)} rows, none of which has a value of {metric!r}. "
            "Pass rows with 'strategy', 'budget' and this metric, or name a metric that the rows have."
        )
    order = _order([strategy for strategy, _ in groups])
    keys = sorted(groups, key=lambda key: (order.index(key[0]), key[1]))
    return [{"strategy": key[0], "budget": key[1], **_interval(groups[key], metric, level)} for key in keys]


def _order(names: Sequence[str]) -> list[str]:
    known = [name for name in ORDER if name in names]
    return [*known, *(name for name in dict.fromkeys(names) if name not in ORDER)]


def _interval(rows: Sequence[Facts], metric: str, level: float) -> Json:
    values = np.array([float(row[metric]) for row in rows])
    mean, n = float(values.mean()), len(values)
    if n == 1:
        low, high = rows[0].get("low"), rows[0].get("high")
        low, high = (mean if end is None else end for end in (low, high))
        return {"mean": mean, "low": low, "high": high, "draws": int(rows[0].get("draws", 1))}
    from scipy import stats  # a page without intervals is made without it

    half = float(stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n))
    return {"mean": mean, "low": mean - half, "high": mean + half, "draws": n}


def strategy_table(
    rows: Sequence[Facts], metric: str = "auc", *, decimals: int = 3
) -> tuple[list[Json], dict[str, str]]:
    """Strategies down, budgets across, each cell an `Estimate`: the rows and columns that `Page.table` takes.

    A strategy that uses no labels stands in the column "no labels". Rows and errors as for `summarise`.
    """
    summary = summarise(rows, metric)
    budgets = sorted({row["budget"] for row in summary})
    columns = {"strategy": "Strategy"} | {str(n): f"{n:,} labels" if n else "no labels" for n in budgets}
    table: dict[str, Json] = {row["strategy"]: {"strategy": row["strategy"]} for row in summary}
    for row in summary:
        cell = Estimate(row["mean"], row["low"], row["high"], row["draws"], decimals)
        table[row["strategy"]][str(row["budget"])] = cell
    return list(table.values()), columns


def strategy_curves(
    rows: Sequence[Facts],
    metric: str = "auc",
    *,
    saved: LabelsSaved | None = None,
    named: Sequence[str] | None = None,
    banded: Sequence[str] | None = None,
    title: str = "What labels buy",
    label: str = "AUC on the test rows",
    negligible: float = 0.01,
) -> Chart:
    """The metric over label budgets on a logarithmic axis, one line a strategy, intervals as bands.

    A strategy that uses no labels is a level line. ``named`` are the strategies to draw in colour and name at
    their ends, the others are thin and grey until the reader switches them on; ``banded`` are those whose interval
    is drawn. None stands for all. ``saved`` draws the distance between the budget of the
    best transfer and the labels that another candidate needs for the same. ``negligible``
    is a difference that makes none. Rows and errors as for `summarise`; also
    DataError when every strategy used no labels, for then there is no curve to draw.
    """
    summary = summarise(rows, metric)
    budgets = sorted({row["budget"] for row in summary} - {0})
    if not budgets:
        raise DataError(
            "Curves over label budgets need rows with a 'budget' of one label or more, but all rows have none. "
            "Show these rows with strategy_table instead, or compare strategies that use labels."
        )
    x = log_axis(budgets, "labels used (logarithmic)")
    order = _order([row["strategy"] for row in summary])
    colours = sorted(order, key=lambda name: name not in (named or order))  # the named ones have the plainest looks
    series = []
    for name in order:
        line = replace(_series(summary, name, colours.index(name), x), faint=named is not None and name not in named)
        series.append(line if banded is None or name in banded else replace(line, low=(), high=()))
    rules = () if saved is None else (_distance(saved, x),)
    ceiling = math.inf if metric in UNBOUNDED else 1.0
    panels = [
        _panel(view, tuple(series), rules if k == 0 else (), x, label, ceiling)
        for k, view in enumerate(_views(summary, saved, negligible, lowest_first=metric in LOWER_IS_BETTER))
    ]
    columns = {
        "strategy": "Strategy",
        "budget": "Labels",
        "mean": "Mean",
        "low": "Low",
        "high": "High",
        "draws": "Draws",
    }
    described = _curves_said(summary, budgets, metric)
    return Chart(title, described, tuple(panels), columns, summary, abreast=1)


def _panel(
    view: _View, series: tuple[Series, ...], rules: tuple[Rule, ...], x: Axis, label: str, ceiling: float
) -> Panel:
    y = linear_axis(view.values, label, ceiling=ceiling, decimals=4)
    return Panel(
        "",
        x,
        y,
        series,
        rules,
        strips(tuple(one for one in series if not one.faint), x, y, "{} labels"),
        view.note,
        height=view.height,
    )


def _views(summary: Summary, saved: LabelsSaved | None, negligible: float, *, lowest_first: bool) -> list[_View]:
    """Close by and whole, where a few poor points would press all others together; else whole alone."""
    note = _draws_said(summary)
    best: dict[int, float] = {}
    for row in summary:
        pick = min if lowest_first else max
        best[row["budget"]] = pick(best.get(row["budget"], row["mean"]), row["mean"])
    behind = [abs(row["mean"] - best[row["budget"]]) for row in summary]
    near = [row for row, gap in zip(summary, behind, strict=True) if gap <= 2.5 * float(np.median(behind)) + negligible]
    close = [row["mean"] for row in near] + ([saved.value] if saved else [])
    whole = [row[key] for row in summary for key in ("mean", "low", "high")]
    if max(close) - min(close) > 0.4 * (max(whole) - min(whole)):
        return [_View(whole, f"{note.capitalize()}.", 430)]
    return [_View(close, f"Close by: {note}.", 430), _View(whole, "The same, from the lowest value on.", 300)]


def _series(summary: Summary, name: str, look: int, x: Axis) -> Series:
    own = [row for row in summary if row["strategy"] == name]
    if all(row["budget"] == 0 for row in own):
        own = [{**own[0], "budget": tick} for tick in x.ticks]
    own = [row for row in own if row["budget"]]
    return Series.of_rows(name, own, "budget", "mean", look=look)


def _distance(saved: LabelsSaved, x: Axis) -> Rule:
    end = x.high if saved.needed is None else saved.needed
    return Rule((saved.budget, saved.value), (end, saved.value), saved.text, arrow=True)


def _draws_said(summary: Summary) -> str:
    draws = sorted({row["draws"] for row in summary if row["budget"]})
    if draws[-1] == 1:
        return "one draw of the training rows at each budget"
    span = f"{draws[0]}" if len(draws) == 1 else f"{draws[0]} to {draws[-1]}"
    return f"means of {span} draws of the training rows"


def _curves_said(summary: Summary, budgets: Sequence[int], metric: str) -> str:
    best = []
    for budget in budgets:
        here = [row for row in summary if row["budget"] in (budget, 0)]
        top = (min if metric in LOWER_IS_BETTER else max)(here, key=lambda row: float(row["mean"]))
        best.append(f"{said(budget)} labels: {top['strategy']} {top['mean']:.3f}")
    return "Best at " + "; ".join(best) + "."
