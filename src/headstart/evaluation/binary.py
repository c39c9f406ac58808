"""How good the scores of two classes are, and how sure one may be: AUC and the rest, with their intervals.

AUC is the chance that a positive row scores above a negative one, ties counted half (Hanley and McNeil,
Radiology 143:29-36, 1982). Everything about it here rests on the *placements*: for each positive row the
share of negatives below it, for each negative the share of positives above it. Their means are the AUC,
their variances its standard error (DeLong, DeLong and Clarke-Pearson, Biometrics 44:837-845, 1988; the
fast way by ranks: Sun and Xu, IEEE Signal Processing Letters 21:1389-1393, 2014).

Labels are class codes 0 and 1; scores are higher for 1.
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from headstart.errors import DataError, OptionError
from headstart.evaluation.metric import Metric, constant, mean_of_rows, sigmoid
from headstart.options import RandomState, seed_of
from headstart.plain import Facts, Json

N_BINS = 15


class Interval(NamedTuple):
    """A figure with its confidence interval and standard error."""

    value: float
    low: float
    high: float
    standard_error: float


class Difference(NamedTuple):
    """What a figure of ``a`` exceeds that of ``b`` by, with interval and two-sided p-value of no difference."""

    value: float
    low: float
    high: float
    standard_error: float
    p_value: float


def evaluate_scores(labels: ArrayLike, probabilities: ArrayLike, *, threshold: float = 0.5) -> Json:
    """Every figure for one set of predictions; JSON-ready.

    Args:
        labels: codes 0 and 1 ``[rows]``.
        probabilities: of label 1, between 0 and 1 ``[rows]``, or one column a label ``[rows, 2]``.
        threshold: rows with at least this probability are predicted 1 (accuracy and F1).

    Returns:
        ``auc``, ``auc_low``, ``auc_high`` (95% interval), ``average_precision``, ``accuracy``, ``f1``,
        ``majority_fraction`` (of the commoner label: the accuracy of always saying it), ``log_loss`` (nats), ``brier``,
        ``ece``, ``n``. Where the rows hold one class only, what needs two is None and ``undefined`` says why.

    Raises:
        DataError: no rows, unequal lengths, other labels than 0 and 1, or numbers that are no probabilities.
    """
    y, p = _checked(labels, _of_label_1(probabilities))
    if p.min() < 0 or p.max() > 1:
        raise DataError(
            f"The probabilities reach from {p.min():.4g} to {p.max():.4g}; expected 0 to 1. "
            f"Pass probabilities, for logits their sigmoid."
        )
    return {**_ranking(y, p), **_decisions(y, p >= threshold), **_calibration(y, p), "n": len(y)}


def _ranking(y: np.ndarray, p: np.ndarray) -> Json:
    if reason := _one_class(y):
        return {**dict.fromkeys(("auc", "auc_low", "auc_high", "average_precision")), "undefined": reason}
    interval = auc_interval(y, p)
    return {
        "auc": interval.value,
        "auc_low": interval.low,
        "auc_high": interval.high,
        "average_precision": _average_precision(y, p),
    }


def _average_precision(y: np.ndarray, p: np.ndarray) -> float:
    """Precision at each distinct score, weighed by the rise of recall there; nothing is interpolated."""
    order = np.argsort(-p, kind="stable")
    last = np.append(np.diff(p[order]) != 0, True)  # of the rows with one score
    hits, n = np.cumsum(y[order])[last], np.flatnonzero(last) + 1
    return float(np.sum(np.diff(hits, prepend=0) * hits / n) / y.sum())


def _decisions(y: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    hits, either = int((predicted & (y == 1)).sum()), int(predicted.sum() + y.sum())
    return {
        "accuracy": float(np.mean(predicted == y)),
        "f1": 2 * hits / either if either else 0.0,
        "majority_fraction": float(max(y.mean(), 1 - y.mean())),
    }


def imbalance_warning(metrics: Facts) -> str | None:
    """Return a sentence where always saying the commoner label would be as accurate, and both labels are there."""
    accuracy, majority = metrics.get("accuracy"), metrics.get("majority_fraction")
    if accuracy is None or majority is None or majority == 1 or accuracy > majority:
        return None
    return (
        f"the accuracy, {accuracy:.4f}, is no better than always saying the commoner label ({majority:.4f}); look at AUC and "
        "F1, choose another --threshold, or train with --set class_weight=balanced"
    )


def _calibration(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    return {
        "log_loss": float(_log_losses(y, p).mean()),
        "brier": float(np.mean((p.astype(np.float64) - y) ** 2)),
        "ece": expected_calibration_error(y, p),
    }


def _log_losses(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The loss of each row in nats; a certain mistake costs what the probabilities' own precision can tell from it."""
    least = np.finfo(p.dtype).eps
    kept = np.clip(p, least, 1 - least)
    return np.asarray(-np.log(np.where(y == 1, kept, 1 - kept).astype(np.float64)))


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve, ties counted half.

    Raises:
        DataError: one class only, or labels and scores that do not fit.
    """
    return auc_influence(*_two_classes(labels, scores))[0]


def auc_influence(labels: np.ndarray, scores: np.ndarray) -> tuple[float, np.ndarray]:
    """The AUC, and what each row moves it by: DeLong's components, centred and divided ``[rows]``."""
    positive = labels == 1
    high, low = scores[positive], scores[~positive]
    below, above = _share_below(high, low), 1 - _share_below(low, high)
    value = float(below.mean())
    moved = np.empty(len(scores))
    # With Bessel's correction, so that the sum of squares is DeLong's variance; a class of one row adds none.
    moved[positive] = (below - value) / np.sqrt(len(high) * max(1, len(high) - 1))
    moved[~positive] = (above - value) / np.sqrt(len(low) * max(1, len(low) - 1))
    return value, moved


