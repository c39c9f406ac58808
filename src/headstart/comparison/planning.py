"""Which candidates run here, and which fits that makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.comparison.candidates import Candidate, chosen
from headstart.comparison.fits import Fit
from headstart.comparison.problem import Problem
from headstart.corpus import Corpus
from headstart.predictor import EncoderScorer, NetworkScorer, Predictor
from headstart.strategies import LEAST_TEXTS, RECIPES, is_blend

__all__ = ["CHEAP_UP_TO", "Options", "Plan", "plan_of"]

CHEAP_UP_TO = 500
"""Candidates that are not dear get `cheap_seeds` draws at budgets up to this."""


@dataclass(frozen=True)
class Options:
    """What `headstart.comparison.compare` was asked for; it documents them."""

    budgets: tuple[int, ...]
    seeds: int
    cheap_seeds: int
    n_jobs: int
    seed: int
    cache: str | Path | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Plan:
    """What is going to be fitted.

    Attributes:
        candidates: those that run, by name, simplest first.
        left_out: why each of the others does not.
        tasks: all fits, in the order of doing.
        options: what was asked for.
    """

    candidates: Mapping[str, Candidate]
    left_out: Mapping[str, str]
    tasks: Sequence[Fit]
    options: Options

    @property
    def own(self) -> int:
        """The user's own budget: the largest."""
        return self.options.budgets[-1]

    def first(self, name: str) -> Fit:
        """Return a candidate's fit on the first draw of the user's own budget: the one that can be shipped."""
        return Fit(name, 0 if self.candidates[name].unlabelled else self.own, 0)


def plan_of(
    base: Predictor, problem: Problem, source: Corpus | None, names: Sequence[str] | None, options: Options
) -> Plan:
    """Return the plan for what is there.

    Raises:
        OptionError: a name that no candidate has, or nothing that can run.
        DataError: a draw of one class; found out before anything is fitted.
    """
    candidates, left_out = chosen(names, available=_available(base, problem, source))
    for budget in options.budgets:
        for seed in range(max(options.seeds, options.cheap_seeds)):
            problem.draw(budget, seed)
    return Plan(candidates, left_out, _tasks(candidates, options), options)


def _available(base: Predictor, problem: Problem, source: Corpus | None) -> set[str]:
    there = {"source"} if source is not None else set()
    there |= {"columns"} if problem.columns else set()
    if isinstance(base.scorer, NetworkScorer) and not base.columns:
        there |= {"network", "layers"} | ({"recipe"} if base.scorer.spec.name in RECIPES else set())
    if is_blend(base) and len(problem.pool) >= LEAST_TEXTS:
        there |= {"ngrams"}
    there |= {"layers"} if isinstance(base.scorer, EncoderScorer) else {"labels"}
    return there


def _tasks(candidates: Mapping[str, Candidate], options: Options) -> list[Fit]:
    """Return all fits: seed by seed, so that whole draws are there early; dear ones first within a draw."""
    tasks = []
    for name, candidate in candidates.items():
        for budget in (0,) if candidate.unlabelled else options.budgets:
            cheap = not candidate.dear and budget <= CHEAP_UP_TO
            n_seeds = 1 if candidate.unlabelled else options.cheap_seeds if cheap else options.seeds
            tasks += [Fit(name, budget, seed) for seed in range(n_seeds)]
    return sorted(tasks, key=lambda task: (task.seed, -candidates[task.strategy].seconds * (task.budget + 100)))
