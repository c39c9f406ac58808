"""The verdict, from rules that docs/compare.md states.

1. *Chance.* Which strategies beat the chance level at the user's own budget? None: nothing helps.
2. *Ship.* The simplest strategy that is not shown to be worse than the best one, and loses no more to it than makes no
   difference in use (`Metric.negligible_for`: .01 of AUC).
3. *Base.* What the recommended way of carrying the base over gains over the best strategy that uses nothing, with one
   interval (`headstart.evaluation.picking`). Above zero: it helps. Below: it hurts. That near to zero: no difference.
   Else it cannot be told.
4. *Bases.* Of several, carry the one whose best strategy is shown to be better than the best of the others; an interval of the
   same kind says it.
5. *Columns.* They help if what the best strategy that reads them gains over the best that does not lies above zero, by an
   interval of the same kind.

The word of the verdict follows from these intervals alone, which are printed: see `word_of`. Each end of an interval errs in
1.5% of cases at the user's own budget, so that it is one of 97%; smaller budgets share another 1.5%. Rules 1 and 2 adjust by
Holm's method, at 1%, and at 5%, where to keep too many strategies is the careful side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headstart.evaluation.draws import Components, above_chance, difference, estimate, holm
from headstart.evaluation.metric import Metric
from headstart.evaluation.picking import against_best, best_of
from headstart.evaluation.saying import Saying
from headstart.plain import Facts, Json
from headstart.strategies import Strategy
from headstart.strategies.strategy import bare_name

LEVEL = 0.015
CHANCE_LEVEL = 0.01
SHIP_LEVEL = 0.05
EQUAL = 0.1
"""What loses at most this part of a negligible difference is as good."""

Curves = Mapping[str, Mapping[int, Components]]


@dataclass(frozen=True)
class Measured:
    """All that was measured.

    Attributes:
        strategies: by name, simplest first.
        curves: name -> budget -> components; budget 0 alone for a strategy that uses no labels.
        budgets: ascending; the last is the user's own.
    """

    strategies: Mapping[str, Strategy]
    curves: Curves
    budgets: tuple[int, ...]

    @property
    def metric(self) -> Metric:
        """What was measured."""
        return self._any.metric

    @property
    def saying(self) -> Saying:
        """How it is said on these test rows, with its chance level and the difference that makes none in use."""
        return Saying.of(self.metric, self._any.chance, self._any.negligible)

    @property
    def _any(self) -> Components:
        return next(parts for curve in self.curves.values() for parts in curve.values())

    def at(self, budget: int) -> dict[str, Components]:
        """Return every strategy's components at a budget, those without labels included."""
        found = {}
        for name, curve in self.curves.items():
            if budget in curve or 0 in curve:
                found[name] = curve.get(budget) or curve[0]
        return found

    def named(self, wanted: Callable[[Strategy], bool]) -> list[str]:
        """Return the names of strategies of a kind."""
        return [name for name, strategy in self.strategies.items() if wanted(strategy)]


def decide(measured: Measured) -> Json:
    """Return the verdict's facts; `headstart.comparison.verdict_text` says them.

    Returns:
        ``word`` (see `word_of`), ``kind``, ``metric`` (see `headstart.evaluation.saying.Saying`), ``own_budget``, ``ship``,
        ``carries`` (whether that uses the base), ``best``, ``in_the_running``, ``chance``, ``base`` (with ``by_budget``),
        ``columns``; JSON-able.
    """
    own = measured.budgets[-1]
    here = measured.at(own)
    chance = holm({name: above_chance(parts) for name, parts in here.items()})
    ship = _ship(measured, here)
    base = judge_base(measured, own, ship["ship"])
    smaller = [judge_base(measured, n, n_families=len(measured.budgets) - 1) for n in measured.budgets[:-1]]
    base["by_budget"] = [*smaller, dict(base)]
    for answer in ("helps", "hurts"):
        base[f"{answer}_up_to"] = max((one["budget"] for one in smaller if one["answer"] == answer), default=None)
    facts = {
        "metric": measured.saying.to_json(),
        "own_budget": own,
        **ship,
        "carries": measured.strategies[ship["ship"]].uses != "nothing",
        "chance": {
            "p_values": chance,
            "level": CHANCE_LEVEL,
            "above": [name for name, p in chance.items() if p < CHANCE_LEVEL],
        },
        "base": base,
        "columns": _columns(measured, here),
    }
    bases = _bases(measured, here)
    if bases is not None:
        facts["bases"] = bases
    return {"word": word_of(facts), "kind": _kind(facts), **facts}