def auc_interval(labels: ArrayLike, scores: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """AUC with DeLong's standard error and an interval on the logit scale.

    The logit keeps the interval inside 0 and 1 and covers better near the ends (Qin and Hotilovac, Statistical
    Methods in Medical Research 17:207-221, 2008). Where the classes are told apart perfectly the standard
    error vanishes; the interval is then that of k correct pairs out of k (Clopper and Pearson, 1934), k being
    the size of the smaller class: so many pairs can be formed that share no row.

    Raises:
        DataError: one class only, or labels and scores that do not fit.
    """
    y, s = _two_classes(labels, scores)
    value, moved = auc_influence(y, s)
    error = float(np.sqrt(moved @ moved))
    if error == 0 or not 0 < value < 1 or _smaller_class(y) < 2:
        reach = _exact_reach(y, confidence)
        return Interval(value, max(0.0, value - reach), min(1.0, value + reach), error)
    centre = np.log(value / (1 - value))
    reach = _quantile(confidence) * error / (value * (1 - value))
    return Interval(value, float(sigmoid(centre - reach)), float(sigmoid(centre + reach)), error)


def delong_test(labels: ArrayLike, scores_a: ArrayLike, scores_b: ArrayLike, *, confidence: float = 0.95) -> Difference:
    """AUC of ``a`` less AUC of ``b`` on the same rows, after DeLong, DeLong and Clarke-Pearson (1988).

    Raises:
        DataError: one class only, or labels and scores that do not fit.
    """
    y, a = _two_classes(labels, scores_a)
    _, b = _two_classes(labels, scores_b)
    (value_a, moved_a), (value_b, moved_b) = auc_influence(y, a), auc_influence(y, b)
    value, error = value_a - value_b, float(np.linalg.norm(moved_a - moved_b))
    if error == 0:  # the same ranking, or one perfect and the other perfectly wrong
        reach = _exact_reach(y, confidence) if value else 0.0
        p_value = min(1.0, 2 * 0.5 ** _smaller_class(y)) if value else 1.0
    else:
        reach = _quantile(confidence) * error
        p_value = 2 * (1 - NormalDist().cdf(abs(value) / error))
    return Difference(value, max(-1.0, value - reach), min(1.0, value + reach), error, p_value)


def paired_bootstrap_auc(
    labels: ArrayLike,
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    *,
    n: int = 2000,
    confidence: float = 0.95,
    random_state: RandomState = 0,
) -> Difference:
    """AUC of ``a`` less AUC of ``b``, its interval from drawing the same rows again and again.

    Rows are drawn with replacement within each class, the same ones for both scores, so that what the two
    have in common cancels. The interval is the percentile one; the p-value is twice the smaller share of
    draws on one side of zero, the observed one counted (Davison and Hinkley, Bootstrap Methods and their
    Application, 1997, chapters 4 and 5).

    Args:
        n: how many draws.
        random_state: the seed; a ``RandomState`` or None draws one.

    Raises:
        DataError: one class only, or labels and scores that do not fit.
        OptionError: fewer than 100 draws.
    """
    if n < 100:
        raise OptionError(f"{n} bootstrap draws cannot give an interval; expected at least 100, better 2000.")
    y, a = _two_classes(labels, scores_a)
    _, b = _two_classes(labels, scores_b)
    rng = np.random.default_rng(seed_of(random_state))
    sides = _Ranking(y, a), _Ranking(y, b)
    value = sides[0].auc(*sides[0].ones) - sides[1].auc(*sides[1].ones)
    draws = np.empty(n)
    for draw in range(n):
        weights = _resampled(int(y.sum()), rng), _resampled(int((1 - y).sum()), rng)
        draws[draw] = sides[0].auc(*weights) - sides[1].auc(*weights)
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    one_side = min(np.sum(draws <= 0), np.sum(draws >= 0))
    p_value = min(1.0, 2 * (one_side + 1) / (n + 1))
    return Difference(float(value), float(low), float(high), float(draws.std(ddof=1)), float(p_value))


class _Ranking:
    """Scores sorted once, so that the AUC under any weights of the rows takes one pass."""

    def __init__(self, y: np.ndarray, scores: np.ndarray) -> None:
        levels, level = np.unique(scores, return_inverse=True)
        self._n_levels = len(levels)
        self._positive, self._negative = level[y == 1], level[y == 0]
        self.ones = np.ones(len(self._positive)), np.ones(len(self._negative))

    def auc(self, positive_weights: np.ndarray, negative_weights: np.ndarray) -> float:
        at = np.bincount(self._negative, negative_weights, self._n_levels)  # [levels] weight of negatives there
        below = np.cumsum(at) - at / 2
        return float(below[self._positive] @ positive_weights / (positive_weights.sum() * negative_weights.sum()))


def _resampled(n: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of ``n`` rows comes up in ``n`` draws with replacement, ``[n]``."""
    return np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64)


def mean_confidence(probabilities: ArrayLike) -> float:
    """Mean probability of whichever of the two labels is the likelier, .5 to 1; NaN without rows.

    Args:
        probabilities: of label 1 ``[rows]``.
    """
    p = np.asarray(probabilities, np.float64)
    return float(np.mean(np.maximum(p, 1 - p))) if len(p) else float("nan")


def expected_calibration_error(labels: ArrayLike, probabilities: ArrayLike, *, n_bins: int = N_BINS) -> float:
    """Mean distance between the probability said and the share that came true, over bins of equal mass.

    Guo et al., On calibration of modern neural networks (ICML 2017), with the bins of Nguyen and O'Connor
    (EMNLP 2015): as many rows in each, equal probabilities always in one bin, so that the order of the rows
    does not matter.

    Raises:
        DataError: labels and probabilities that do not fit.
    """
    y, p = _checked(labels, probabilities)
    first = np.searchsorted(np.sort(p), p)  # how many rows lie below
    bins = first * n_bins // len(p)
    said, true = (np.bincount(bins, values, n_bins) for values in (p.astype(np.float64), y))
    return float(np.abs(said - true).sum() / len(p))


def _share_below(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    ordered = np.sort(others)
    doubled = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return np.asarray(doubled / (2 * len(others)))


def _exact_reach(y: np.ndarray, confidence: float) -> float:
    return float(1 - ((1 - confidence) / 2) ** (1 / _smaller_class(y)))


def _smaller_class(y: np.ndarray) -> int:
    return int(min(y.sum(), len(y) - y.sum()))


def _quantile(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise OptionError(f"The confidence is {confidence}; expected a number between 0 and 1, such as 0.95.")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _of_label_1(probabilities: ArrayLike) -> np.ndarray:
    p = np.asarray(probabilities)
    return p[:, 1] if p.ndim == 2 and p.shape[1] == 2 else p


def _two_classes(labels: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    y, s = _checked(labels, scores)
    if reason := _one_class(y):
        raise DataError(reason)
    return y, s


def _one_class(y: np.ndarray) -> str | None:
    if 0 < y.sum() < len(y):
        return None
    return f"All {len(y)} rows hold label {y[0]}; AUC and average precision need rows of both. Give rows of the other."


def _checked(labels: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Labels as int64 and scores as floats, one each a row."""
    y, s = np.asarray(labels), np.asarray(scores)
    if y.ndim != 1 or s.shape != y.shape or not len(y):
        raise DataError(
            f"Labels of shape {y.shape} and scores of shape {s.shape} came; expected one of each for every row."
        )
    if not np.isin(y, (0, 1)).all():
        odd = [str(value) for value in np.unique(y) if value not in (0, 1)]
        raise DataError(f"Labels {', '.join(odd[:5])} came; expected class codes 0 and 1 (encode_labels makes them).")
    if s.dtype.kind != "f":
        s = s.astype(np.float64)
    if not np.isfinite(s).all():
        raise DataError(
            f"{int((~np.isfinite(s)).sum())} of {len(s)} scores are NaN or infinite. "
            f"Score those rows again, or drop them."
        )
    return y.astype(np.int64), s


def _share(targets: np.ndarray) -> np.ndarray:
    """The share of label 1, as everybody's probability."""
    return constant(targets, float(np.mean(targets)))


AUC = Metric("auc", auc_influence, lambda targets: constant(targets, 0.0), needs="every label", title="AUC")

METRICS = {
    metric.name: metric
    for metric in (
        AUC,
        Metric(
            "log_loss",
            mean_of_rows(_log_losses),
            _share,
            higher_is_better=False,
            between_0_and_1=False,
            takes="probabilities",
        ),
        Metric(
            "brier",
            mean_of_rows(lambda y, p: (p - y) ** 2),
            _share,
            higher_is_better=False,
            takes="probabilities",
            title="Brier score",
        ),
        Metric("accuracy", mean_of_rows(lambda y, p: (p >= 0.5) == (y == 1)), _share, takes="decisions"),
    )
}
"""Metrics of two classes by name. All but the AUC, which ranks any scores, take probabilities; accuracy cuts these at .5."""
