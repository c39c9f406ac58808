"""From the scores of all fits to what they say: estimates, the verdict's facts, labels saved, the gap."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.comparison.fits import load_scores
from headstart.comparison.gap import domain_gap
from headstart.comparison.log import RowLog
from headstart.comparison.planning import Plan
from headstart.comparison.problem import Problem, labels_of
from headstart.comparison.result import Comparison
from headstart.comparison.scores import Scored, split_half, versions
from headstart.comparison.verdict import Curves, Measured, decide
from headstart.comparison.workspace import Workspace
from headstart.corpus import Corpus
from headstart.evaluation import label_curves as reading
from headstart.evaluation.draws import estimate
from headstart.plain import Json
from headstart.predictor import Predictor


def judge(
    workspace: Workspace,
    problem: Problem,
    base: Predictor,
    source: Corpus | None,
    plan: Plan,
    log: RowLog,
) -> Comparison:
    """Return what was found, but for the words of the verdict, which tell what is shipped too.

    Args:
        workspace: what candidates share.
        problem: the rows.
        base: what is carried over.
        source: its labelled training texts, or None.
        plan: what was fitted.
        log: the rows of all fits.
    """
    options = plan.options
    targets, task = labels_of(problem.test), problem.task
    scores = {fit: load_scores(log.folder, fit) for fit in plan.fits}
    scored = Scored(targets, options.metric, scores, problem.groups(problem.test), task.strata(targets))
    curves = scored.curves()
    measured = Measured(plan.strategies, curves, options.budgets)
    verdict = decide(measured)
    saved = _labels_saved(measured, _REFERENCES[:2] if problem.pool.input == "text" else _REFERENCES)
    verdict["labels_saved"] = [one for one in saved if one["budget"] == options.budgets[-1]]
    verdict["next_doubling"] = _doubling(measured, verdict["ship"])
    verdict["shipped"]["chosen_on_other_rows"] = split_half(scored, plan.strategies, options.budgets)
    verdict["without_duplicates"] = _without_duplicates(problem, measured, scored, verdict["ship"])
    order = list(plan.strategies)
    rows = [log.rows[fit] for fit in sorted(plan.fits, key=lambda fit: (order.index(fit.strategy), fit))]
    gap = domain_gap(base, problem.pool, source, logits=workspace.base_logits_of_pool)
    facts = {
        "candidates": {name: one.about for name, one in plan.strategies.items()}, "notes": list(problem.notes),
        "budgets": list(options.budgets), "seeds": options.seeds, "cheap_seeds": options.cheap_seeds,
        "columns": list(problem.columns), "group": problem.group, "seed_of_the_split": options.seed, "device": options.device,
        "task": problem.task.to_json(), "labels": list(problem.pool.label_names), "n_pool": len(problem.pool), "n_test": len(problem.test),
        "versions": versions(),
    }  # fmt: skip
    return Comparison(rows, verdict, _estimates(curves), saved, gap, problem.counts, facts)


def _estimates(curves: Curves) -> list[Json]:
    found = []
    for name, curve in curves.items():
        for budget, parts in sorted(curve.items()):
            one = estimate(parts)
            facts = {
                parts.metric.name: one.value,
                "low": one.low,
                "high": one.high,
                "standard_error": one.standard_error,
            }
            found.append({"strategy": name, "budget": budget, **facts, "draws": one.draws})
    return found


_REFERENCES = ("scratch", "tfidf", "columns", "minirocket", "pixels", "hog")
"""What a transfer's labels are counted in; next to texts, columns alone are another question."""


def _labels_saved(measured: Measured, names: Sequence[str]) -> list[Json]:
    """Return labels saved at every budget, by what each of the named reference points needs."""
    references = [name for name in names if name in measured.curves]
    carrying = measured.named(lambda one: one.uses != "nothing" and not one.with_columns)
    if not references or not carrying:
        return []
    some = next(iter(measured.at(measured.budgets[-1]).values()))
    most = max((len(parts.seeds) for curve in measured.curves.values() for parts in curve.values()), default=1)
    resampling = reading.Resampling.of(some.influence.shape[1], most)
    found = []
    for budget in measured.budgets:
        here = measured.at(budget)
        transfer = max((name for name in carrying if name in here), key=lambda name: here[name].gain)
        for reference in references:
            saved = reading.labels_saved(here[transfer], budget, measured.curves[reference], resampling)
            found.append({"transfer": transfer, "reference": reference, **saved})
    return found


def _doubling(measured: Measured, ship: str) -> Json | None:
    """Return what more labels are likely to buy: for the candidate to ship, or the best that learns from labels."""
    own = measured.at(measured.budgets[-1])
    learning = [name for name in own if 0 not in measured.curves[name]]
    if not learning:
        return None
    name = ship if ship in learning else max(learning, key=lambda one: own[one].gain)
    curve = measured.curves[name]
    n_groups = own[name].influence.shape[1]
    most = max(len(parts.seeds) for parts in curve.values())
    found = reading.next_doubling(curve, reading.Resampling.of(n_groups, most))
    return None if found is None else {"strategy": name, **found}


def _without_duplicates(problem: Problem, measured: Measured, scored: Scored, ship: str) -> Json | None:
    """Return the verdict on the test rows whose texts do not stand in the pool, in short; None if all are such."""
    alone = ~problem.doubled
    if alone.all():
        return None
    rest = scored.of(alone)
    if rest.undefined:
        return {"n_test": int(alone.sum()), "why": "the rest holds one class only"}
    again = decide(Measured(measured.strategies, rest.curves(), measured.budgets))
    same = again["ship"] == ship
    return {
        "n_test": int(alone.sum()),
        "ship": again["ship"],
        "kind": again["kind"],
        "same": same,
        "shipped": again["shipped"],
    }
