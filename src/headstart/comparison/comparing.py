"""`compare`: candidates x budgets x seeds on the same rows, and the verdict."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from headstart.artifact import read, write
from headstart.comparison import curves as reading
from headstart.comparison.candidates import Candidate, chosen
from headstart.comparison.context import SPACES, Context, prepare
from headstart.comparison.facts import base_digest, errors_of, honest_auc, measure, versions
from headstart.comparison.gap import domain_gap, gap_lines
from headstart.comparison.log import RowLog
from headstart.comparison.problem import Problem, assemble, budget_list, digest
from headstart.comparison.running import Progress, n_cores, run_tasks
from headstart.comparison.statistics import estimate
from headstart.comparison.tasks import Task, load_scores, perform
from headstart.comparison.verdict import Measured, decide
from headstart.comparison.words import say
from headstart.corpus import Corpus
from headstart.corpus import read as read_corpus
from headstart.errors import DataError, OptionError
from headstart.estimators import labelled
from headstart.features import as_predictor
from headstart.predictor import Predictor

__all__ = ["Comparison", "compare"]

CHEAP_UP_TO = 500
"""Candidates that are not dear get `cheap_seeds` draws at budgets up to this."""

_DOMAIN_ONLY = (
    "Without labels of the target, nothing can be said about which candidate is best, how many labels would be saved, "
    "or whether the base's decisions are right; only how far the target's texts lie from the source's. "
    "Label 100 rows drawn at random and run compare again."
)


@dataclass
class Comparison:
    """What a comparison found.

    Attributes:
        rows: one plain dict a fit: ``strategy``, ``budget``, ``seed``, metrics on the test rows, ``seconds``.
        verdict: plain facts, and ``words``.
        estimates: the mean AUC of every candidate at every budget, with the interval that counts in the draws of
            training rows and of test rows.
        labels_saved: what `scratch` and `tfidf` need to reach the best transfer, by budget.
        gap: how far the target lies from the source.
        counts: of law 5.
        facts: how it was done.
        shown: what the page shows of the winner: labels, probabilities and the worst errors on the test rows.
    """

    rows: list[dict[str, Any]]
    verdict: dict[str, Any]
    estimates: list[dict[str, Any]]
    labels_saved: list[dict[str, Any]]
    gap: dict[str, Any]
    counts: dict[str, Any]
    facts: dict[str, Any]
    shown: dict[str, Any] = field(default_factory=dict)
    _predictor: Callable[[], Predictor | None] = field(default=lambda: None, repr=False)
    _made: Predictor | None = field(default=None, repr=False)

    @property
    def predictor(self) -> Predictor | None:
        """The candidate to ship, ready to predict; None where there were no labels."""
        if self._made is None:
            self._made = self._predictor()
        return self._made

    def save(self, path: str | Path) -> str:
        """Write the candidate to ship as a model's folder and return its content hash.

        Raises:
            DataError: there were no labels, so there is none.
        """
        if self.predictor is None:
            raise DataError("No candidate was chosen, because no labels were there; compare with labels, then save.")
        return write(path, self.predictor.to_parts())

    def report(self, path: str | Path) -> Path:
        """Write the page and return its path."""
        from headstart.report.comparison import comparison_report

        return comparison_report(self.to_dict(), path)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        names = ("verdict", "estimates", "labels_saved", "rows", "gap", "counts", "facts", "shown")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class _Options:
    budgets: tuple[int, ...]
    seeds: int
    cheap_seeds: int
    n_jobs: int
    seed: int
    cache: str | Path | None = None


def compare(
    base: Any,
    X: Any,
    y: Any = None,
    *,
    text: str | None = None,
    columns: Sequence[str] = (),
    budgets: Sequence[int | None] | None = None,
    seeds: int = 5,
    cheap_seeds: int | None = None,
    candidates: Sequence[str] | None = None,
    source: Any = None,
    test: Any = None,
    groups: str | None = None,
    label_map: Mapping[Any, Any] | None = None,
    out: str | Path | None = None,
    random_state: int = 0,
    n_jobs: int | None = None,
    progress: Progress | None = None,
    cache: str | Path | None = None,
) -> Comparison:
    """Compare every way of using a base, and of doing without one, at several label budgets.

    A budget of N means N labels in all: layers, penalties, early stopping, thresholds and calibration are chosen
    inside it. All candidates see the same rows of a draw and the same test rows.

    Args:
        base: a fitted `TextClassifier`, a `Predictor`, or the path of a model.
        X: the target's texts, a table, or a labelled `Corpus`.
        y: labels [rows]; None with a labelled corpus. With none at all, only the domain gap is measured.
        text: the text column where `X` is a table.
        columns: tabular columns; candidates then run with and without them, and they run alone.
        budgets: numbers of labels; None among them stands for all. The largest is taken as the user's own.
        seeds: draws of the training rows at each budget.
        cheap_seeds: draws for the candidates that are not networks, at 500 labels and fewer; None for `seeds`.
        candidates: names; None for all that can run.
        source: the base's own texts with labels (a corpus, a pair, a path), for what needs them.
        test: rows to measure on: a labelled corpus, a pair ``(X, y)``, a share to hold out; None for a fifth.
        groups: a column of `X`; rows with equal values stay on one side of every split.
        label_map: renames label values of the target to the base's.
        out: the folder of results; a comparison that was stopped there goes on. None keeps nothing.
        random_state: seed of the test split; draws have seeds 0, 1, 2 ... whatever it is.
        n_jobs: processes; None for one a core.
        progress: told after every fit; see `headstart.comparison.running.Progress`.
        cache: the folder in which outputs of a large imported encoder are kept, or ``"off"``; None for
            ``HEADSTART_CACHE`` or the user's own cache folder.

    Raises:
        DataError, OptionError: what cannot be used, and what to do.

    ::

        result = hs.compare(base, frame, labels, text="review", budgets=[100, 500, None], out="hotels")
        print(result.verdict["words"])
    """
    if seeds < 1 or (cheap_seeds is not None and cheap_seeds < 1):
        raise OptionError(
            f"{seeds} draws were asked for; expected 1 or more, better 5: with one, draws cannot be told from luck."
        )
    predictor = as_predictor(base)
    origin = None if source is None else _corpus(source, predictor, None, (), None)
    kept = tuple(dict.fromkeys((*columns, *((groups,) if groups else ()))))
    data = labelled(X, y, text=text, columns=kept, label_map=label_map, names=predictor.label_names)
    if data.labels is None:
        return _gap_alone(predictor, data, origin)
    held = test if test is None or isinstance(test, int | float) else _corpus(test, predictor, text, kept, label_map)
    problem = assemble(data, held, columns=columns, group=groups, source=origin, seed=random_state)
    options = _Options(
        budget_list(budgets, len(problem.pool)), seeds, cheap_seeds or seeds, n_jobs or n_cores(), random_state, cache
    )
    if out is not None:
        return _run(predictor, problem, origin, candidates, options, Path(out), progress or _silent)
    with tempfile.TemporaryDirectory(prefix="headstart-") as folder:
        found = _run(predictor, problem, origin, candidates, options, Path(folder), progress or _silent)
        _ = found.predictor  # the folder goes away: take the winner now
        return found


def _silent(done: int, total: int, seconds_left: float | None, last: str) -> None:
    pass


def _corpus(
    given: Any, base: Predictor, text: str | None, columns: Sequence[str], label_map: Mapping[Any, Any] | None
) -> Corpus:
    pair = given if isinstance(given, tuple) else (given, None)
    if isinstance(given, str | Path):
        pair = (read_corpus(str(given), text=text or "text", label="label", columns=columns), None)
    return labelled(*pair, text=text, columns=columns, label_map=label_map, names=base.label_names)


def _gap_alone(base: Predictor, data: Corpus, source: Corpus | None) -> Comparison:
    gap = domain_gap(base, data, source)
    verdict = {"kind": "no labels", "ship": None, "words": "\n\n".join([" ".join(gap_lines(gap)), _DOMAIN_ONLY])}
    return Comparison([], verdict, [], [], gap, {"target": data.counts}, {"versions": versions()})


def _run(
    base: Predictor,
    problem: Problem,
    source: Corpus | None,
    names: Sequence[str] | None,
    options: _Options,
    out: Path,
    progress: Progress,
) -> Comparison:
    running, left_out = chosen(names, available=_available(base, problem, source))
    tasks = _tasks(running, options)
    for budget in options.budgets:
        for seed in range(max(options.seeds, options.cheap_seeds)):
            problem.draw(budget, seed)  # a draw of one class is found out before anything is fitted
    plan = {
        "data": digest(problem.pool, problem.test), "base": base_digest(base), "columns": list(problem.columns),
        "group": problem.group, "source": None if source is None else digest(source), "version": 1,
    }  # fmt: skip
    log = RowLog(out, plan)
    started = time.perf_counter()
    work = out / "work"
    shutil.rmtree(work, ignore_errors=True)
    spaces = tuple(space for space in SPACES if any(f"texts:{space}" in one.needs for one in running.values()))
    context = prepare(problem, base, source, work, spaces=spaces, cache=options.cache)
    n_jobs = options.n_jobs if getattr(getattr(base.scorer, "spec", None), "name", "") is not None else 1
    own = options.budgets[-1]

    def keep(task: Task) -> bool:
        return task.seed == 0 and task.budget in (0, own)

    run_tasks(tasks, running, context, log, keep=keep, n_jobs=n_jobs, progress=progress)
    found = _judge(context, problem, base, source, running, tasks, log, options)
    found.facts |= {"left_out": left_out, "seconds": time.perf_counter() - started, "n_jobs": n_jobs}
    ship = Task(found.verdict["ship"], 0 if running[found.verdict["ship"]].unlabelled else own, 0)
    folder = out / "fitted" / ship.strategy
    if not folder.exists():
        perform(context, running[ship.strategy], ship, out, keep=True)
    found._predictor = lambda: Predictor.from_parts(
        read(folder if folder.exists() else out / "model"), trust_patterns=True
    )
    _show(found, context, problem, log, ship)
    _finish(found, out, log, work)
    return found


def _available(base: Predictor, problem: Problem, source: Corpus | None) -> set[str]:
    from headstart.predictor import EncoderScorer, NetworkScorer

    there = {"source"} if source is not None else set()
    there |= {"columns"} if problem.columns else set()
    if isinstance(base.scorer, NetworkScorer) and not base.columns:
        there |= {"network", "layers"}
    there |= {"layers"} if isinstance(base.scorer, EncoderScorer) else {"labels"}
    return there


def _tasks(running: Mapping[str, Candidate], options: _Options) -> list[Task]:
    """Return all fits: seed by seed, so that whole draws are there early; dear ones first within a draw."""
    tasks = []
    for name, candidate in running.items():
        for budget in (0,) if candidate.unlabelled else options.budgets:
            cheap = not candidate.dear and budget <= CHEAP_UP_TO
            n_seeds = 1 if candidate.unlabelled else options.cheap_seeds if cheap else options.seeds
            tasks += [Task(name, budget, seed) for seed in range(n_seeds)]
    return sorted(tasks, key=lambda task: (task.seed, -running[task.strategy].seconds * (task.budget + 100)))


def _judge(
    context: Context,
    problem: Problem,
    base: Predictor,
    source: Corpus | None,
    running: Mapping[str, Candidate],
    tasks: Sequence[Task],
    log: RowLog,
    options: _Options,
) -> Comparison:
    scores = {task: load_scores(log.folder, task) for task in tasks}
    groups = problem.groups(problem.test)
    measured = Measured(running, measure(problem.test, scores, groups), options.budgets)
    verdict = decide(measured)
    saved = _labels_saved(measured)
    verdict["labels_saved"] = [one for one in saved if one["budget"] == options.budgets[-1]]
    verdict["next_doubling"] = _doubling(measured, verdict["ship"])
    verdict["shipped"]["chosen_on_other_rows"] = honest_auc(problem.test, scores, groups, running, options.budgets)
    verdict["without_duplicates"] = _without_duplicates(problem, measured, scores, groups, verdict["ship"])
    verdict["words"] = say(verdict, running)
    rows = [log.rows[task] for task in sorted(tasks, key=lambda task: (list(running).index(task.strategy), task))]
    gap = domain_gap(base, problem.pool, source, logits=context.base_logits_of_pool)
    facts = {
        "candidates": {name: one.about for name, one in running.items()}, "notes": list(problem.notes),
        "budgets": list(options.budgets), "seeds": options.seeds, "cheap_seeds": options.cheap_seeds,
        "columns": list(problem.columns), "group": problem.group, "seed_of_the_split": options.seed,
        "labels": list(problem.pool.label_names), "n_pool": len(problem.pool), "n_test": len(problem.test),
        "versions": versions(),
    }  # fmt: skip
    return Comparison(rows, verdict, _estimates(measured), saved, gap, problem.counts, facts)


def _estimates(measured: Measured) -> list[dict[str, Any]]:
    found = []
    for name, curve in measured.curves.items():
        for budget, parts in sorted(curve.items()):
            one = estimate(parts)
            facts = {"auc": one.value, "low": one.low, "high": one.high, "standard_error": one.standard_error}
            found.append({"strategy": name, "budget": budget, **facts, "draws": one.draws})
    return found


def _labels_saved(measured: Measured) -> list[dict[str, Any]]:
    """Return labels saved at every budget, by what `scratch` and `tfidf` need."""
    references = [name for name in ("scratch", "tfidf") if name in measured.curves]
    carrying = measured.named(lambda one: one.uses != "nothing" and not one.with_columns)
    if not references or not carrying:
        return []
    some = next(iter(measured.at(measured.budgets[-1]).values()))
    most = max((len(parts.seeds) for curve in measured.curves.values() for parts in curve.values()), default=1)
    resampling = reading.Resampling.of(some.influence.shape[1], most)
    found = []
    for budget in measured.budgets:
        here = measured.at(budget)
        transfer = max((name for name in carrying if name in here), key=lambda name: here[name].aucs.mean())
        for reference in references:
            saved = reading.labels_saved(here[transfer], budget, measured.curves[reference], resampling)
            found.append({"transfer": transfer, "reference": reference, **saved})
    return found


def _doubling(measured: Measured, ship: str) -> dict[str, Any] | None:
    """Return what more labels are likely to buy: for the candidate to ship, or the best that learns from labels."""
    own = measured.at(measured.budgets[-1])
    learning = [name for name in own if 0 not in measured.curves[name]]
    if not learning:
        return None
    name = ship if ship in learning else max(learning, key=lambda one: own[one].aucs.mean())
    curve = measured.curves[name]
    n_groups = own[name].influence.shape[1]
    most = max(len(parts.seeds) for parts in curve.values())
    found = reading.next_doubling(curve, reading.Resampling.of(n_groups, most))
    return None if found is None else {"strategy": name, **found}


def _without_duplicates(
    problem: Problem, measured: Measured, scores: Mapping[Task, Any], groups: Any, ship: str
) -> dict[str, Any] | None:
    """Return the verdict on the test rows whose texts do not stand in the pool, in short; None if all are such."""
    alone = ~problem.doubled
    if alone.all():
        return None
    rest = problem.test.take(alone)
    if rest.labels is None or len(np.unique(rest.labels)) < 2:
        return {"n_test": int(alone.sum()), "why": "the rest holds one class only"}
    kept = {task: logits[alone] for task, logits in scores.items()}
    again = decide(
        Measured(measured.candidates, measure(rest, kept, None if groups is None else groups[alone]), measured.budgets)
    )
    same = again["ship"] == ship
    return {
        "n_test": int(alone.sum()),
        "ship": again["ship"],
        "kind": again["kind"],
        "same": same,
        "shipped": again["shipped"],
    }


def _show(found: Comparison, context: Context, problem: Problem, log: RowLog, ship: Task) -> None:
    """Put in what the page shows of the candidate to ship."""
    row = log.rows[ship]
    slope, intercept = row["calibration"]
    logits = load_scores(log.folder, ship)
    probabilities = 1 / (1 + np.exp(-np.clip(slope * logits + intercept, -80, 80)))
    labels = context.labels[context.test]
    found.shown = {
        "strategy": ship.strategy, "budget": ship.budget, "threshold": row["threshold"],
        "labels": labels.tolist(), "probabilities": [round(float(p), 6) for p in probabilities],
        "names": list(context.names), "worst": errors_of(problem.test, probabilities),
    }  # fmt: skip


def _finish(found: Comparison, out: Path, log: RowLog, work: Path) -> None:
    """Write the model, the verdict and the page; take away what was only for working."""
    found.save(out / "model")
    found._predictor = lambda: Predictor.from_parts(read(out / "model"), trust_patterns=True)
    facts = {name: part for name, part in found.to_dict().items() if name not in ("rows", "shown")}
    _write_json(out / "verdict.json", facts)
    found.report(out / "report.html")
    for folder in (work, out / "fitted"):
        shutil.rmtree(folder, ignore_errors=True)


def _write_json(path: Path, facts: Mapping[str, Any]) -> None:
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(facts, indent=1, allow_nan=False), encoding="utf-8")
    partial.replace(path)
