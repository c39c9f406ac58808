"""One of several classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.arrays import Array, Doubles, Floats, Places
from headstart.evaluation.multiclass import ACCURACY, METRICS
from headstart.tasks.task import Rule, Task


@dataclass(frozen=True)
class MultiClass(Task):
    """One of three or more classes, without an order."""

    kind = "multiclass"
    primary = ACCURACY
    metrics = METRICS
    link = "softmax"

    @property
    def n_outputs(self) -> int:
        """A logit a class."""
        return len(self.names)

    def goals(self, targets: Array) -> Floats:
        """Return 1 at the right class and 0 elsewhere [rows, classes]."""
        found = np.zeros((len(targets), len(self.names)), np.float32)
        found[np.arange(len(targets)), np.asarray(targets)] = 1.0
        return found

    def probabilities(self, logits: Doubles, rule: Rule) -> Doubles:
        """Return the probability of each class [rows, classes]; the slope is one over the temperature."""
        scaled = rule.calibration[0] * logits
        if rule.offsets:
            scaled = scaled + np.array(rule.offsets)
        with np.errstate(under="ignore"):
            found = np.exp(scaled - scaled.max(1, keepdims=True, initial=-np.inf))
        return np.asarray(found / found.sum(1, keepdims=True))

    def decide(self, probabilities: Doubles, rule: Rule) -> Array:
        """Return the likeliest class's code, or that whose expected cost is the least [rows]."""
        return rule.cheapest(probabilities) if rule.costs else np.asarray(probabilities.argmax(1))

    def scores(self, logits: Doubles, probabilities: Doubles, rule: Rule) -> Doubles:
        """Return the probabilities; 1 for the decision where costs make it [rows, classes]."""
        return np.eye(len(self.names))[self.decide(probabilities, rule)] if rule.costs else probabilities

    def in_scope(self, probabilities: Doubles) -> Doubles:
        """Return how far the likeliest class stands out among all [rows]: its log-probability above the mean of theirs, from 0.

        A text that is of none of the classes has a low one. It ranks such texts better than the largest probability does
        (Hendrycks, Basart, Mazeika, Zou, Kwon, Mostajabi, Steinhardt and Song, "Scaling Out-of-Distribution Detection for
        Real-World Settings", ICML 2022, of the logits).
        """
        logs = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
        return np.asarray(logs.max(1, initial=-np.inf) - logs.mean(1))

    def columns(self, probabilities: Doubles, rule: Rule) -> dict[str, Array]:
        """Return what ``predict`` writes: the columns of every task, and ``in_scope``."""
        return {**super().columns(probabilities, rule), "in_scope": self.in_scope(probabilities)}

    def strata(self, targets: Array) -> Places:
        """Return the class codes [rows]."""
        return np.asarray(targets, np.int64)
