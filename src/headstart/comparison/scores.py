"""Small facts of a comparison: components of all candidates, the worst errors, versions, digests."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

import numpy as np

from headstart import __version__
from headstart.arrays import Array, Doubles, Places
from headstart.comparison.fits import Fit
from headstart.comparison.problem import labels_of
from headstart.comparison.verdict import Measured, decide
from headstart.corpus import Corpus, split_rows
from headstart.errors import DataError
from headstart.evaluation.draws import Components, components
from headstart.evaluation.metric import Metric
from headstart.plain import Json
from headstart.strategies import Strategy
from headstart.tasks import Rule, Task

_N_HALVES = 5
_N_WORST = 10
_LONGEST = 280


@dataclass(frozen=True)
class Scored:
    """What all fits say of the test rows.

    Attributes:
        targets: of the test rows [test]; see `headstart.tasks`.
        metric: what is measured.
        scores: by fit, what the metric takes [test] or [test, size].
        groups: group codes of the test rows [test], or None.
        strata: codes by which halves are drawn alike [test].
    """

    targets: Array
    metric: Metric
    scores: Mapping[Fit, Doubles]
    groups: Places | None
    strata: Places

    def of(self, rows: Array) -> Scored:
        """Return the same of some test rows: their positions, or a mask."""
        scores = {fit: found[rows] for fit, found in self.scores.items()}
        groups = None if self.groups is None else self.groups[rows]
        return replace(self, targets=self.targets[rows], scores=scores, groups=groups, strata=self.strata[rows])

    @property
    def undefined(self) -> bool:
        """Whether the metric can say nothing of these rows, since all have one answer."""
        return len(self.targets) == 0 or bool((self.targets == self.targets[0]).all())

    def curves(self) -> dict[str, dict[int, Components]]:
        """Return every candidate's components by budget."""
        drawn: dict[tuple[str, int], dict[int, Doubles]] = {}
        for fit, scores in self.scores.items():
            drawn.setdefault((fit.strategy, fit.budget), {})[fit.seed if fit.budget else -1] = scores
        found: dict[str, dict[int, Components]] = {}
        for (name, budget), of_seeds in drawn.items():
            parts = components(self.targets, dict(sorted(of_seeds.items())), self.groups, metric=self.metric)
            found.setdefault(name, {})[budget] = parts
        return found


def split_half(scored: Scored, strategies: Mapping[str, Strategy], budgets: tuple[int, ...]) -> float | None:
    """Return the metric of whatever would be shipped, chosen on one half of the test rows and measured on the other.

    The candidate to ship is chosen on the test rows, so its own figure on them flatters it a little; this one, a
    mean over ten halves, does not.
    """
    own = replace(scored, scores={fit: one for fit, one in scored.scores.items() if fit.budget in (0, budgets[-1])})
    values = []
    for seed in range(_N_HALVES):
        try:
            halves = split_rows(len(own.targets), 0.5, labels=own.strata, groups=own.groups, random_state=seed)
        except DataError:
            return None
        for choose, check in ((own.of(one), own.of(other)) for one, other in (halves, halves[::-1])):
            if choose.undefined or check.undefined:
                return None
            ship = decide(Measured(strategies, choose.curves(), budgets[-1:]))["ship"]
            values += [
                own.metric.influence(check.targets, scores)[0]
                for fit, scores in check.scores.items()
                if fit.strategy == ship
            ]
    return float(np.mean(values))


def errors_of(test: Corpus, task: Task, probabilities: Doubles, rule: Rule) -> list[Json]:
    """Return the test rows that were most surely wrong, worst first: ``row``, ``label``, what was said, ``text``.

    What was said is the ``probability`` of the second of two labels; else what was ``predicted``, and by how much it was
    wrong: the probability of what was predicted, in classes, or in the target's unit.
    """
    targets = labels_of(test)
    wrong, least = _wrongness(task, targets, probabilities, rule)
    worst = [int(i) for i in np.argsort(-wrong, kind="stable")[:_N_WORST] if wrong[i] > least]
    binary = task.kind == "binary"
    said = probabilities if binary else task.named(task.decide(probabilities, rule))
    true = task.named(targets)

    def row(i: int) -> Json:
        how = {"probability": float(said[i])} if binary else {"predicted": _plain(said[i]), "wrong_by": float(wrong[i])}
        return {"row": i, "label": _plain(true[i]), **how, "text": _shortened(test.texts[i].as_py() or "")}

    return [row(i) for i in worst]


def _wrongness(task: Task, targets: Array, probabilities: Doubles, rule: Rule) -> tuple[Doubles, float]:
    """Return how wrong each row is, and above what it counts as wrong."""
    if task.kind == "binary":
        return np.where(targets == 1, 1 - probabilities, probabilities), 0.5  # of the label that it is not
    decided = task.decide(probabilities, rule)
    if task.kind in ("regression", "ordinal"):
        return np.abs(np.asarray(decided, np.float64) - targets), 0.0
    if task.kind == "multilabel":
        return (decided != targets).sum(1).astype(np.float64), 0.0
    return np.where(decided == targets, 0.0, probabilities[np.arange(len(decided)), decided]), 0.0


def _plain(value: object) -> Any:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return value.item() if isinstance(value, np.generic) else value


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[:_LONGEST].rsplit(" ", 1)[0] + " …"


def versions() -> dict[str, str]:
    """Return the versions that the figures were made with."""
    names = ("numpy", "scipy", "scikit-learn", "torch", "catboost")
    found = {"headstart": __version__, "python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
