"""All figures of a kind of target for one set of scores, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from headstart.arrays import Array, Doubles
from headstart.errors import DataError
from headstart.evaluation.draws import components, estimate
from headstart.evaluation.metric import Metric
from headstart.plain import Facts, Json

_MOST_NAMED = 5


def figures(
    metrics: Mapping[str, Metric], targets: Array, taken: Callable[[Metric], Doubles], names: Sequence[str] = ()
) -> Json:
    """Return every metric by its name; the first is the primary one.

    Args:
        metrics: by name.
        targets: as the metrics take them [rows] or [rows, labels].
        taken: gives what a metric takes [rows] or [rows, size].
        names: of classes or labels, by code.

    Returns:
        The metrics; the primary one's 95% interval as ``NAME_low`` and ``NAME_high``; ``chance``, what the primary one is
        without knowing anything of a row; ``n``. What these targets leave undefined is None, and ``undefined`` says why.

    Raises:
        DataError: no rows, unequal lengths, or what is no finite number.
    """
    found: Json = {}
    reasons: dict[str, list[str]] = {}
    for metric in metrics.values():
        scores = taken(metric)
        _check(targets, scores)
        reason = undefined(metric, targets, names)
        if reason:
            reasons.setdefault(reason, []).append(metric.said)
        found[metric.name] = None if reason else metric.influence(targets, scores)[0]
        if not found.keys() - {metric.name}:  # the primary one
            low, high = (None, None) if reason else interval(metric, targets, scores)
            found |= {f"{metric.name}_low": low, f"{metric.name}_high": high}
            found["chance"] = None if reason else metric.chance(targets)
    if reasons:
        found["undefined"] = " ".join(f"{why}: no {', no '.join(which)}." for why, which in reasons.items())
    return {**found, "n": len(targets)}


def interval(metric: Metric, targets: Array, scores: Doubles, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a metric on one draw of test rows."""
    found = estimate(components(targets, {-1: scores}, metric=metric), confidence=confidence)
    return found.low, found.high


def undefined(metric: Metric, targets: Array, names: Sequence[str]) -> str:
    """Return why a metric is not defined on these targets; empty where it is."""
    truth = np.asarray(targets)
    if metric.needs == "two values" and (truth == truth[0]).all():
        return f"all {len(truth)} rows have the same target"
    if metric.needs == "every label":
        counts = (truth > 0).sum(0) if truth.ndim == 2 else np.bincount(truth, minlength=len(names))
        missing = [name for name, n in zip(names, counts, strict=True) if not n]
        if missing:
            more = f" and {len(missing) - _MOST_NAMED:,} more" if len(missing) > _MOST_NAMED else ""
            return f"no row holds {', '.join(missing[:_MOST_NAMED])}{more}"
    return ""


def below_chance(metric: Metric, found: Facts) -> str | None:
    """Return a sentence where a primary metric, as `figures` found it, is no better than its chance level."""
    value, chance = found.get(metric.name), found.get("chance")
    if value is None or chance is None or metric.sign * (value - chance) > 0:
        return None
    return f"the {metric.said}, {value:.4g}, is no better than what one answer for all rows gets ({chance:.4g})"


def _check(targets: Array, scores: Doubles) -> None:
    truth, found = np.asarray(targets), np.asarray(scores)
    if not len(truth) or len(truth) != len(found):
        raise DataError(
            f"Targets of {len(truth)} rows and scores of {len(found)} came; expected one of each for every row, and a row."
        )
    if not np.isfinite(found).all():
        n_bad = int((~np.isfinite(found.reshape(len(found), -1)).all(1)).sum())
        raise DataError(
            f"{n_bad} of {len(found)} rows have scores that are no finite numbers (NaN or infinite). "
            "Score those rows again, or drop them."
        )
