"""The verdict in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from headstart.evaluation.saying import Saying
from headstart.plain import Facts
from headstart.strategies import Strategy


def say(verdict: Facts, strategies: Mapping[str, Strategy]) -> str:
    """Return the verdict in words: paragraphs parted by blank lines, the decision first.

    Args:
        verdict: from `headstart.comparison.verdict.decide`, with ``labels_saved``, ``next_doubling`` and ``warnings``.
        strategies: by name.
    """
    how = Saying.from_json(verdict.get("metric"))
    first = _ship(verdict, strategies, how), _base(verdict, how)
    parts = [*first, _bases(verdict, how), _columns(verdict, how), _saved(verdict, how), *_last(verdict, how)]
    return "\n\n".join(part for part in parts if part)


def reasons(verdict: Facts) -> list[str]:
    """Return the paragraphs of `say` that a page shows in no figure of its own."""
    how = Saying.from_json(verdict.get("metric"))
    parts = [_simpler(verdict, how), _bases(verdict, how), _columns(verdict, how), *_last(verdict, how)]
    return [part for part in parts if part]


def _last(verdict: Facts, how: Saying) -> list[str]:
    return [_doubling(verdict, how), *(f"Beware: {sentence}." for sentence in verdict.get("warnings", ()))]


def _ship(verdict: Facts, strategies: Mapping[str, Strategy], said: Saying) -> str:
    own, name, best = verdict["own_budget"], verdict["ship"], verdict["best"]
    figure = said.estimate(verdict["shipped"])
    if verdict["kind"] == "nothing helps":
        known = "" if said.name == "auc" else f"; one answer for all rows has {said.value(said.chance)}"
        return (
            f"Nothing helps: with {own:,} labels, no strategy is shown to do better than chance on the test rows (the best, "
            f"{best}, has {said.with_article} of {said.value(verdict[f'best_{said.name}'])}{known}). Do not ship any of them; "
            "look at the labels first."
        )
    text = f"With {own:,} labels, ship {name} ({strategies[name].about}): {figure}."
    told = verdict.get("recalibration")
    if verdict["kind"] == "as-is is enough":
        how = "with probabilities fitted to your labels" if told and told["used"] else "unchanged"
        text = (
            f"The base as it is, is enough: with {own:,} labels nothing does clearly better. Ship it {how}: {figure}."
        )
    return " ".join(part for part in (text, _simpler(verdict, said), recalibration_said(told) if told else "") if part)


def _simpler(verdict: Facts, how: Saying) -> str:
    lost = verdict["loses_to_best"]
    if lost is None or verdict["kind"] == "nothing helps":
        return ""
    return (
        f"{verdict['best']} measures {how.more(lost)} next to {verdict['ship']}, which is not a difference to rely on; "
        f"{verdict['ship']} is simpler."
    )


def recalibration_said(told: Facts) -> str:
    """Return in a sentence what became of the calibration of a candidate that looked at no label.

    Args:
        told: from `headstart.comparison.recalibration.recalibration`.
    """
    before, after = told["test"]["before"], told["test"]["after"]
    losses, n = told["log_loss_in_folds"], told["n_labels"]
    if after is None:
        return (
            f"Its own calibration is kept: fitted to the {n:,} labels it does no better inside them (log loss "
            f"{losses['refitted']:.3f} against {losses['own']:.3f}, out of fold); on the test rows log loss is "
            f"{before['log_loss']:.3f}, Brier score {before['brier']:.3f}, calibration error {before['ece']:.3f}, "
            f"accuracy {before['accuracy']:.1%}."
        )
    return (
        f"Slope, intercept and threshold fitted to the {n:,} labels change, on the test rows, log loss from "
        f"{before['log_loss']:.3f} to {after['log_loss']:.3f}, Brier score from {before['brier']:.3f} to "
        f"{after['brier']:.3f}, calibration error from {before['ece']:.3f} to {after['ece']:.3f} and accuracy from "
        f"{before['accuracy']:.1%} to {after['accuracy']:.1%}; the order of its scores, and so the AUC, stays."
    )


def _base(verdict: Facts, how: Saying) -> str:
    base = verdict["base"]
    if "transfer" not in base:
        return f"Whether the base helps cannot be told: {base.get('why', '')}."
    if verdict["word"] == "nothing helps":
        return ""
    sides = f"{base['transfer']} against {base['reference']}, the best without it: {_interval(base, how)}"
    said = {
        "helps": f"The base helps: {sides}.",
        "hurts": f"The base harms, don't transfer: {sides}.",
        "no difference": f"The base makes no difference with all {base['budget']:,} labels: {sides}, which is within "
        f"{how.rounded_negligible()} of zero.",
        "cannot be told": f"Whether the base helps with all {base['budget']:,} labels cannot be told from these test rows: {sides}.",
    }[base["answer"]]
    if verdict["word"] == "helps with few labels":
        return (
            f"{said} With {base['helps_up_to']:,} labels and fewer it does help ({_smaller(base, 'helps', how)}): it is worth "
            "having before you label more."
        )
    if verdict["word"] == "hurts" and base["answer"] != "hurts":
        return (
            f"Don't transfer: with {base['hurts_up_to']:,} labels the base harms ({_smaller(base, 'hurts', how)}), and with all "
            f"{base['budget']:,} it is not shown to help ({sides})."
        )
    return said


def _bases(verdict: Facts, how: Saying) -> str:
    bases = verdict.get("bases")
    if not bases or verdict["kind"] == "nothing helps":
        return ""
    each = ", ".join(f"{base} {how.value(one[how.name])} ({one['strategy']})" for base, one in bases["of_each"].items())
    sides = f"{bases['with']} against {bases['without']}: {_interval(bases, how)}"
    if bases["answer"] == "cannot be told":
        return f"Which base to carry cannot be told from these test rows: {each}; {sides}."
    return f"Of the bases, carry {bases['answer']}: {each}; {sides}."


def _smaller(base: Facts, answer: str, how: Saying) -> str:
    one = max((one for one in base["by_budget"][:-1] if one["answer"] == answer), key=lambda one: one["budget"])
    return f"{one['transfer']} against {one['reference']}: {_interval(one, how)}"


def _interval(one: Facts, how: Saying) -> str:
    confidence = f"{100 * (1 - 2 * one['level']):.4g}%"
    return f"{how.gained(one['difference'], one['low'], one['high'])} ({confidence} interval)"


def _columns(verdict: Facts, how: Saying) -> str:
    columns = verdict["columns"]
    if not columns:
        return ""
    sides = f"{columns['with']} against {columns['without']}: {_interval(columns, how)}"
    if columns["answer"] == "help":
        decide = "decide" if columns["with"] == "columns" or verdict["ship"] == "columns" else "help"
        return f"The columns {decide}: {sides}."
    return f"That the columns add anything is not shown ({sides})."


def _saved(verdict: Facts, how: Saying) -> str:
    if verdict["kind"] == "nothing helps" or not verdict.get("labels_saved"):
        return ""
    lines = [f"{one['reference']} needs {one['said']}" for one in verdict["labels_saved"]]
    first = verdict["labels_saved"][0]
    return (
        f"Labels saved: for what {first['transfer']} reaches with {first['budget']:,} labels "
        f"({how.title} {how.value(first['value'])}), {'; '.join(lines)}."
    )


def _doubling(verdict: Facts, how: Saying) -> str:
    doubling = verdict.get("next_doubling")
    if not doubling or verdict["kind"] == "nothing helps":
        return ""
    if not how.higher_is_better:
        gain, low, high, last = (how.value(doubling[name]) for name in ("gain", "low", "high", "last_gain"))
        return (
            f"With twice the labels ({doubling['to_labels']:,}), the {how.title} of {doubling['strategy']} would likely be lower by "
            f"{gain} [{low}, {high}]; the last doubling made it lower by {last}."
        )
    gained = how.gained(doubling["gain"], doubling["low"], doubling["high"])
    return (
        f"Twice the labels ({doubling['to_labels']:,}) would likely add {gained} to {doubling['strategy']}; "
        f"the last doubling added {how.gain(doubling['last_gain'])}."
    )
