"""Which strategies run here, and which fits that makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from headstart.comparison.fits import Fit
from headstart.comparison.problem import Problem, asked_of, carries_source
from headstart.corpus import Corpus
from headstart.errors import OptionError, unknown_name
from headstart.evaluation import AUC, Metric
from headstart.executors import Executor
from headstart.plain import Facts
from headstart.predictor import NetworkScorer, Predictor
from headstart.strategies import (
    LEAST_TEXTS,
    STRATEGIES,
    WITH_COLUMNS,
    Strategy,
    answers_some,
    is_blend,
    is_encoder,
    strategy_of,
)
from headstart.strategies.strategy import OF_BASE, bare_name
from headstart.tasks import Task

ALL = "all"
"""In a list of names: all strategies."""

CHEAP_UP_TO = 500
"""Strategies that are not expensive get `cheap_seeds` draws at budgets up to this."""

_WHY = {
    "ngrams": "the base's network has no n-grams to teach itself by, as the default one has, or there are too few texts",
    "answers": "the base is an encoder that has learnt no labels, so as it is it predicts nothing",
    "labels": "the base is an encoder that has learnt no labels, so as it is it predicts nothing",
    "network": "the base is no network that could be trained on",
    "beginning": "the base's network was trained by others, and is not begun from random weights here",
    "layers": "the base has no layers",
    "source": "the base's own texts were not given (--source)",
    "columns": "no columns were named (--columns)",
    "rows": "the rows are nothing but columns",
    "text": "the rows are no texts",
    "series": "the rows are no series",
    "image": "the rows are no images",
}


_NOT_ASKED = {"columns", "rows", "text", "series", "image"}
"""What a strategy may lack without a word: nobody expects it of these rows."""


@dataclass(frozen=True)
class Options:
    """What `headstart.comparison.compare` was asked for; it documents them."""

    budgets: tuple[int, ...]
    seeds: int
    cheap_seeds: int
    executor: Executor
    seed: int
    cache: str | Path | None = None
    device: str = "cpu"
    about: Facts = field(default_factory=dict)
    metric: Metric = AUC


@dataclass(frozen=True)
class Plan:
    """What is going to be fitted.

    Attributes:
        strategies: those that run, by name, simplest first.
        left_out: why each of the others does not.
        fits: all fits, in the order of doing.
        options: what was asked for.
    """

    strategies: Mapping[str, Strategy]
    left_out: Mapping[str, str]
    fits: Sequence[Fit]
    options: Options

    @property
    def own(self) -> int:
        """The user's own budget: the largest."""
        return self.options.budgets[-1]

    def first(self, name: str) -> Fit:
        """Return a strategy's fit on the first draw of the user's own budget: the one that can be shipped."""
        return Fit(name, 0 if self.strategies[name].unlabelled else self.own, 0)


def plan_of(
    bases: Mapping[str, Predictor],
    problem: Problem,
    source: Corpus | None,
    names: Sequence[str] | None,
    options: Options,
) -> Plan:
    """Return the plan for what is there; what uses one of several bases runs with each, under the name of both.

    Raises:
        OptionError: a name that no strategy has, or nothing that can run.
        DataError: a draw of one class; found out before anything is fitted.
    """
    strategies, left_out = _with_each(bases, problem, source, names)
    strategies = suited(strategies, problem.pool.input)
    for budget in options.budgets:
        for seed in range(max(options.seeds, options.cheap_seeds)):
            problem.draw(budget, seed)
    return Plan(strategies, left_out, _fits(strategies, options), options)


def _with_each(
    bases: Mapping[str, Predictor], problem: Problem, source: Corpus | None, names: Sequence[str] | None
) -> tuple[dict[str, Strategy], dict[str, str]]:
    running: dict[str, Strategy] = {}
    left_out: dict[str, str] = {}
    for label, base in bases.items():
        found, without = chosen(names, available=_available(base, problem, source), why=_reasons(base, problem, source))
        if len(bases) == 1:
            return found, without
        for name, strategy in found.items():
            longer = f"{name}{OF_BASE}{label}"
            of_one = replace(strategy, name=longer, about=f"{strategy.about}; the base is {label}", of_base=label)
            running |= {longer: of_one} if strategy.uses == "base" else {name: running.get(name, strategy)}
        left_out |= {f"{name}{OF_BASE}{label}": why for name, why in without.items() if name not in running}
    order = list(every_strategy())
    return dict(sorted(running.items(), key=lambda one: order.index(bare_name(one[0])))), left_out


def strategy_called(name: str, kind: str = "text") -> Strategy:
    """Return a strategy as a comparison of rows of a kind has it: ``"features+columns@minilm"`` is one of several bases'."""
    bare, _, label = name.partition(OF_BASE)
    return replace(suited(every_strategy(), kind)[bare], name=name, of_base=label)