def judge_base(measured: Measured, budget: int, recommended: str = "", *, n_families: int = 1) -> Json:
    """Return whether carrying the base over helps at a budget.

    Args:
        measured: all that was measured.
        budget: in labels.
        recommended: the strategy to ship; where it does not carry the base over, the best that does is looked at.
        n_families: how many budgets share the level.

    Returns:
        ``answer`` (see `answer_of`), ``budget``, ``transfer``, ``reference``, ``difference``, ``low``, ``high``,
        ``level`` (of error, at each end), ``negligible``, ``standard_error``, ``draws``; where there is nothing to compare,
        ``answer``, ``budget`` and ``why``.
    """
    here = measured.at(budget)
    transfers = [name for name in measured.named(lambda one: one.uses != "nothing") if name in here]
    without = [name for name in measured.named(lambda one: one.uses == "nothing") if name in here]
    if not without or not any(measured.strategies[name].uses == "base" for name in transfers):
        return {"answer": "cannot be told", "budget": budget, "why": "there is nothing to compare it with"}
    picked = recommended if recommended in transfers else None
    found = against_best(here, transfers, without, one=picked, level=LEVEL / n_families)
    facts = {
        "budget": budget,
        "transfer": found.one,
        "reference": found.other,
        "difference": found.value,
        "low": found.low,
        "high": found.high,
        "level": found.level,
        "negligible": measured.saying.negligible,
        "standard_error": found.standard_error,
        "draws": found.draws,
    }
    return {"answer": answer_of(facts), **facts}


def answer_of(interval: Facts) -> str:
    """Return what an interval says: ``helps``, ``hurts``, ``no difference`` or ``cannot be told``.

    Args:
        interval: ``low`` and ``high`` of a gain, and ``negligible``.
    """
    low, high, negligible = interval["low"], interval["high"], interval["negligible"]
    if low > 0:
        return "helps"
    if high < 0:
        return "hurts"
    return "no difference" if -negligible <= low and high <= negligible else "cannot be told"


def word_of(verdict: Facts) -> str:
    """Return the verdict in a word, from the intervals that are printed; the first of these that holds.

    ``nothing helps``: no strategy beats chance. ``helps``: so says the interval at the user's own budget. ``helps with few
    labels``: so says one at a smaller budget. ``hurts``: so says the own budget's interval; or a smaller one's, and what is
    recommended does not use the base (labels enough make up for a bad base, which is no reason to carry it over). ``no
    difference`` and ``cannot be told``: as the own budget's interval says.

    Args:
        verdict: from `decide`, or read from ``verdict.json``.
    """
    base = verdict["base"]
    if not verdict["chance"]["above"]:
        return "nothing helps"
    if base["answer"] == "helps":
        return "helps"
    answers = [one["answer"] for one in base["by_budget"][:-1]]
    if "helps" in answers:
        return "helps with few labels"
    if base["answer"] == "hurts" or ("hurts" in answers and not verdict["carries"]):
        return "hurts"
    return str(base["answer"])


def _ship(measured: Measured, here: Mapping[str, Components]) -> Json:
    best = best_of(here, list(here))
    apart = {name: difference(here[best], parts) for name, parts in here.items() if name != best}
    worse = holm({name: one.p_greater for name, one in apart.items()})
    most = measured.saying.negligible
    running = [
        name
        for name in here
        if name == best
        or apart[name].value <= EQUAL * most
        or (worse[name] >= SHIP_LEVEL and apart[name].value <= most)
    ]
    order = list(measured.strategies)
    ship = min(running, key=order.index)
    return {
        "ship": ship,
        "best": best,
        f"best_{measured.metric.name}": float(here[best].values.mean()),
        "in_the_running": sorted(running, key=order.index),
        "shipped": estimate(here[ship])._asdict(),
        "loses_to_best": None if ship == best else apart[ship].value,
    }


def _columns(measured: Measured, here: Mapping[str, Components]) -> Json | None:
    reading = [name for name in measured.named(lambda one: one.with_columns) if name in here]
    without = [name for name in here if name not in reading]
    if not reading or not without:
        return None
    found = against_best(here, reading, without, level=LEVEL)
    return {
        "answer": "help" if found.low > 0 else "cannot be told",
        "with": found.one,
        "without": found.other,
        "difference": found.value,
        "low": found.low,
        "high": found.high,
        "level": found.level,
    }


def _bases(measured: Measured, here: Mapping[str, Components]) -> Json | None:
    """Return which of several bases to carry, by the best strategy of each; None where there are no two."""
    of_each: dict[str, list[str]] = {}
    for name in here:
        if measured.strategies[name].of_base:
            of_each.setdefault(measured.strategies[name].of_base, []).append(name)
    if len(of_each) < 2:
        return None
    best = {base: best_of(here, names) for base, names in of_each.items()}
    first = next(base for base, names in of_each.items() if best_of(here, list(best.values())) in names)
    others = [name for base, names in of_each.items() if base != first for name in names]
    found = against_best(here, of_each[first], others, level=LEVEL)
    told = "cannot be told" if found.low <= 0 else first
    values = {
        base: {"strategy": name, measured.metric.name: float(here[name].values.mean())} for base, name in best.items()
    }
    return {
        "answer": told, "best": first, "of_each": values, "with": found.one, "without": found.other,
        "difference": found.value, "low": found.low, "high": found.high, "level": found.level,
    }  # fmt: skip


def _kind(facts: Facts) -> str:
    """Return what to do, in a word; the first of these that holds."""
    word, columns = word_of(facts), facts["columns"]
    if word == "nothing helps":
        return word
    if bare_name(facts["ship"]) == "as-is":
        return "as-is is enough"
    if columns and columns["answer"] == "help" and ("columns" in facts["ship"]):
        return "columns decide"
    if word == "helps":
        return "transfer" if facts["carries"] else "cannot be told"
    return {"helps with few labels": "helps with few labels only", "hurts": "do not transfer"}.get(
        word, "cannot be told"
    )
