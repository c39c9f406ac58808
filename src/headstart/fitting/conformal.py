"""Conformal sets and intervals: what holds the truth in a stated fraction of rows, whatever the model is worth.

Fifteen lines here serve every task; mapie, which does the same, wraps scikit-learn estimators and has no multi-label sets out of
fold. Of rows that were held out by folds this is cross-conformal prediction: Vovk, Annals of Mathematics and Artificial
Intelligence 74:9-28, 2015.
"""

from __future__ import annotations

import numpy as np

from headstart.arrays import Array, Doubles
from headstart.errors import DataError
from headstart.tasks import Task


def conformal_quantile(task: Task, probabilities: Doubles, targets: Array, coverage: float) -> float:
    """Return `headstart.tasks.Rule.quantile`: `Task.sets` up to it hold the truth in `coverage` of all further rows, on average.

    Args:
        task: what the targets are.
        probabilities: of rows that were not learnt from, after calibration; see `headstart.tasks`.
        targets: of these rows.
        coverage: the fraction asked for, between 0 and 1.

    Raises:
        DataError: there are too few rows to promise so much: n of them can promise n / (n + 1).
    """
    scores = np.sort(task.misfit(probabilities, targets))
    place = int(np.ceil((len(scores) + 1) * coverage - 1e-9))
    if place > len(scores):
        least = int(np.ceil(coverage / (1 - coverage) - 1e-9)) if coverage < 1 else None
        needed = "no number of rows can" if least is None else f"at least {least:,} rows can"
        raise DataError(
            f"{len(scores):,} held-out rows came, and sets that hold the truth in {100 * coverage:g}% of rows were asked for, which "
            f"{needed} promise; give more labelled rows, or ask for less coverage."
        )
    return float(scores[max(place, 1) - 1])
