"""What several kinds of targets share: figures of each class or label, confusion, and the influence of macro averages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headstart.arrays import Array, Doubles, Places
from headstart.plain import Json

MOST_IN_A_TABLE = 150
_MOST_PAIRS = 12


def one_hot(code: int, n_classes: int) -> Doubles:
    """Return 1 for a class and 0 for the others [classes]."""
    found = np.zeros(n_classes)
    found[code] = 1.0
    return found


def mean_f1(targets: Places, predicted: Places) -> tuple[float, Doubles]:
    """Return the mean F1 of the classes that have rows, and each row's influence, by the delta method for a ratio.

    Args:
        targets: class codes [rows].
        predicted: class codes [rows].
    """
    n_classes, n = int(max(targets.max(), predicted.max())) + 1, len(targets)
    of_true, of_predicted = np.bincount(targets, minlength=n_classes), np.bincount(predicted, minlength=n_classes)
    right = targets == predicted
    either = np.maximum(of_true + of_predicted, 1)
    f1, there = 2 * np.bincount(targets[right], minlength=n_classes) / either, of_true > 0
    slope = np.where(there, 1 / either, 0.0) / there.sum()
    moved = 2 * right * slope[targets] - (f1 * slope)[targets] - (f1 * slope)[predicted]
    return float(f1[there].mean()), moved * np.sqrt(n / max(1, n - 1))


def class_figures(targets: Places, predicted: Places, names: Sequence[str]) -> list[Json]:
    """Return ``label``, ``precision``, ``recall``, ``f1`` and ``support`` of each class; None for what is undefined.

    Args:
        targets: class codes [rows].
        predicted: class codes [rows].
        names: of the classes.
    """
    k = len(names)
    right = np.bincount(targets[targets == predicted], minlength=k)
    return _figures(right, np.bincount(predicted, minlength=k), np.bincount(targets, minlength=k), names)


def label_figures(targets: Array, predicted: Array, names: Sequence[str]) -> list[Json]:
    """Return the same of each label, of 0 and 1 [rows, labels]."""
    true, said = np.asarray(targets) > 0, np.asarray(predicted) > 0
    return _figures((true & said).sum(0), said.sum(0), true.sum(0), names)


def _figures(right: Places, said: Places, true: Places, names: Sequence[str]) -> list[Json]:
    def ratio(part: Places, whole: Places, k: int) -> float | None:
        return float(part[k] / whole[k]) if whole[k] else None

    return [
        {
            "label": name,
            "precision": ratio(right, said, k),
            "recall": ratio(right, true, k),
            "f1": ratio(2 * right, said + true, k) if true[k] else None,
            "support": int(true[k]),
        }
        for k, name in enumerate(names)
    ]


def confusion(targets: Places, predicted: Places, names: Sequence[str]) -> Json:
    """Return how often which class was taken for which.

    Returns:
        ``labels``; ``counts``, a list a true class of how often each was predicted, or None with more than 150 classes;
        ``most_confused``, see `confused_pairs`.
    """
    k = len(names)
    pairs = confused_pairs(targets, predicted, names)
    if k > MOST_IN_A_TABLE:
        return {"labels": list(names), "counts": None, "most_confused": pairs}
    counts = np.bincount(targets * k + predicted, minlength=k * k).reshape(k, k)
    return {"labels": list(names), "counts": counts.tolist(), "most_confused": pairs}


def confused_pairs(targets: Places, predicted: Places, names: Sequence[str]) -> list[Json]:
    """Return the twelve commonest mistakes: ``label``, ``predicted``, ``n``, and their ``share`` of the label's rows."""
    wrong = targets != predicted
    codes, counts = np.unique(targets[wrong] * len(names) + predicted[wrong], return_counts=True)
    of_label = np.bincount(targets, minlength=len(names))
    found = []
    for at in np.argsort(-counts, kind="stable")[:_MOST_PAIRS]:
        true, said = divmod(int(codes[at]), len(names))
        n = int(counts[at])
        found.append({"label": names[true], "predicted": names[said], "n": n, "share": n / int(of_label[true])})
    return found
