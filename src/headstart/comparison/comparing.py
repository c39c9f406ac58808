"""`compare`: candidates x budgets x seeds on the same rows, and the verdict."""

from __future__ import annotations

import datetime
import json
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from headstart.artifact import content_hash, read
from headstart.comparison.fits import Fit, load_scores, perform
from headstart.comparison.folder import check_place, check_shipped, make_working_folders, reserved
from headstart.comparison.gap import domain_gap, gap_lines
from headstart.comparison.log import RowLog
from headstart.comparison.planning import Options, Plan, plan_of
from headstart.comparison.problem import Problem, assemble, budget_list, labels_of
from headstart.comparison.recalibration import recalibrated, recalibration, shown
from headstart.comparison.result import Comparison
from headstart.comparison.results import judge
from headstart.comparison.running import Progress, run_tasks
from headstart.comparison.scores import versions
from headstart.comparison.verdict_text import reasons, say
from headstart.comparison.workspace import Workspace, prepare
from headstart.corpus import ROW_KINDS, Corpus, check_column_types, deciding_columns, digest
from headstart.corpus import read as read_corpus
from headstart.errors import OptionError
from headstart.estimators import labelled
from headstart.executors import Cores, Executor, Here, RayCluster
from headstart.features import as_predictor
from headstart.inference import resolve_device
from headstart.kernels.workers import n_cores, wanted_threads
from headstart.options import RandomState, seed_of
from headstart.outputs import RESUMES, atomic_write, remove_own
from headstart.plain import Facts
from headstart.predictor import Predictor
from headstart.predictor.counting import quality_sentences
from headstart.strategies import said_of_shared
from headstart.strategies.shared import SPACES
from headstart.strategies.strategy import bare_name
from headstart.tasks import Task

_DOMAIN_ONLY = (
    "Without labels of the target, nothing can be said about which candidate is best, how many labels would be saved, "
    "or whether the base's decisions are right; only how far the target's texts lie from the source's. "
    "Label 100 rows drawn at random and run compare again."
)


_KNOWN_ROWS = (*ROW_KINDS, "columns")


