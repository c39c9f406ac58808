"""Probabilities that mean what they say, and decisions that are made of them, fitted on rows that were not learnt from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from headstart.arrays import Array, Doubles
from headstart.evaluation import sigmoid
from headstart.evaluation.binary import mean_confidence
from headstart.fitting.logistic import log_loss, logistic_path
from headstart.plain import Json
from headstart.tasks import PLAIN, Binary, MultiLabel, Ordinal, Regression, Rule, Task

_MIN_ROWS = 20
_LEAST_FOR_THRESHOLD = 200
_LEAST_OF_LABEL = 10
_LEAST_FOR_THRESHOLD_OF_LABEL = 50
_MOST_ROUNDS = 20
_LEAST_SLOPE = 1e-3
_MOST_BINS, _LEAST_BINS, _LEAST_A_BIN = 20, 4, 25


def fit_calibration(logits: NDArray[np.float64], labels: Array, weights: Array | None = None) -> tuple[float, float]:
    """Return slope and intercept that make ``sigmoid(slope * logit + intercept)`` a probability.

    Platt's scaling with his smoothed targets, so that a perfect separation gives no certainty: Platt,
    "Probabilistic Outputs for Support Vector Machines", 1999. The order of the scores never changes: a
    slope that would not be positive, and fewer than 20 rows, give (1, 0).

    Args:
        logits: scores of rows that the model was not trained on [rows].
        labels: their class codes, 0 and 1 [rows].
        weights: how much each row counts [rows]; None for 1 each.
    """
    positive = np.asarray(labels) > 0.5
    each = np.ones(len(positive)) if weights is None else np.asarray(weights, np.float64)
    n_high, n_low = float(each[positive].sum()), float(each[~positive].sum())
    if len(logits) < _MIN_ROWS or not n_high or not n_low:
        return 1.0, 0.0
    target = np.where(positive, (n_high + 1) / (n_high + 2), 1 / (n_low + 2))
    return _slope_and_intercept(logits, target, weights)


def _slope_and_intercept(logits: Doubles, target: Doubles, weights: Array | None) -> tuple[float, float]:
    """Return what makes ``sigmoid(slope * logit + intercept)`` most like a target from 0 to 1; (1, 0) for no such slope above 0."""
    scale = float(np.std(logits)) or 1.0
    scores = np.asarray(logits, np.float64)[:, None] / scale
    (line,) = logistic_path(scores, target, (np.inf,), weights=weights, tolerance=1e-13)
    slope, intercept = float(line.coefficients[0, 0]), float(line.intercepts[0])
    return (slope / scale, intercept) if slope > 0 else (1.0, 0.0)


def fit_decision_rule(labels: Array, logits: NDArray[np.float64] | None) -> Rule:
    """Return calibration and threshold from the logits of rows that were held out; NaN ones are left out.

    The threshold is the calibrated probability with the most right decisions, from 200 rows on; with fewer it
    would be noise, and .5 stands.
    """
    if logits is None:
        return PLAIN
    known = np.isfinite(logits)
    truth, scores = np.asarray(labels)[known], logits[known]
    fitted = Rule(fit_calibration(scores, truth))
    if len(truth) < _LEAST_FOR_THRESHOLD:
        return fitted
    gains = np.where(truth > 0.5, 1.0, -1.0)
    return fitted.replace(threshold=_best_cut(sigmoid(fitted.calibrated(scores)), gains))


def fit_rule(task: Task, logits: Doubles, targets: Array, weights: Array | None = None) -> Rule:
    """Return how logits become probabilities and decisions, from rows that were held out.

    ==========  ==============================================================================================
    binary      slope and intercept: `fit_calibration`
    multiclass  a slope, which is one over the temperature (Guo and others, ICML 2017)
    multilabel  slope and intercept of each label that has 10 rows with and 10 without it, one pair for the others, and the
                thresholds of the best micro-F1
    ordinal     a slope, and the cuts between neighbours
    regression  slope and intercept, and a monotone map from the place among the training rows to the number
    ==========  ==============================================================================================

    Where rows are too few, the logits stay as they are.

    Args:
        task: what the targets are.
        logits: of the held-out rows, [rows] or [rows, outputs].
        targets: of these rows; see `headstart.tasks`.
        weights: how much each row counts [rows]; None for 1 each.
    """
    if len(logits) < _MIN_ROWS:
        return PLAIN
    if isinstance(task, Binary):
        return Rule(fit_calibration(logits, targets, weights))
    each = np.ones(len(logits)) if weights is None else np.asarray(weights, np.float64)
    if isinstance(task, MultiLabel):
        return _of_labels(logits, targets, each)
    if isinstance(task, Regression):
        return _of_numbers(task, logits, targets, each)
    # A little of every class on each row, as if one row more had held all of them: nothing becomes certain or impossible.
    n, n_classes = float(each.sum()), len(task.names)
    smoothed = np.full((len(logits), n_classes), 1 / (n + 1) / n_classes)
    smoothed[np.arange(len(logits)), np.asarray(targets)] += n / (n + 1)
    return _of_classes(logits, smoothed, each) if task.link == "softmax" else _of_order(logits, smoothed, each)


def rule_of_goals(logits: Doubles, goals: Array, weights: Array | None = None, link: str = "sigmoid") -> Rule:
    """Return slope and intercept that make logits most like goals between 0 and 1, such as a teacher's probabilities.

    Args:
        logits: [rows] or [rows, outputs].
        goals: likewise.
        weights: how much each row counts [rows]; None for 1 each.
        link: of the task; see `headstart.tasks.Task`.
    """
    each = np.ones(len(logits)) if weights is None else np.asarray(weights, np.float64)
    if link == "softmax":
        return _of_classes(logits, np.asarray(goals, np.float64), each)
    n_outputs = logits.size // max(len(logits), 1)
    return Rule(_slope_and_intercept(logits.ravel(), np.ravel(goals), np.repeat(each, n_outputs)))


def _of_classes(logits: Doubles, goals: Doubles, weights: Doubles) -> Rule:
    """Return the slope with the least log loss [rows, classes]."""
    scale = float(np.std(logits - logits.mean(1, keepdims=True))) or 1.0

    def loss(log_slope: float) -> float:
        return log_loss(goals, np.exp(log_slope) / scale * logits, weights, "softmax")

    found = minimize_scalar(loss, bounds=(-6.0, 6.0), method="bounded", options={"xatol": 1e-6})
    return Rule((float(np.exp(found.x)) / scale, 0.0))


def _of_order(logits: Doubles, goals: Doubles, weights: Doubles) -> Rule:
    """Return one slope and a cut between each two neighbours, by the log losses of all "is it a higher class?" together.

    One slope for all keeps the cuts in order (Rennie and Srebro, IJCAI Workshop on Preference Handling, 2005).
    """
    n_cuts = goals.shape[1] - 1
    higher = np.cumsum(goals[:, ::-1], axis=1)[:, -2::-1]  # [rows, cuts]: that it is a higher class
    scale = float(np.std(logits)) or 1.0
    scores = np.repeat(np.asarray(logits, np.float64) / scale, n_cuts)
    inputs = np.concatenate([scores[:, None], -np.tile(np.eye(n_cuts), (len(logits), 1))], axis=1)
    how: Json = {"weights": np.repeat(weights, n_cuts), "tolerance": 1e-13, "max_iter": 1000}
    (line,) = logistic_path(inputs, higher.reshape(-1), (np.inf,), **how)
    slope, cuts = float(line.coefficients[0, 0]), line.coefficients[0, 1:] - line.intercepts[0]
    if (
        slope < _LEAST_SLOPE or (np.diff(cuts) <= 0).any()
    ):  # the scores tell nothing: every row is as likely to be of a class
        slope, shares = _LEAST_SLOPE, np.average(higher, axis=0, weights=weights)
        cuts = np.log((1 - shares) / shares)
    rule = Rule((slope / scale, 0.0), offsets=tuple(cuts.tolist()))
    task = Ordinal(tuple(map(str, range(n_cuts + 1))))
    expected = task.expected(task.probabilities(logits, rule))
    return rule.replace(thresholds=tuple(_quantiles(expected, 1 - higher, weights)))


def _quantiles(expected: Doubles, lower: Doubles, weights: Doubles) -> list[float]:
    """Return cuts between which as many rows fall as each class has: what quadratic kappa asks of decisions.

    Medians of unsure rows all lie in the middle, and a kappa of scores that correlate by r is r where they spread as the
    targets do, and 2 r**2 / (1 + r**2) where they shrink by r.

    Args:
        expected: codes of the classes, on average [rows].
        lower: that a row is of the class before each cut or a lower one [rows, cuts].
        weights: of the rows [rows].
    """
    order = np.argsort(expected, kind="stable")
    ranked, upto = expected[order], np.cumsum(weights[order]) / weights.sum()
    places = np.searchsorted(upto, np.average(lower, axis=0, weights=weights), "right")
    return [float(ranked[max(place - 1, 0) : place + 1].mean()) for place in places]


def _of_labels(logits: Doubles, targets: Array, weights: Doubles) -> Rule:
    there = np.asarray(targets) > 0
    n_with = there.sum(0)
    often = (n_with >= _LEAST_OF_LABEL) & (len(there) - n_with >= _LEAST_OF_LABEL)
    common = fit_calibration(logits.reshape(-1), there.reshape(-1), np.repeat(weights, logits.shape[1]))
    pairs = [
        fit_calibration(logits[:, label], there[:, label], weights) if own else common
        for label, own in enumerate(often)
    ]
    rule = Rule(common)
    if often.any():
        factors, offsets = zip(*pairs, strict=True)
        rule = Rule(factors=factors, offsets=offsets)
    probabilities = MultiLabel(tuple(map(str, range(logits.shape[1])))).probabilities(logits, rule)
    return rule.replace(thresholds=_thresholds(there, probabilities, n_with >= _LEAST_FOR_THRESHOLD_OF_LABEL))


def _thresholds(there: Array, probabilities: Doubles, often: Array) -> tuple[float, ...]:
    """Return the threshold of each label for the best micro-F1: one for all rare ones, an own one of each that is often there.

    A cell that is predicted gains 2 where the label is there, and costs the F1 that is reached; what gains most at one F1
    reaches a higher one, until nothing more is gained (Dinkelbach, Management Science 13:492-498, 1967).
    """
    if not there.any():
        return ()
    groups = [rows for rows in (np.flatnonzero(~often), *np.flatnonzero(often)[:, None]) if len(rows)]
    found, value = np.full(len(often), 0.5), 0.0
    for _ in range(_MOST_ROUNDS):
        for group in groups:
            gains = 2.0 * there[:, group].reshape(-1) - value
            found[group] = _best_cut(probabilities[:, group].reshape(-1), gains)
        predicted = probabilities >= found
        reached = 2 * float((predicted & there).sum()) / float(predicted.sum() + there.sum())
        if reached <= value:
            break
        value = reached
    return tuple(found.tolist())


def _of_numbers(task: Regression, logits: Doubles, targets: Array, weights: Doubles) -> Rule:
    """Return slope and intercept, and where there are rows enough the medians of bins of them, made to ascend."""
    from sklearn.isotonic import isotonic_regression

    calibration = _slope_and_intercept(logits, task.goals(targets).astype(np.float64), weights)
    rule = Rule(calibration)
    n_bins = min(_MOST_BINS, len(logits) // _LEAST_A_BIN)
    if n_bins < _LEAST_BINS:
        return rule
    places, numbers = sigmoid(rule.calibrated(logits)), np.asarray(targets, np.float64)
    bins = np.array_split(np.argsort(places, kind="stable"), n_bins)
    inputs = np.array([np.average(places[rows], weights=weights[rows]) for rows in bins])
    medians = [_weighted_median(numbers[rows], weights[rows]) for rows in bins]
    values = isotonic_regression(np.array(medians), sample_weight=np.array([weights[rows].sum() for rows in bins]))
    apart = np.append(True, np.diff(inputs) > 0)
    return rule.replace(inputs=tuple(inputs[apart].tolist()), values=tuple(values[apart].tolist()))


def _weighted_median(numbers: Doubles, weights: Doubles) -> float:
    order = np.argsort(numbers, kind="stable")
    upto = np.cumsum(weights[order])
    return float(numbers[order][np.searchsorted(upto, upto[-1] / 2)])


def held_out_metrics(task: Task, targets: Array, probabilities: NDArray[np.float64], rule: Rule = PLAIN) -> Json:
    """Return what is kept of held-out rows: every metric, and the mean ``confidence`` where the answer is a class.

    What the confidence falls by on other texts foretells the accuracy there; of rows that were trained on it would
    be too high to begin from.

    Args:
        task: what the targets are.
        targets: of the rows; see `headstart.tasks`.
        probabilities: calibrated; likewise.
        rule: how decisions are made of them.
    """
    found = task.measure(targets, probabilities, rule)
    if task.kind == "regression":
        return found
    likelier = mean_confidence(probabilities) if probabilities.ndim == 1 else float(probabilities.max(1).mean())
    return {**found, "confidence": likelier}


def _best_cut(probabilities: Doubles, gains: Doubles) -> float:
    """Return the threshold that gains most, where each row at or above it counts by its gain; of equals the one nearest to .5."""
    order = np.argsort(probabilities)
    ranked = probabilities[order]
    total = np.append(np.cumsum(gains[order][::-1])[::-1], 0.0)  # of the rows from each on
    cuts = np.concatenate([[ranked[0]], (ranked[1:] + ranked[:-1]) / 2, [1.0]])
    total = np.where(np.concatenate([[True], np.diff(ranked) > 0, [True]]), total, -np.inf)
    best = np.flatnonzero(total == total.max())
    return float(cuts[best[np.abs(cuts[best] - 0.5).argmin()]])
