"""The page of a comparison: the verdict on top, then what it rests on, then how it was done."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headstart.evaluation.saying import Saying
from headstart.plain import Facts, Json
from headstart.report.answers import add_details, residuals
from headstart.report.finding import ANSWERS, answer_of, interval_of, said_of, signed
from headstart.report.page import Page
from headstart.report.run import METRICS
from headstart.report.scores import calibration_curve, score_separation
from headstart.report.strategies import LOWER_IS_BETTER, LabelsSaved, strategy_curves, strategy_table
from headstart.report.tables import Estimate, Format, count_or_share, turned

Part = Facts

_MOST_NAMED = 12
_SHOWN = (
    "auc", "average_precision", "accuracy", "f1", "log_loss", "brier", "ece", "macro_auc", "micro_f1", "macro_f1",
    "macro_average_precision", "kappa", "macro_mae", "mae", "r2", "spearman",
)  # fmt: skip
"""Metrics in the order of a table; the one that decides the verdict has a table of its own."""


def comparison_report(result: Part, path: str | os.PathLike[str]) -> Path:
    """Write the page of a comparison and return its path.

    ``result`` is what `headstart.comparison.Comparison.to_dict` gives: ``verdict``, ``labels_saved``, ``rows``,
    ``gap``, ``counts``, ``facts``, ``shown``. Without rows (no labels) the page shows the gap alone.
    """
    rows = [row for row in result["rows"] if row.get(said_of(result).name) is not None]
    about = _about(result)
    page = Page(_title(result), about=about, full_title=_full_title(result))
    if not rows:
        page.verdict(str(result["verdict"]["words"]))
        _gap(page, result)
        return page.write(path)
    answer_of(page, result)
    for write in (_curves, _reasons, _saved, _table, _winner, _errors):
        write(page, result, rows)
    _counts(page, result)
    _gap(page, result)
    _done(page, result, rows)
    return page.write(path)


def _about(result: Part) -> Json:
    facts = result["facts"]
    hashed = f"({facts['base_hash'][:12]})" if facts.get("base_hash") else ""
    labels = facts.get("label_map") or {}
    return {
        "Base": f"{facts.get('base') or ''} {hashed}".strip(),
        "Data": facts.get("data"),
        "Labels": ", ".join(f"{one} as {other}" for one, other in labels.items()) or _listed(facts.get("labels") or ()),
        "Rows": f"{facts['n_pool']:,} to learn from, {facts['n_test']:,} to test on" if result["rows"] else None,
        "Date": facts.get("date"),
        "Command": facts.get("command"),
    }


def _listed(names: Sequence[str]) -> list[str]:
    more = [f"and {len(names) - _MOST_NAMED:,} more"] if len(names) > _MOST_NAMED else []
    return [*names[:_MOST_NAMED], *more]


def _title(result: Part) -> str:
    return "Does the base help?" if result["rows"] else "How far is the target from the source?"


def _full_title(result: Part) -> str:
    facts = result["facts"]
    names = " on ".join(str(one) for one in (facts.get("base"), facts.get("data")) if one)
    return f"{_title(result)} {names}".strip()


def _curves(page: Page, result: Part, rows: Sequence[Part]) -> None:
    how = said_of(result)
    page.section(
        "What labels buy",
        f"Each line is one strategy. {'Higher' if how.higher_is_better else 'Lower'} is better; further left is cheaper. "
        "A level line uses no labels.",
    )
    if any(row["budget"] for row in rows):
        named = _lines_that_matter(result)
        page.figure(
            strategy_curves(
                result["estimates"],
                how.name,
                saved=_drawn(result["labels_saved"]),
                named=named,
                banded=named[:2],
                title=f"{how.heading} by number of labels",
                label=f"{how.title} on the test rows",
                negligible=how.negligible,
            ),
            "Bands are 95% intervals over draws of the training rows and of the test rows. All strategies were measured on "
            "the same rows, so two bands that overlap may still differ: the interval of their difference stands above.",
        )


def _lines_that_matter(result: Part) -> list[str]:
    """Return strategies to draw: what to use, the best without the base, the best of each of several bases, and three
    that readers look for.
    """
    verdict, measured = result["verdict"], {one["strategy"] for one in result["estimates"]}
    of_bases = [one["strategy"] for one in verdict.get("bases", {}).get("of_each", {}).values()]
    wanted = (verdict["ship"], verdict["base"].get("reference"), *of_bases, "tfidf", "scratch", "as-is")
    return [name for name in dict.fromkeys(wanted) if name in measured]


def _reasons(page: Page, result: Part, rows: Sequence[Part]) -> None:
    """What the answer rests on, in words, and budget by budget."""
    page.section("Reasons", "\n\n".join(result["verdict"]["reasons"]))
    _base(page, result, rows)


def _drawn(saved: Sequence[Part]) -> LabelsSaved | None:
    """Pick what to draw: the longest way to a number of labels that was reached, else the user's own budget."""
    if not saved:
        return None
    longer = [one for one in saved if one["needed"] is not None and one["needed"] > one["budget"]]
    if longer:
        one = max(longer, key=lambda each: each["needed"] / each["budget"])
    else:
        open_ended = [one for one in saved if one["needed"] is None and one["budget"] < one["measured_up_to"]]
        if not open_ended:
            return None
        one = max(open_ended, key=lambda each: each["budget"])
    text = f"needs {one['needed']:,} labels for" if one["needed"] else "does not reach"
    reached = f"{one['reference']} {text} what {one['transfer']} has with {one['budget']:,}"
    return LabelsSaved(one["budget"], one["needed"], one["value"], reached)