def compare(
    base: Any,
    X: Any,
    y: Any = None,
    *,
    text: str | None = None,
    columns: Sequence[str] = (),
    column_types: Mapping[str, str] | None = None,
    budgets: Sequence[int | None] | None = None,
    seeds: int = 5,
    cheap_seeds: int | None = None,
    candidates: Sequence[str] | None = None,
    source: Any = None,
    test: Any = None,
    groups: str | None = None,
    label_map: Mapping[Any, Any] | None = None,
    out: str | Path | None = None,
    random_state: RandomState = 0,
    n_jobs: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    cache: str | Path | None = None,
    device: str = "auto",
    about: Facts | None = None,
    task: str = "auto",
    metric: str | None = None,
) -> Comparison:
    """Compare every way of using a base, and of doing without one, at several label budgets.

    A budget of N means N labels in all: layers, penalties, early stopping, thresholds and calibration are chosen
    inside it. All candidates see the same rows of a draw and the same test rows.

    Args:
        base: a fitted `TextClassifier`, a `Predictor`, or the path of a model; or several of them, by the names under which they
            are compared: ``{"imdb": base, "minilm": "models/minilm"}``. The verdict then says which of them to carry.
        X: the target's texts, a table, or a labelled `Corpus`.
        y: labels [rows]; None with a labelled corpus. With none at all, only the domain gap is measured.
        text: the text column where `X` is a table.
        columns: tabular columns; candidates then run with and without them, and they run alone.
        column_types: what single columns are, where that is not to be told from the rows to draw from.
        budgets: numbers of labels; None among them stands for all. The largest is taken as the user's own.
        seeds: draws of the training rows at each budget.
        cheap_seeds: draws for the candidates that are not networks, at 500 labels and fewer; None for `seeds`.
        candidates: names of strategies; None, or ``"all"`` among them, for all that can run.
        source: the base's own texts with labels (a corpus, a pair, a path), for what needs them.
        test: rows to measure on: a labelled corpus, a pair ``(X, y)``, a share to hold out; None for a fifth.
        groups: a column of `X`; rows with equal values stay on one side of every split.
        label_map: renames label values of the target to the base's.
        out: the folder of results; a comparison that was stopped there goes on. None keeps nothing.
        random_state: seed of the test split; draws have seeds 0, 1, 2 ... whatever it is.
        n_jobs: processes; None for one a core.
        executor: where fits are done; None for `n_jobs` processes of this machine.
        progress: told after every fit; see `headstart.comparison.running.Progress`.
        cache: the folder in which outputs of a large imported encoder are kept, or ``"off"``; None for
            ``HEADSTART_CACHE`` or the user's own cache folder.
        device: where networks are trained and the base's layers computed: ``"auto"``, ``"cpu"``, ``"cuda"``,
            ``"cuda:1"``. What was trained scores the test rows on the CPU.
        task: what kind of answers the labels ask for, by its name in `headstart.tasks.TASKS`; ``"auto"`` tells it from them.
        metric: what decides the verdict, by its name in the `metrics` of its `headstart.tasks.Task`; None for the task's primary one.
        about: what the page says of its making, where that is known better: ``base`` and ``data`` (names), ``command``, ``label_map``.

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
    if out is not None:
        read = (*_named(base).values(), getattr(X, "source", None), source, test)
        check_place(Path(out), [one for one in read if isinstance(one, str | Path)])
    bases = {name: as_predictor(one) for name, one in _named(base).items()}
    bases = dict(
        sorted(bases.items(), key=lambda one: one[1].task is None)
    )  # what is asked of a base is asked of the first
    predictor = next(iter(bases.values()))
    where, random_state = str(resolve_device(device)), seed_of(random_state)
    origin = None if source is None else _corpus(source, predictor.task, None, (), None)
    check_column_types(column_types or {}, columns)
    kept = tuple(dict.fromkeys((*columns, *((groups,) if groups else ()))))
    data = labelled(X, y, text=text, columns=kept, label_map=label_map, base=predictor.task, task=task)
    if data.weights is not None:
        raise OptionError("these rows have weights, which a comparison does not take; pass the rows without them.")
    columns = data.reads if data.input == "columns" else columns
    if data.labels is None:
        return _gap_alone(predictor, data, origin)
    held = test if test is None or isinstance(test, int | float) else _corpus(test, data.task, text, kept, label_map)
    problem = assemble(
        data, held, columns=columns, column_types=column_types, group=groups, source=origin, seed=random_state
    )
    options = Options(
        budget_list(budgets, len(problem.pool)),
        seeds,
        cheap_seeds or seeds,
        executor or Cores(n_jobs or wanted_threads() or n_cores()),
        random_state,
        cache,
        where,
        {
            "base": ", ".join(bases) or None,
            "base_hash": content_hash(predictor.to_parts()) if len(bases) == 1 else None,
            "data": data.source,
            "label_map": {str(one): str(other) for one, other in (label_map or {}).items()},
            "date": datetime.date.today().isoformat(),
            **(about or {}),
        },
        problem.task.metric(metric),
    )
    plan = plan_of(bases, problem, origin, candidates, options)
    if any(bare_name(name) == "as-is" for name in plan.strategies):
        problem = replace(problem, notes=(*problem.notes, *said_of_shared(predictor, problem.task)))
    if out is not None:
        return _run(bases, problem, origin, plan, Path(out), progress or _silent)
    with tempfile.TemporaryDirectory(prefix="headstart-") as folder:
        return _run(bases, problem, origin, plan, Path(folder), progress or _silent)


def _named(base: Any) -> dict[str, Any]:
    """Return bases by name; one that came alone has that of its folder, or none.

    Raises:
        OptionError: a name that no file can have.
    """
    if not isinstance(base, Mapping):
        return {Path(base).name if isinstance(base, str | Path) else "": base}
    for name in base:
        if not isinstance(name, str) or not re.fullmatch(r"\w[\w.-]{0,60}", name):
            raise OptionError(
                f"a base is called {name!r:.80}; expected letters, digits, '.', '_' and '-', at most 61 of them. Give it another name."
            )
    if not base:
        raise OptionError(
            "no base came to be compared; pass a model, or several by name: {'imdb': ..., 'minilm': ...}."
        )
    return dict(base)


def _silent(done: int, total: int, seconds_left: float | None, last: str) -> None:
    pass


def _corpus(
    given: object, task: Task | None, text: str | None, columns: Sequence[str], label_map: Mapping[Any, Any] | None
) -> Corpus:
    pair = given if isinstance(given, tuple) else (given, None)
    if isinstance(given, str | Path):
        pair = (read_corpus(str(given), text=text or "text", label="label", columns=columns), None)
    return labelled(*pair, text=text, columns=columns, label_map=label_map, task=task or "auto")


def _gap_alone(base: Predictor, data: Corpus, source: Corpus | None) -> Comparison:
    gap = domain_gap(base, data, source)
    verdict = {"kind": "no labels", "ship": None, "words": "\n\n".join([" ".join(gap_lines(gap)), _DOMAIN_ONLY])}
    return Comparison([], verdict, [], [], gap, {"target": data.counts}, {"versions": versions()})


def _run(
    bases: Mapping[str, Predictor], problem: Problem, source: Corpus | None, plan: Plan, out: Path, progress: Progress
) -> Comparison:
    first, *further = bases.values()
    made_of = {
        "data": digest(problem.pool, problem.test), "base": first.digest(), "columns": problem.column_types,
        "group": problem.group, "source": None if source is None else digest(source), "version": 3,
    }  # fmt: skip
    if further:
        made_of["bases"] = {name: one.digest() for name, one in bases.items()}
    if plan.options.metric is not problem.task.primary:
        made_of["metric"] = plan.options.metric.name
    with reserved(out):
        log = RowLog(out, made_of)
        check_shipped(out, log.plan_digest)
        make_working_folders(out)
        try:
            return _compared(bases, problem, source, plan, log, progress)
        except KeyboardInterrupt as interrupt:
            if log.rows:
                interrupt.add_note(RESUMES)
            raise


def _compared(
    bases: Mapping[str, Predictor], problem: Problem, source: Corpus | None, plan: Plan, log: RowLog, progress: Progress
) -> Comparison:
    started, base = time.perf_counter(), next(iter(bases.values()))
    work = log.folder / "work"
    needs = {need for one in plan.strategies.values() for need in one.needs}
    spaces = tuple(space for space in SPACES if f"texts:{space}" in needs)
    workspace = prepare(
        problem, base, source, work, spaces=spaces, cache=plan.options.cache, device=plan.options.device,
        metric=plan.options.metric,
        further=dict([*bases.items()][1:]),
    )  # fmt: skip
    own = any(one.scorer.spec is not None and one.scorer.spec.name is None for one in bases.values())
    own = own or problem.pool.input not in _KNOWN_ROWS  # another process knows nothing of it
    executor = Here() if own else plan.options.executor
    if own and isinstance(plan.options.executor, RayCluster):
        raise OptionError(
            "the base's network, or the kind of its rows, is code of your own, which no other machine has; leave --ray out."
        )

    def keep(fit: Fit) -> bool:
        return fit == plan.first(fit.strategy)

    run_tasks(plan.fits, plan.strategies, workspace, log, keep=keep, executor=executor, progress=progress)
    found = judge(workspace, problem, base, source, plan, log)
    _add_warnings(found, bases, problem)
    found.facts |= plan.options.about
    found.facts |= {"left_out": dict(plan.left_out), "seconds": time.perf_counter() - started, "n_jobs": executor.width}
    _ship(found, workspace, problem, plan, log)
    found.verdict |= {"words": say(found.verdict, plan.strategies), "reasons": reasons(found.verdict)}
    _finish(found, log)
    return found


def _add_warnings(found: Comparison, bases: Mapping[str, Predictor], problem: Problem) -> None:
    """Say what makes figures too good: a column that decides the label by itself, test rows that the base has seen."""
    deciding = deciding_columns(
        problem.pool.columns, problem.columns, problem.task.strata(labels_of(problem.pool)), problem.column_types
    )
    known = [one.learnt_from.overlap(problem.test.texts).n for one in bases.values() if one.learnt_from is not None]
    seen = max(known, default=None)
    found.counts["test"]["n_seen_in_training"] = seen
    counts = {"n": len(problem.test), "n_seen_in_training": seen}
    found.verdict["deciding_columns"] = [one._asdict() for one in deciding]
    found.verdict["warnings"] = [one.sentence for one in deciding] + [
        f"for the base, {sentence}" for sentence in quality_sentences(counts, {})
    ]


def _ship(found: Comparison, workspace: Workspace, problem: Problem, plan: Plan, log: RowLog) -> None:
    """Take the candidate to ship as it was fitted on the first draw; one that used no label learns what they say."""
    ship = plan.first(found.verdict["ship"])
    workspace = workspace.of_base(plan.strategies[ship.strategy].of_base)
    parts = log.model(ship)
    if parts is None:
        log.add(perform(workspace, plan.strategies[ship.strategy], ship, log.folder, keep=True))
        parts = read(log.model_path(ship))
    predictor = Predictor.from_parts(parts, trust_patterns=True)
    found.verdict["recalibration"] = None
    if problem.task.kind != "binary" or plan.options.metric is not problem.task.primary:
        logits = predictor.score(problem.test).logits
    else:
        logits = load_scores(log.folder, ship)
    if not ship.budget and problem.task.kind == "binary":
        rows = workspace.drawn(plan.own, 0)
        of_rows = (
            workspace.base_logits[rows]
            if bare_name(ship.strategy) == "as-is"
            else predictor.score(workspace.corpus(rows)).logits
        )
        told = recalibration(workspace, rows, of_rows, predictor.rule, logits)
        predictor = recalibrated(predictor, told)
        found.verdict["recalibration"] = told
    found.shown = shown(problem, ship, predictor, logits)
    found.predictor = predictor


def _finish(found: Comparison, log: RowLog) -> None:
    """Write the model, the verdict and the page; take away what was only for working."""
    out = log.folder
    if found.predictor is not None:
        found.predictor = replace(found.predictor, run={**found.predictor.run, "digest": log.plan_digest})
    found.save(out / "model")
    facts = {name: part for name, part in found.to_dict().items() if name not in ("rows", "shown")}
    _write_json(out / "verdict.json", facts)
    found.report(out / "report.html")
    remove_own(out / "fitted")


def _write_json(path: Path, facts: Facts) -> None:
    with atomic_write(path) as unfinished:
        unfinished.write_text(json.dumps(facts, indent=1, allow_nan=False), encoding="utf-8")
