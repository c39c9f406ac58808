"""The verdict, from rules that docs/compare.md states.

1. *Chance.* Which candidates beat an AUC of one half at the user's own budget? None: nothing helps.
2. *Ship.* The simplest candidate that is not shown to be worse than the best one, and loses at most .01 to it.
3. *Base.* It helps if some candidate that carries it over beats every one that uses nothing; it hurts if some
   candidate that uses nothing beats every one that carries it over; else it cannot be told.
4. *Columns.* They help if some candidate that reads them beats every one that does not.

All tests are paired, on the same draws and test rows. Families of tests are adjusted by Holm's method; the level is
1% for 1, 3 and 4, and 5% for 2, where to keep too many candidates is the careful side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headstart.comparison.candidates import Candidate
from headstart.evaluation.draws import Components, above_chance, difference, estimate, holm

__all__ = ["LEVEL", "Curves", "Measured", "decide", "judge_base"]

LEVEL = 0.01
SHIP_LEVEL = 0.05
EQUAL, MOST_LOST = 0.001, 0.01

Curves = Mapping[str, Mapping[int, Components]]


@dataclass(frozen=True)
class Measured:
    """All that was measured.

    Attributes:
        candidates: by name, simplest first.
        curves: name -> budget -> components; budget 0 alone for a candidate that uses no labels.
        budgets: ascending; the last is the user's own.
    """

    candidates: Mapping[str, Candidate]
    curves: Curves
    budgets: tuple[int, ...]

    def at(self, budget: int) -> dict[str, Components]:
        """Return every candidate's components at a budget, those without labels included."""
        found = {}
        for name, curve in self.curves.items():
            if budget in curve or 0 in curve:
                found[name] = curve.get(budget) or curve[0]
        return found

    def named(self, wanted: Callable[[Candidate], bool]) -> list[str]:
        """Return the names of candidates of a kind."""
        return [name for name, candidate in self.candidates.items() if wanted(candidate)]


def decide(measured: Measured) -> dict[str, Any]:
    """Return the verdict's facts; `headstart.comparison.verdict_text` says them.

    Returns:
        ``kind``, ``own_budget``, ``ship``, ``best``, ``in_the_running``, ``chance``, ``base`` (with ``by_budget``),
        ``columns``; JSON-able.
    """
    own = measured.budgets[-1]
    here = measured.at(own)
    chance = holm({name: above_chance(parts) for name, parts in here.items()})
    ship = _ship(measured, here)
    base = judge_base(measured, own)
    smaller = [judge_base(measured, n, n_families=len(measured.budgets) - 1) for n in measured.budgets[:-1]]
    base["by_budget"] = [*smaller, {key: value for key, value in base.items() if key != "by_budget"}]
    for answer in ("helps", "hurts"):
        base[f"{answer}_up_to"] = max((one["budget"] for one in smaller if one["answer"] == answer), default=None)
    facts = {
        "own_budget": own,
        **ship,
        "chance": {"p_values": chance, "above": [name for name, p in chance.items() if p < LEVEL]},
        "base": base,
        "columns": _columns(measured, here),
    }
    return {"kind": _kind(facts, measured), **facts}


def judge_base(measured: Measured, budget: int, *, n_families: int = 1) -> dict[str, Any]:
    """Return whether carrying the base over helps at a budget: ``helps``, ``hurts`` or ``cannot be told``.

    Args:
        measured: all that was measured.
        budget: in labels.
        n_families: how many budgets share the level.
    """
    here = measured.at(budget)
    carried = [name for name in measured.named(lambda one: one.uses != "nothing") if name in here]
    of_base = [name for name in carried if measured.candidates[name].uses == "base"]
    without = [name for name in measured.named(lambda one: one.uses == "nothing") if name in here]
    if not of_base or not without:
        return {"answer": "cannot be told", "budget": budget, "why": "there is nothing to compare it with"}
    helping, p_helps = _beats_all(here, carried, without)
    hurting, p_hurts = _beats_all(here, without, of_base)
    level = LEVEL / n_families
    answer = "helps" if p_helps < level else "hurts" if p_hurts < level else "cannot be told"
    transfer = helping if answer == "helps" else _best(here, carried if answer != "hurts" else of_base)
    reference = hurting if answer == "hurts" else _best(here, without)
    apart = difference(here[transfer], here[reference])
    return {
        "answer": answer,
        "budget": budget,
        "transfer": transfer,
        "reference": reference,
        "difference": apart.value,
        "low": apart.low,
        "high": apart.high,
        "p_value": min(p_helps, p_hurts),
        "level": level,
    }


