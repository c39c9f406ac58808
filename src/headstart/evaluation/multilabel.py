"""How good the probabilities of several labels are, of which any number may be right.

Targets are 0 and 1 [rows, labels]; scores are margins [rows, labels], above zero where a label is predicted.
"""

from __future__ import annotations

import numpy as np

from headstart.arrays import Array, Doubles
from headstart.evaluation.metric import Metric

__all__ = ["MICRO_F1"]


def _micro_f1(targets: Array, margins: Doubles) -> tuple[float, Doubles]:
    """F1 of all decisions together; its influence by the delta method for a ratio of two means."""
    predicted, true = margins >= 0, np.asarray(targets) > 0
    hits, either = 2.0 * (predicted & true).sum(1), predicted.sum(1) + true.sum(1).astype(np.float64)
    total, n = float(either.sum()), len(either)
    if total == 0:
        return 0.0, np.zeros(n)
    value = float(hits.sum()) / total
    return value, (hits - value * either) / total * np.sqrt(n / max(1, n - 1))


MICRO_F1 = Metric("micro_f1", _micro_f1)
