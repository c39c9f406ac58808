"""Figures of a model's scores: their distributions by label, and whether they mean what they say."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from headstart.errors import DataError
from headstart.evaluation.binary import N_BINS, auc, expected_calibration_error
from headstart.plain import Facts, Json
from headstart.report.axes import Axis, linear_axis
from headstart.report.chart import Chart
from headstart.report.panel import Panel, Rule, Series, Strip

Floats = npt.NDArray[np.float64]


def score_separation(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    label_names: Sequence[str] = ("negative", "positive"),
    *,
    threshold: float = 0.5,
    n_bins: int = 40,
    title: str = "Scores by label",
) -> Chart:
    """Two distributions of the predicted probability, one for the rows of each label, and the cut.

    ``labels`` [rows] are 0 or 1, ``probabilities`` [rows] those of label 1, ``label_names`` the names of 0
    and 1. Heights are shares of the label's own rows, so that a rare label is seen too. Raises DataError
    for rows that do not match, other labels, or probabilities outside 0..1.
    """
    truth, scores = _checked(labels, probabilities)
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    counts = [np.histogram(scores[truth == label], edges)[0] for label in (0, 1)]
    shares = [count / max(1, count.sum()) for count in counts]
    names = [f"{name} ({count.sum():,} rows)" for name, count in zip(label_names, counts, strict=True)]
    said = _separation_said(truth, scores, label_names, threshold)
    x = linear_axis((0.0, 1.0), f"predicted probability of “{label_names[1]}”", floor=0.0, ceiling=1.0, decimals=2)
    y = linear_axis((0.0, *(float(share.max()) for share in shares)), "share of the label's rows", floor=0.0)
    percent = Axis(y.label, y.low, y.high, y.ticks, tuple(f"{100 * tick:.3g}%" for tick in y.ticks))
    series = tuple(
        Series(names[k], tuple(edges.tolist()), tuple(shares[k].tolist()), look=1 - k, kind="steps") for k in (0, 1)
    )
    rows = [
        {"from": low, "to": high, "zero": int(counts[0][k]), "one": int(counts[1][k])}
        for k, (low, high) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    ]
    spots = tuple(_bin_strip(row, counts, label_names) for row in rows)
    cut = Rule((threshold, y.low), (threshold, y.high), f"cut {threshold:.2f}")
    panel = Panel("", x, percent, series[::-1], (cut,), spots, said, height=330)
    return Chart(
        title, said, (panel,), {"from": "From", "to": "To"} | dict(zip(("zero", "one"), names, strict=True)), rows
    )


def _separation_said(truth: npt.NDArray[np.bool_], scores: Floats, names: Sequence[str], cut: float) -> str:
    said = [f"AUC {auc(truth, scores):.4f}."] if 0 < truth.sum() < len(truth) else []
    missed, raised = (scores[truth] < cut), (scores[~truth] >= cut)
    if len(missed):
        said.append(f"At the cut, {missed.mean():.1%} of the “{names[1]}” rows are missed")
    if len(raised):
        said.append(f"{'and' if len(missed) else 'At the cut,'} {raised.mean():.1%} of the “{names[0]}” rows pass.")
    return " ".join(said)


def _bin_strip(row: Json, counts: list[npt.NDArray[np.int64]], names: Sequence[str]) -> Strip:
    said = [
        f"{name} {row[key]:,} rows ({row[key] / max(1, count.sum()):.1%})"
        for key, name, count in zip(("one", "zero"), names[::-1], counts[::-1], strict=True)
    ]
    middle = (row["from"] + row["to"]) / 2
    return Strip(
        row["from"], row["to"], middle, "\n".join([f"Probability {row['from']:.3g} to {row['to']:.3g}", *said])
    )


def _checked(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[npt.NDArray[np.bool_], Floats]:
    truth, scores = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != scores.shape or not len(truth):
        raise DataError(
            f"A figure of scores got labels of shape {truth.shape} and probabilities of shape {scores.shape}. "
            "It needs one label and one probability for each of one or more rows: pass two flat arrays of one length."
        )
    if not np.isin(truth, (0, 1)).all():
        raise DataError(
            f"A figure of scores got the labels {np.unique(truth)[:5].tolist()}, but it compares two: 0 and 1, "
            "where 1 is the label that the probabilities are of. Pass one label against the rest."
        )
    if not ((scores >= 0) & (scores <= 1)).all():
        raise DataError(
            f"A figure of scores got probabilities from {scores.min():.4g} to {scores.max():.4g}, but they must lie "
            "between 0 and 1, without NaN. If these are logits, pass 1 / (1 + exp(-logit)) instead."
        )
    return truth.astype(bool), scores


def calibration_curve(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, *, n_bins: int = N_BINS, title: str = "Calibration"
) -> Chart:
    """How often the label is 1 among rows with a like probability, next to how often it should be.

    Bins hold about equal numbers of rows, equal probabilities always in one of them, as in
    `metrics.expected_calibration_error`, which stands in the note; whiskers are Wilson's 95% intervals.
    Arguments and errors as for `score_separation`.
    """
    truth, scores = _checked(labels, probabilities)
    bins = np.searchsorted(np.sort(scores), scores) * n_bins // len(scores)
    rows = [_bin(truth[bins == k], scores[bins == k]) for k in np.unique(bins)]
    error = expected_calibration_error(truth, scores, n_bins=n_bins)
    said = f"Expected calibration error {error:.3f}, over {len(rows)} bins of {len(scores):,} rows."
    x = linear_axis((0.0, 1.0), "mean predicted probability", floor=0.0, ceiling=1.0)
    y = linear_axis((0.0, 1.0), "share of rows that are positive", floor=0.0, ceiling=1.0)
    dots = replace(Series.of_rows("observed", rows, "mean", "share"), kind="dots", texts=tuple(map(_bin_said, rows)))
    diagonal = Rule((0, 0), (1, 1), "as predicted")
    panels = (Panel("", x, y, (dots,), (diagonal,), note=said, height=430), _where_scores_lie(scores))
    columns = {"mean": "Mean probability", "share": "Share positive", "low": "Low", "high": "High", "n": "Rows"}
    return Chart(title, said, panels, columns, rows)


def _where_scores_lie(scores: Floats, n_bins: int = 20) -> Panel:
    edges = np.linspace(0.0, 1.0, n_bins + 1).tolist()
    counts = np.histogram(scores, edges)[0].tolist()
    x = linear_axis((0.0, 1.0), "predicted probability", floor=0.0, ceiling=1.0, decimals=2)
    y = linear_axis((0.0, *counts), "rows", floor=0.0)
    spots = tuple(
        Strip(low, high, (low + high) / 2, f"Probability {low:.2f} to {high:.2f}\n{count:,} rows")
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    )
    series = Series("rows", tuple(edges), tuple(map(float, counts)), look=0, kind="steps")
    return Panel("", x, y, (series,), strips=spots, note="Where the probabilities lie.", height=430)


def _bin_said(row: Facts) -> str:
    interval = f"[{row['low']:.3f}, {row['high']:.3f}]"
    return f"Predicted {row['mean']:.3f}\nObserved {row['share']:.3f} {interval}\n{row['n']:,} rows"


def _bin(truth: npt.NDArray[np.bool_], scores: Floats) -> Json:
    n, share, z = len(truth), float(truth.mean()), 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return {
        "mean": float(scores.mean()),
        "share": share,
        "low": max(0.0, middle - half),
        "high": min(1.0, middle + half),
        "n": n,
    }