def _ship(measured: Measured, here: Mapping[str, Components]) -> dict[str, Any]:
    best = _best(here, here)
    top = here[best].aucs.mean()
    apart = {name: difference(here[best], parts) for name, parts in here.items() if name != best}
    worse = holm({name: one.p_greater for name, one in apart.items()})
    running = [name for name in here if name == best or _in_the_running(apart[name].value, worse[name])]
    order = list(measured.candidates)
    ship = min(running, key=order.index)
    lost = None if ship == best else apart[ship]._asdict()
    return {
        "ship": ship,
        "best": best,
        "best_auc": float(top),
        "in_the_running": sorted(running, key=order.index),
        "shipped": estimate(here[ship])._asdict(),
        "loses_to_best": lost,
    }


def _in_the_running(lost: float, p_worse: float) -> bool:
    return lost <= EQUAL or (p_worse >= SHIP_LEVEL and lost <= MOST_LOST)


def _beats_all(here: Mapping[str, Components], some: Sequence[str], others: Sequence[str]) -> tuple[str, float]:
    """Return which of ``some`` most surely beats all ``others``, and the adjusted p-value that one does.

    To beat all of them every single difference has to be shown, so the largest p-value counts (an
    intersection-union test, which needs no adjustment: Berger, Technometrics 24:295-300, 1982); that is then
    adjusted for the number of ``some``.
    """
    surest = {name: max(difference(here[name], here[other]).p_greater for other in others) for name in some}
    adjusted = holm(surest)
    name = min(some, key=lambda one: (surest[one], -here[one].aucs.mean()))
    return name, adjusted[name]


def _best(here: Mapping[str, Components], names: Iterable[str]) -> str:
    return max(names, key=lambda name: here[name].aucs.mean())


def _columns(measured: Measured, here: Mapping[str, Components]) -> dict[str, Any] | None:
    reading = [name for name in measured.named(lambda one: "columns" in one.needs) if name in here]
    without = [name for name in here if name not in reading]
    if not reading or not without:
        return None
    helping, p_helps = _beats_all(here, reading, without)
    other = _best(here, without)
    best = helping if p_helps < LEVEL else _best(here, reading)
    apart = difference(here[best], here[other])
    return {
        "answer": "help" if p_helps < LEVEL else "cannot be told",
        "with": best,
        "without": other,
        "difference": apart.value,
        "low": apart.low,
        "high": apart.high,
        "p_value": p_helps,
    }


def _kind(facts: Mapping[str, Any], measured: Measured) -> str:
    """Return the verdict in a word; the first of these that holds."""
    uses = measured.candidates[facts["ship"]].uses
    answer = facts["base"]["answer"]
    if not facts["chance"]["above"]:
        return "nothing helps"
    if facts["ship"] == "as-is":
        return "as-is is enough"
    if (
        facts["columns"]
        and facts["columns"]["answer"] == "help"
        and "columns" in measured.candidates[facts["ship"]].needs
    ):
        return "columns decide"
    if answer == "helps" and uses != "nothing":
        return "transfer"
    if facts["base"]["helps_up_to"]:
        return "helps with few labels only"
    # Labels enough make up for a bad base, which is no reason to carry it over.
    once = answer != "helps" and facts["base"]["hurts_up_to"] is not None and uses == "nothing"
    return "do not transfer" if answer == "hurts" or once else "cannot be told"
