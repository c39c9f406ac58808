"""One of several classes that have an order, such as stars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.arrays import Array, Doubles, Floats, Places
from headstart.evaluation import sigmoid
from headstart.evaluation.ordinal import KAPPA, METRICS, median_class
from headstart.tasks.task import Rule, Task


@dataclass(frozen=True)
class Ordinal(Task):
    """One of three or more ordered classes: one logit, and a cut between neighbours (McCullagh, Journal of the Royal
    Statistical Society B 42:109-142, 1980).
    """

    kind = "ordinal"
    primary = KAPPA
    metrics = METRICS

    def goals(self, targets: Array) -> Floats:
        """Return how far up the order each row stands, from 0 to 1 [rows]."""
        return (np.asarray(targets) / (len(self.names) - 1)).astype(np.float32)

    def targets(self, labels: Floats) -> Array:
        """Return the class codes behind places in the order [rows]."""
        return super().targets(labels * (len(self.names) - 1))

    def probabilities(self, logits: Doubles, rule: Rule) -> Doubles:
        """Return the probability of each class [rows, classes]."""
        n_cuts = len(self.names) - 1
        fractions = (np.arange(n_cuts) + 0.5) / n_cuts
        cuts = np.array(rule.offsets) if rule.offsets else np.log(fractions / (1 - fractions))
        above = sigmoid(rule.calibrated(logits)[:, None] - cuts)  # [rows, cuts]: that it is a higher class
        edges = np.concatenate([np.ones((len(above), 1)), above, np.zeros((len(above), 1))], axis=1)
        return np.asarray(edges[:, :-1] - edges[:, 1:])

    def decide(self, probabilities: Doubles, rule: Rule) -> Array:
        """Return the class in whose part of the rule's `thresholds` the expected class falls, without these the median class's
        code; or that whose expected cost is the least [rows].
        """
        if rule.costs:
            return rule.cheapest(probabilities)
        if not rule.thresholds:
            return median_class(probabilities)
        return np.searchsorted(rule.thresholds, self.expected(probabilities), "right")

    def expected(self, probabilities: Doubles) -> Doubles:
        """Return the mean code of the classes, each as likely as it is [rows]."""
        return np.asarray(probabilities @ np.arange(len(self.names)))

    def scores(self, logits: Doubles, probabilities: Doubles, rule: Rule) -> Doubles:
        """Return the probabilities; 1 for the decision where costs or thresholds make it [rows, classes]."""
        if rule.costs or rule.thresholds:
            return np.eye(len(self.names))[self.decide(probabilities, rule)]
        return probabilities

    def misfits(self, probabilities: Doubles) -> Doubles:
        """Return how much probability lies between each class and the median [rows, classes], so that sets have no gaps."""
        upto = np.cumsum(probabilities, axis=1)
        return np.maximum(upto - probabilities - 0.5, 0.5 - upto)

    def strata(self, targets: Array) -> Places:
        """Return the class codes [rows]."""
        return np.asarray(targets, np.int64)

    def said(self) -> str:
        """Return the order."""
        return f"ordinal, {' < '.join(self.names)}"
