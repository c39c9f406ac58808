"""Small facts of a comparison: components of all candidates, the worst errors, versions, digests."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from headstart.comparison.fits import Fit
from headstart.comparison.problem import labels_of
from headstart.comparison.verdict import Measured, decide
from headstart.corpus import Corpus
from headstart.evaluation.binary import auc
from headstart.evaluation.draws import Components, components
from headstart.plain import Json
from headstart.strategies import Strategy

__all__ = ["errors_of", "measure", "split_half_auc", "versions"]

_N_HALVES = 5
_N_WORST = 10
_LONGEST = 280


def measure(
    test: Corpus, scores: Mapping[Fit, NDArray[np.float64]], groups: NDArray[np.int64] | None
) -> dict[str, dict[int, Components]]:
    """Return every candidate's components by budget.

    Args:
        test: labelled test rows.
        scores: logits of the test rows [test] by task.
        groups: group codes of the test rows [test], or None.
    """
    drawn: dict[tuple[str, int], dict[int, NDArray[np.float64]]] = {}
    for task, logits in scores.items():
        seed = task.seed if task.budget else -1
        drawn.setdefault((task.strategy, task.budget), {})[seed] = logits
    found: dict[str, dict[int, Components]] = {}
    for (name, budget), of_seeds in drawn.items():
        found.setdefault(name, {})[budget] = components(labels_of(test), dict(sorted(of_seeds.items())), groups)
    return found


def split_half_auc(
    test: Corpus,
    scores: Mapping[Fit, NDArray[np.float64]],
    groups: NDArray[np.int64] | None,
    strategies: Mapping[str, Strategy],
    budgets: tuple[int, ...],
) -> float | None:
    """Return the AUC of whatever would be shipped, chosen on one half of the test rows and measured on the other.

    The candidate to ship is chosen on the test rows, so its own figure on them flatters it a little; this one, a
    mean over ten halves, does not.
    """
    from headstart.corpus import split_rows
    from headstart.errors import DataError

    labels = labels_of(test)
    own = {task: logits for task, logits in scores.items() if task.budget in (0, budgets[-1])}
    values = []
    for seed in range(_N_HALVES):
        try:
            halves = split_rows(len(test), 0.5, labels=labels, groups=groups, random_state=seed)
        except DataError:
            return None
        for choose, check in (halves, halves[::-1]):
            if min(len(np.unique(labels[half])) for half in halves) < 2:
                return None
            part = {task: logits[choose] for task, logits in own.items()}
            of_half = None if groups is None else groups[choose]
            ship = decide(Measured(strategies, measure(test.take(choose), part, of_half), budgets[-1:]))["ship"]
            values += [auc(labels[check], logits[check]) for task, logits in own.items() if task.strategy == ship]
    return float(np.mean(values))


def errors_of(test: Corpus, probabilities: NDArray[np.float64]) -> list[Json]:
    """Return the test rows that were most surely wrong, worst first: ``row``, ``label``, ``probability``, ``text``."""
    labels = labels_of(test)
    wrong = np.where(labels == 1, 1 - probabilities, probabilities)  # probability of the label that it is not
    worst = np.argsort(-wrong, kind="stable")[:_N_WORST]
    return [
        {
            "row": int(i),
            "label": test.label_names[labels[i]],
            "probability": float(probabilities[i]),
            "text": _shortened(test.texts[int(i)].as_py() or ""),
        }
        for i in worst
        if wrong[i] > 0.5
    ]


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[:_LONGEST].rsplit(" ", 1)[0] + " …"


def versions() -> dict[str, str]:
    """Return the versions that the figures were made with."""
    import platform
    from importlib import metadata

    from headstart import __version__

    names = ("numpy", "scipy", "scikit-learn", "torch", "catboost")
    found = {"headstart": __version__, "python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