def _saved(page: Page, result: Part, rows: Sequence[Part]) -> None:
    if not result["labels_saved"]:
        return
    shown: dict[int, Json] = {}
    how = said_of(result)
    for one in result["labels_saved"]:
        row = {"budget": one["budget"], "transfer": one["transfer"], "value": one["value"]}
        needs = f"{one['said']}; saves labels in {100 * float(one['chance_of_saving']):.0f}% of draws"
        shown.setdefault(one["budget"], row)[f"needed by {one['reference']}"] = needs
    heads = {"budget": "Labels", "transfer": "Best transfer", "value": f"Its {how.title}"}
    heads |= {f"needed by {name}": f"For that, {name} needs" for name in _references(result)}
    caption = "Read off the measured curves; in brackets 95% intervals over bootstrap draws. Nothing is extrapolated."
    page.section("Labels saved").table(list(shown.values()), heads, {"value": how.value}, caption=caption)


def _references(result: Part) -> list[str]:
    return list(dict.fromkeys(one["reference"] for one in result["labels_saved"]))


def _table(page: Page, result: Part, rows: Sequence[Part]) -> None:
    how = said_of(result)
    table, columns = strategy_table(result["estimates"], how.name, decimals=how.decimals)
    order = list(result["facts"]["candidates"])
    table = sorted(table, key=lambda row: order.index(row["strategy"]))
    page.section("All strategies", "Simplest first.")
    caption = f"Mean {how.title} over draws, on the test rows; in brackets 95% intervals over draws and test rows"
    page.table(table, columns, highlight_best=dict.fromkeys([*columns][1:], how.best), caption=caption)
    own = result["facts"]["budgets"][-1]
    here = [row for row in rows if row["budget"] in (0, own)]
    names = [key for key in _SHOWN if key != how.name and any(row.get(key) is not None for row in here)]
    shown = [_one_budget(name, [row for row in here if row["strategy"] == name], names) for name in order]
    formats: dict[str, Format] = {**dict.fromkeys(names, ".3f"), "seconds": ".1f", "ms": ".2f", "mb": ".2f"}
    heads = {"strategy": "Strategy", **{key: METRICS[key] for key in names}}
    heads |= {"seconds": "Seconds to train", "ms": "Milliseconds a row", "mb": "Megabytes"}
    best: Any = {key: "min" if key in LOWER_IS_BETTER else "max" for key in names}
    caption = (
        f"With {own:,} labels: means over draws, at the threshold and calibration learnt inside the labels; what looks at "
        "no label has its own"
    )
    page.table([row for row in shown if row], heads, formats, highlight_best=best, caption=caption)
    about = [{"strategy": name, "about": said} for name, said in result["facts"]["candidates"].items()]
    page.table(about, {"strategy": "Strategy", "about": "What it is"})


