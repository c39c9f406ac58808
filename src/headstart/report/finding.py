"""The finding of a comparison at the top of a page: what to use, why, and the figures that matter."""

from __future__ import annotations

from headstart.evaluation.saying import Saying
from headstart.plain import Facts, Json
from headstart.report.page import Page

Part = Facts


def answer_of(page: Page, result: Part, *, name: str = "", link: tuple[str, str] | None = None) -> None:
    """Put the answer of a comparison on a page: what to use, why, and the three figures that matter.

    ``name`` is the target's, where a page has several; ``link`` the address and text of the full report.
    """
    verdict = result["verdict"]
    kind, line = answer_line(verdict)
    use = "" if kind == "nothing" else f"Use {verdict['ship']} with {verdict['own_budget']:,} labels"
    page.answer(
        kind, f"{name}: {line[0].lower()}{line[1:]}" if name else line, use, _why(verdict), _tiles(result), link=link
    )


def said_of(result: Part) -> Saying:
    """Return how the metric is said that decided the verdict."""
    return Saying.from_json(result["verdict"].get("metric"))


def answer_line(verdict: Part) -> tuple[str, str]:
    """Return the kind of an answer, a key of `SIGNS`, and its line."""
    few = verdict["base"].get("helps_up_to")
    lines = {
        "nothing helps": ("nothing", "Nothing helps: no strategy beats chance"),
        "helps": ("helps", "The base helps"),
        "helps with few labels": ("few", f"The base helps with few labels: up to {few or 0:,}"),
        "no difference": ("same", "The base makes no difference"),
        "hurts": ("harms", "The base harms"),
    }
    return lines.get(verdict["word"], ("unknown", "It cannot be told whether the base helps"))


def interval_of(estimate: Part) -> Json:
    """Return value and ends of an estimate, which may hold more."""
    return {name: estimate[name] for name in ("value", "low", "high")}


ANSWERS = {
    "helps": "helps",
    "hurts": "harms",
    "no difference": "makes no difference",
    "cannot be told": "cannot be told",
}
"""What the base does at a budget, in a table's words, by the answer."""


def _why(verdict: Part) -> str:
    """Return the sentence that says from which interval the word follows."""
    base, word, how = verdict["base"], verdict["word"], Saying.from_json(verdict.get("metric"))
    if "transfer" not in base:
        return str(base.get("why", ""))
    at_fewer = {"helps with few labels": base["helps_up_to"], "hurts": base["hurts_up_to"]}.get(word)
    if word == base["answer"] or at_fewer is None:
        where = {
            "helps": "gains: the whole interval lies above zero",
            "hurts": "loses: the whole interval lies below zero",
            "no difference": f"neither gains nor loses: the whole interval lies within {how.rounded_negligible()} of zero",
            "cannot be told": "may gain or lose: the interval is too wide to tell",
        }[base["answer"]]
        return f"Against {base['reference']}, the best without the base, {base['transfer']} {where}."
    few = next(one for one in base["by_budget"] if one["budget"] == at_fewer)
    return (
        f"With {at_fewer:,} labels, {few['transfer']} against {few['reference']}, the best without the base: "
        f"{_gained(few, how)}; with all {base['budget']:,}, {ANSWERS[base['answer']]}."
    )


def _gained(one: Part, how: Saying) -> str:
    if how.higher_is_better:
        return f"{signed(one, how)} {how.title}"
    return how.gained(one["difference"], one["low"], one["high"])


def signed(one: Part, how: Saying) -> str:
    """Return a gain with its interval."""
    return f"{how.gain(one['difference'])} [{how.gain(one['low'])}, {how.gain(one['high'])}]"


def _tiles(result: Part) -> list[tuple[str, str, str]]:
    verdict, how = result["verdict"], said_of(result)
    shipped, base = verdict["shipped"], verdict["base"]
    interval = f"95% interval {how.value(shipped['low'])} to {how.value(shipped['high'])}"
    less = "" if how.higher_is_better else "; less is better"
    tiles = [(f"{how.heading} of {verdict['ship']}", how.value(shipped["value"]), interval + less)]
    if "transfer" in base:
        interval = f"{100 * (1 - 2 * base['level']):.4g}% interval {how.gain(base['low'])} to {how.gain(base['high'])}"
        tiles.append(("Gain over the best without the base", how.gain(base["difference"]), interval))
    saved = [one for one in verdict.get("labels_saved", ()) if one["reference"] == "tfidf"] or verdict.get(
        "labels_saved", []
    )
    if saved:
        one = saved[0]
        tiles.append((f"Labels that {one['reference']} needs", *_needed(one)))
    return tiles


def _needed(one: Part) -> tuple[str, str]:
    about = "at most " if one.get("at_most") else ""
    needed = f"over {one['measured_up_to']:,}" if one["needed"] is None else f"{about}{one['needed']:,}"
    return needed, f"for what {one['transfer']} reaches with {one['budget']:,}"
