"""Any number of several labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.arrays import Array, Doubles, Floats, Places
from headstart.evaluation import sigmoid
from headstart.evaluation.classes import label_figures
from headstart.evaluation.multilabel import METRICS, MICRO_F1
from headstart.plain import Json
from headstart.tasks.task import PLAIN, Rule, Task


@dataclass(frozen=True)
class MultiLabel(Task):
    """None, one or several of some labels."""

    kind = "multilabel"
    primary = MICRO_F1
    metrics = METRICS

    @property
    def n_outputs(self) -> int:
        """A logit a label."""
        return len(self.names)

    def goals(self, targets: Array) -> Floats:
        """Return 1 where a label is there [rows, labels]."""
        return np.asarray(targets, np.float32)

    def probabilities(self, logits: Doubles, rule: Rule) -> Doubles:
        """Return the probability of each label [rows, labels]."""
        if rule.factors:
            return sigmoid(np.array(rule.factors) * logits + np.array(rule.offsets))
        return sigmoid(rule.calibrated(logits))

    def decide(self, probabilities: Doubles, rule: Rule) -> Array:
        """Return 1 where a label's probability reaches its threshold [rows, labels]."""
        return (probabilities >= (np.array(rule.thresholds) if rule.thresholds else rule.threshold)).astype(np.int8)

    def scores(self, logits: Doubles, probabilities: Doubles, rule: Rule) -> Doubles:
        """Return the probabilities less the thresholds [rows, labels]: 0 or more where a label is predicted."""
        return np.asarray(probabilities - (np.array(rule.thresholds) if rule.thresholds else rule.threshold))

    def details(self, targets: Array, probabilities: Doubles, rule: Rule = PLAIN) -> Json:
        """Return ``classes``: precision, recall, F1 and support of each label."""
        return {"classes": label_figures(targets, self.decide(probabilities, rule), self.names)}

    def misfit(self, probabilities: Doubles, targets: Array) -> Doubles:
        """Return the worst of a row's labels, and 0 where it has none, which every set holds [rows]."""
        return np.asarray(np.where(np.asarray(targets) > 0, self.misfits(probabilities), 0.0).max(1))

    def strata(self, targets: Array) -> Places:
        """Return of each row the rarest of its labels, so that rare ones stand in every part; -1 counts as a class [rows]."""
        there = np.asarray(targets) > 0
        order = np.argsort(there.sum(0), kind="stable")
        first = there[:, order].argmax(1)
        found: Places = np.where(there.any(1), order[first], len(self.names)).astype(np.int64)
        return found

    def named(self, decisions: Array) -> Array:
        """Return the names of each row's labels, as lists [rows]."""
        found = np.empty(len(decisions), dtype=object)
        found[:] = [[self.names[i] for i in np.flatnonzero(row)] for row in decisions]
        return found

    def said(self) -> str:
        """Return how many labels there are."""
        return f"multilabel, any number of {len(self.names)} labels a row{self._first_names()}"