def every_strategy() -> dict[str, Strategy]:
    """Return all strategies by name, simplest first; those that can read columns also as ``name+columns``."""
    found = {}
    for name, strategy in STRATEGIES.items():
        found[name] = strategy
        if strategy.columns:
            needs = (*strategy.needs, "columns", "rows")
            longer = f"{name}{WITH_COLUMNS}"
            found[longer] = replace(strategy, name=longer, with_columns=True, needs=needs)
    return found


def suited(strategies: Mapping[str, Strategy], kind: str) -> dict[str, Strategy]:
    """Return strategies as they run on rows of a kind: columns that are the rows are next to nothing."""
    return {name: replace(one, with_columns=one.with_columns and kind != "columns") for name, one in strategies.items()}


def chosen(
    names: Sequence[str] | None, *, available: Iterable[str], why: Mapping[str, str] = _WHY
) -> tuple[dict[str, Strategy], dict[str, str]]:
    """Return the strategies that run, by name, and why each of the others does not.

    Args:
        names: of those wanted; ``"all"`` among them, or None, stands for all.
        available: what is there of what strategies need; see `Strategy`.
        why: of each need, why it is not there.

    Raises:
        OptionError: for an unknown name, or if nothing is left that could run.
    """
    there, known = set(available), every_strategy()
    named = [name for name in names or () if name != ALL]
    for name in named:
        strategy_of(name)  # one that is gone gets a sentence
        if name not in known:
            raise unknown_name("strategy", name, known)
    everything = names is None or ALL in names
    # Six fits in place of one: only if it is named.
    wanted = {*named, *(name for name, one in known.items() if everything and not (one.expensive and one.with_columns))}
    running: dict[str, Strategy] = {}
    left_out: dict[str, str] = {}
    for name, strategy in known.items():
        missing = [need for need in strategy.needs if ":" not in need and need not in there]
        if name in wanted and not missing:
            running[name] = strategy
        elif name in wanted and (name in named or not _NOT_ASKED & set(missing)):
            left_out[name] = why.get(missing[0], f"the rows are none of the kind {missing[0]!r}")
    if not running:
        asked = ", ".join(name for name in known if name in wanted)
        raise OptionError(
            f"None of the strategies {asked} can run here: {'; '.join(sorted(set(left_out.values())))}. Name others."
        )
    return running, left_out


def _available(base: Predictor, problem: Problem, source: Corpus | None) -> set[str]:
    there = {"source"} if source is not None and carries_source(problem.task, source) else set()
    there |= {"columns"} if problem.columns else set()
    there |= {problem.pool.input, *(() if problem.pool.input == "columns" else ("rows",))}
    if isinstance(base.scorer, NetworkScorer) and not base.head_columns:
        there |= {"network", "beginning", "layers"}
    if is_blend(base) and len(problem.pool) >= LEAST_TEXTS:
        there |= {"ngrams"}
    if is_encoder(base) and not base.columns:
        there = (there | {"network", "layers"}) - {"beginning"}
        there |= {"beginning"} if problem.pool.input != "text" else set()  # other rows have a network to begin with
    there |= {"answers"} if answers_some(base, problem.task) else set()
    return there | ({"labels"} if base.task is not None and _names(base.task) == _names(problem.task) else set())


def _names(task: Task) -> tuple[str, ...]:
    return (task.kind, *task.names)


def _reasons(base: Predictor, problem: Problem, source: Corpus | None) -> dict[str, str]:
    """Return why what is needed is not there, for this base and these labels."""
    found = dict(_WHY)
    if base.task is not None and _names(base.task) != _names(problem.task):
        other = f"the base gives other answers ({base.task.said()}) than the labels ask for ({problem.task.said()})"
        found |= {"answers": other, "labels": other}
    if source is not None:
        found["source"] = (
            f"the base's own texts have other labels ({asked_of(source).said()}) than the target ({problem.task.said()})"
        )
    return found


def _fits(strategies: Mapping[str, Strategy], options: Options) -> list[Fit]:
    """Return all fits: seed by seed, so that whole draws are there early; expensive ones first within a draw."""
    fits = []
    for name, strategy in strategies.items():
        for budget in (0,) if strategy.unlabelled else options.budgets:
            cheap = not strategy.expensive and budget <= CHEAP_UP_TO
            n_seeds = 1 if strategy.unlabelled else options.cheap_seeds if cheap else options.seeds
            fits += [Fit(name, budget, seed) for seed in range(n_seeds)]
    return sorted(fits, key=lambda fit: (fit.seed, -strategies[fit.strategy].seconds * (fit.budget + 100)))
