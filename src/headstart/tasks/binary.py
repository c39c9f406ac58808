"""One of two labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.arrays import Array, Doubles, Floats, Places
from headstart.evaluation import AUC, METRICS, evaluate_scores, sigmoid
from headstart.plain import Json
from headstart.tasks.task import PLAIN, Rule, Task


@dataclass(frozen=True)
class Binary(Task):
    """One of two labels; probabilities are of the second."""

    kind = "binary"
    primary = AUC
    metrics = METRICS

    def goals(self, targets: Array) -> Floats:
        """Return the class codes as numbers [rows]."""
        return np.asarray(targets, np.float32)

    def probabilities(self, logits: Doubles, rule: Rule) -> Doubles:
        """Return the probability of the second label [rows]."""
        return sigmoid(rule.calibrated(logits))

    def decide(self, probabilities: Doubles, rule: Rule) -> Array:
        """Return 1 where the second label's probability reaches the threshold [rows]."""
        return np.asarray(probabilities >= rule.threshold).astype(np.int64)

    def scores(self, logits: Doubles, probabilities: Doubles, rule: Rule) -> Doubles:
        """Return the logits: sigmoids of large ones are equal in floating point."""
        return logits

    def measure(self, targets: Array, probabilities: Doubles, rule: Rule = PLAIN) -> Json:
        """Return what `headstart.evaluation.evaluate_scores` does."""
        return evaluate_scores(targets, probabilities, threshold=rule.threshold)

    def misfits(self, probabilities: Doubles) -> Doubles:
        """Return one less the probability of either label [rows, 2]."""
        return np.stack([probabilities, 1 - probabilities], axis=1)

    def strata(self, targets: Array) -> Places:
        """Return the class codes [rows]."""
        return np.asarray(targets, np.int64)

    def columns(self, probabilities: Doubles, rule: Rule) -> dict[str, Array]:
        """Return ``prediction`` and the probability of either label."""
        both = dict(zip(self.names, (1 - probabilities, probabilities), strict=True))
        found = {"prediction": self.predicted(probabilities, rule)}
        found |= {f"probability_{name}": value for name, value in both.items()}
        return found | self.label_sets(probabilities, rule)

    def said(self) -> str:
        """Return the two labels."""
        return f"two classes, {self.names[0]} and {self.names[1]} (positive)" if self.names else "two classes"
