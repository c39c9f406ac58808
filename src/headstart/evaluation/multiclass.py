"""How good the probabilities of several classes are, of which one is right.

Targets are class codes [rows], scores are probabilities [rows, classes].
"""

from __future__ import annotations

from headstart.evaluation.metric import Metric, mean_of_rows

__all__ = ["ACCURACY"]

ACCURACY = Metric("accuracy", mean_of_rows(lambda targets, p: p.argmax(1) == targets))