def _one_budget(name: str, rows: Sequence[Part], metrics: Sequence[str]) -> Json:
    if not rows:
        return {}
    found: Json = {"strategy": name}
    for key in (*metrics, "seconds"):
        values = [float(row[key]) for row in rows if row.get(key) is not None]
        found[key] = sum(values) / len(values) if values else None
    kept = next((row for row in rows if row.get("bytes")), {})
    return {**found, "ms": kept.get("ms_per_row"), "mb": kept["bytes"] / 1e6 if kept else None}


def _winner(page: Page, result: Part, rows: Sequence[Part]) -> None:
    shown = result.get("shown")
    if not shown:
        return
    other = _other_rows(result["verdict"]["shipped"], said_of(result))
    if "details" in shown:
        page.section(f"Answers of {shown['strategy']}", other)
        if "predicted" in shown:
            page.figure(
                residuals(shown["targets"], shown["predicted"]), "Drawn as the model is shipped, on the test rows."
            )
        add_details(page, shown["details"])
        return
    page.section(f"Scores of {shown['strategy']}", other)
    names = tuple(shown["names"])
    spread = score_separation(shown["labels"], shown["probabilities"], names, threshold=float(shown["threshold"]))
    page.figure(spread, "The less the two overlap, the better.")
    page.figure(
        calibration_curve(shown["labels"], shown["probabilities"]),
        "On the diagonal, a probability means what it says. Drawn as the model is shipped.",
    )
    _recalibrated(page, result["verdict"].get("recalibration"))


def _recalibrated(page: Page, told: Part | None) -> None:
    """Show what the user's labels made of the probabilities of a candidate that looked at none."""
    if not told:
        return
    measured = {"its own (shipped)": told["test"]["before"]}
    if told["used"]:
        fitted = f"fitted to {told['n_labels']:,} labels (shipped)"
        measured = {"its own": told["test"]["before"], fitted: told["test"]["after"]}
    rows = [{"calibration": name, **figures} for name, figures in measured.items()]
    heads = {"calibration": "Calibration and threshold", **{name: METRICS[name] for name in told["test"]["before"]}}
    page.table(rows, heads, dict.fromkeys(told["test"]["before"], ".3f"), caption="On the test rows, before and after")


def _other_rows(shipped: Part, how: Saying) -> str:
    value = shipped.get("chosen_on_other_rows")
    if value is None:
        return ""
    return f"Chosen on one half of the test rows and measured on the other, a strategy has {how.with_article} of {how.value(value)}."


def _base(page: Page, result: Part, rows: Sequence[Part]) -> None:
    how = said_of(result)
    judged = [one for one in result["verdict"]["base"].get("by_budget", ()) if "transfer" in one]
    if not judged:
        return
    shown = [
        {
            "budget": one["budget"],
            "answer": ANSWERS[one["answer"]],
            "transfer": one["transfer"],
            "reference": one["reference"],
            "difference": signed(one, how),
        }
        for one in judged
    ]
    heads = {
        "budget": "Labels", "answer": "The base", "transfer": "With the base or its texts", "reference": "Without",
        "difference": f"Difference of {how.title}" if how.higher_is_better else f"Fall of {how.title}",
    }  # fmt: skip
    sure = " and ".join(dict.fromkeys(f"{100 * (1 - 2 * one['level']):.4g}%" for one in judged[::-1]))
    page.table(shown, heads, caption=f"Paired on the same draws and test rows; in brackets {sure} intervals")


def _gap(page: Page, result: Part) -> None:
    gap = result["gap"]
    page.section("How far the target lies from the source")
    words, lengths, sure = gap["vocabulary"] or {}, gap["lengths"] or {}, gap["confidence"] or {}
    far = (gap["proxy_a_distance"] or {}).get("value")
    rows = [
        ("Tokens unknown to the base", words.get("unknown_token_rate"), ".1%"),
        ("The same in the source's own texts", words.get("unknown_token_rate_of_source"), ".1%"),
        ("Share of the target's text in the source's 1,000 commonest words", words.get("share_of_target_in_top_1000"), ".1%"),
        ("Share of those 1,000 words that the target holds", words.get("share_of_top_1000_in_target"), ".1%"),
        ("Distance of the distributions of words (0 equal, 1 nothing in common)", words.get("jensen_shannon"), ".2f"),
        ("Median length of the target's texts, in tokens", (lengths.get("target") or {}).get("50"), ".0f"),
        ("Median length of the source's texts", (lengths.get("source") or {}).get("50"), ".0f"),
        ("Texts that the base cuts", lengths.get("n_truncated"), ","),
        ("Average confidence of the base on the target", sure.get("average_confidence"), ".1%"),
        ("Its accuracy on the target, by the difference of confidences", sure.get("difference_of_confidences"), ".1%"),
        ("Share of the target's texts that it calls positive", sure.get("share_predicted_positive"), ".1%"),
        ("Proxy A-distance (0 cannot be told apart, 2 always)", far, ".2f"),
    ]  # fmt: skip
    shown = [{"figure": name, "value": format(value, shape)} for name, value, shape in rows if value is not None]
    caption = "Known before any label. None of it decides the verdict; docs/compare.md shows what each has been worth."
    page.table(shown, {"figure": "Figure", "value": "Value"}, caption=caption)
    if gap["left_out"]:
        page.text("Left out: " + "; ".join(gap["left_out"]) + ".")


def _errors(page: Page, result: Part, rows: Sequence[Part]) -> None:
    worst = (result.get("shown") or {}).get("worst")
    if not worst:
        return
    said = {"predicted": "Predicted"}
    if "probability" in worst[0]:
        said = {"probability": f"Probability of {result['shown']['names'][1]}"}
    heads = {"label": "Label", **said, "text": "Text", "row": "Test row"}
    formats: dict[str, Format] = {"probability": ".3f", "label": _plain, "predicted": _plain}
    caption = f"Test rows about which {result['verdict']['ship']} is most surely wrong, worst first"
    page.section("The worst errors").table(worst, heads, formats, caption=caption)


def _plain(label: object) -> str:
    return f"{label:,.4g}" if isinstance(label, float) else str(label)


def _counts(page: Page, result: Part) -> None:
    counts = result["counts"]
    named = {key: key.removeprefix("n_").replace("_", " ").capitalize() for part in counts.values() for key in part}
    heads = {part: {"train": "To learn from", "test": "To test on"}.get(part, part) for part in counts}
    formats: dict[str, Format] = dict.fromkeys(counts, count_or_share)
    page.section("Data quality").table(turned(counts, named), {"count": "Count", **heads}, formats)
    without = result["verdict"].get("without_duplicates")
    if without and "ship" in without:
        same = (
            "the same strategy would be recommended"
            if without["same"]
            else f"{without['ship']} would be recommended instead"
        )
        shipped, how = without["shipped"], said_of(result)
        page.text(
            f"Without the test rows whose texts stand in the training rows too ({without['n_test']:,} rows remain), {same}: "
            f"{how.title} {Estimate(**interval_of(shipped), decimals=how.decimals)}."
        )


def _done(page: Page, result: Part, rows: Sequence[Part]) -> None:
    facts = result["facts"]
    page.section("How it was done", "With these, the comparison can be repeated.")
    shown = {
        "label budgets": facts["budgets"],
        "draws": facts["seeds"],
        "draws of what is no network, up to 500 labels": facts["cheap_seeds"],
        "columns": facts["columns"] or "none",
        "group column": facts["group"] or "none",
        "seed of the split": facts["seed_of_the_split"],
        "fits": len(rows),
        "seconds of this run": round(float(facts.get("seconds") or 0), 1),
        "processes": facts.get("n_jobs"),
        "networks trained on": facts.get("device"),
    }
    page.facts(shown)
    page.facts(facts["versions"])
    for note in facts["notes"]:
        page.text(note + ".")
    for name, why in (facts.get("left_out") or {}).items():
        page.text(f"{name} was left out: {why}.")
