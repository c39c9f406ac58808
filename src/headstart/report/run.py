"""The report of one training or transfer run, from a plain dict to a page."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from headstart.evaluation.saying import Saying
from headstart.plain import Facts, Json
from headstart.report.answers import add_details, residuals
from headstart.report.page import Page
from headstart.report.scores import calibration_curve, score_separation
from headstart.report.strategies import strategy_curves, strategy_table, summarise
from headstart.report.tables import Estimate, Format, count_or_share, formatted, turned
from headstart.report.training import layer_auc, learning_curves

METRICS = {
    "auc": "AUC",
    "average_precision": "Average precision",
    "accuracy": "Accuracy",
    "f1": "F1",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "ece": "Calibration error",
    "macro_auc": "Macro AUC",
    "macro_f1": "Macro F1",
    "micro_f1": "Micro F1",
    "macro_average_precision": "Macro average precision",
    "kappa": "Quadratic kappa",
    "macro_mae": "Macro MAE",
    "mae": "Mean absolute error",
    "r2": "R²",
    "spearman": "Rank correlation",
    "chance": "Chance level",
    "confidence": "Mean confidence",
    "majority_fraction": "Share of the commoner label",
    "threshold": "Cut",
}
"""Metrics that have a name for readers; others show under their own, with spaces."""

COUNTS = {
    "n": "Rows",
    "n_train": "Training rows",
    "n_valid": "Validation rows",
    "n_test": "Test rows",
    "n_truncated": "Truncated rows",
    "n_null": "Rows without text",
    "n_duplicates": "Rows that also stand in another split",
    "unknown_token_rate": "Share of tokens unknown to the vocabulary",
}
"""Data-quality counts that have a name for readers; others show under their own."""

SPLITS = {
    "train": "Training", "valid": "Validation", "test": "Test", "source": "Source", "target": "Target",
    "test_as_is": "Test, the base as it is",
}  # fmt: skip

Part = Facts


def run_report(result: Facts, path: str | os.PathLike[str]) -> Path:
    """Write the report of a train or transfer run and return its path.

    ``result`` is plain, as JSON holds it; every part may be missing or None:

    ``title``, ``command``
        what was done, as a heading and as typed
    ``verdict``
        the finding in a sentence or two
    ``epochs``
        rows for `learning_curves`: epoch, train_loss, valid_loss, train_auc, valid_auc, seconds, step
    ``train``, ``valid``, ``test``, ``test_as_is``
        metrics by name, as `metrics.evaluate_scores` gives them: auc, auc_low, auc_high, accuracy, n ...
    ``gain``
        difference of AUC to the base as it is, as `evaluation.binary.delong_test` gives it: value, low, high
    ``training``
        batch size, epochs, learning rates and the like, as they were used
    ``separation``
        labels (0 or 1), probabilities, and optionally names (of 0 and 1), threshold, and rows (what they
        are, as "4,303 test rows")
    ``details``
        in place of a separation, what `headstart.tasks.Task.details` gives; of numbers ``targets`` and ``predicted`` too
    ``metric``
        what the figures are judged by, as `headstart.evaluation.saying.Saying` stores it; the AUC if it is missing
    ``layers``
        rows for `layer_auc`: layer, auc, low, high, head
    ``strategies``
        rows for `strategy_curves`: strategy, budget, seed, auc
    ``counts``
        data-quality counts, as one dict or one dict for each split: {"train": {"n_truncated": 3}, ...}
    ``labels``
        label values by what they were mapped to, as {"happy": "positive (1)"}
    ``options``, ``versions``
        facts by name
    ``seconds``
        of the whole run

    Whatever else is in it stands at the end, as it is. Raises DataError for a part whose rows cannot be
    drawn, OSError where the page cannot stand.
    """
    title = str(result.get("title") or "Training run")
    page = Page(title, about={"Command": result.get("command"), "Seconds": result.get("seconds")})
    _answer(page, result)
    for write in (_metrics, _curves, _scores, _answers, _layers, _strategies, _counts, _labels, _repeat, _rest):
        write(page, result)
    return page.write(path)


def _answer(page: Page, result: Part) -> None:
    """The verdict of the run: against the base as it is where there is one, else against chance."""
    name, metrics = next(((name, result[name]) for name in ("test", "valid") if result.get(name)), ("", None))
    if result.get("verdict"):
        page.verdict(str(result["verdict"]))
    how = Saying.from_json(result.get("metric"))
    if metrics is None or metrics.get(how.name) is None:
        return
    value, low, high = (metrics.get(f"{how.name}{end}") for end in ("", "_low", "_high"))
    sure = "" if low is None or high is None else f"95% interval {how.value(low)} to {how.value(high)}, "
    less = "" if how.higher_is_better else "; less is better"
    tiles = [(how.heading, how.value(value), f"{sure}on {metrics.get('n', 0):,} {SPLITS[name].lower()} rows{less}")]
    gain, before = result.get("gain"), result.get("test_as_is") or {}
    if gain:
        if before.get(how.name) is not None:
            tiles.append((f"{how.heading} of the base as it is", how.value(before[how.name]), "on the same rows"))
        sure = f"95% interval {how.gain(gain['low'])} to {how.gain(gain['high'])}, paired"
        tiles.append(("Gain over the base as it is", how.gain(gain["value"]), sure))
    if metrics.get("accuracy") is not None and how.name != "accuracy":
        where = "at the model's threshold" if how.name == "auc" else "of the predicted class"
        tiles.append(("Accuracy", f"{metrics['accuracy']:.1%}", where))
    if gain:
        kind, line = _gain_line(gain, how.negligible)
        page.answer(kind, line, tiles=tiles)
        return
    better = low is None or high is None or (low > how.chance if how.higher_is_better else high < how.chance)
    line = "The model is not shown to do better than chance"
    if better:
        line = (
            "The model tells the labels apart"
            if how.name != "mae"
            else "The model does better than one number for all rows"
        )
    known = "" if how.name == "auc" else f"One answer for all rows has {how.with_article} of {how.value(how.chance)}."
    page.answer("helps" if better else "nothing", line, why=known, tiles=tiles)


def _gain_line(gain: Part, negligible: float) -> tuple[str, str]:
    low, high = gain["low"], gain["high"]
    if low > 0:
        return "helps", "Better than the base as it is"
    if high < 0:
        return "harms", "Worse than the base as it is"
    if low >= -negligible and high <= negligible:
        return "same", "No difference to the base as it is"
    return "unknown", "Not shown to differ from the base as it is"


def _metrics(page: Page, result: Part) -> None:
    how = Saying.from_json(result.get("metric"))
    given = {name: result.get(name) for name in ("train", "valid", "test", "test_as_is")}
    parts = {name: _with_interval(part, how) for name, part in _splits(given).items()}
    if not parts:
        return
    kept = {name: {key: value for key, value in part.items() if not _is_count(key)} for name, part in parts.items()}
    page.section("Result").table(
        turned(kept, _names(kept)),
        {"count": "Metric", **{name: name for name in kept}},
        caption="In brackets 95% intervals",
    )


def _is_count(key: str) -> bool:
    return key.startswith("n_") or _is_rate(key)


def _names(parts: Mapping[str, Part]) -> dict[str, str]:
    return {key: _named(key) for part in parts.values() for key in part}


def _with_interval(row: Part, how: Saying) -> Json:
    """The row with its primary metric and that one's interval in one cell."""
    ends = f"{how.name}_low", f"{how.name}_high"
    value, low, high = (row.get(key) for key in (how.name, *ends))
    shown = {key: part for key, part in row.items() if key not in ends}
    if value is None or low is None or high is None:
        return shown
    return {**shown, how.name: Estimate(value, low, high, decimals=how.decimals)}


def _named(key: str) -> str:
    return METRICS.get(key) or COUNTS.get(key) or key.removeprefix("n_").replace("_", " ").capitalize()


def _curves(page: Page, result: Part) -> None:
    if rows := result.get("epochs"):
        seconds = [float(row["seconds"]) for row in rows if row.get("seconds")]
        took = f"{sum(row['epoch'] > 0 for row in rows)} epochs took {sum(seconds):,.1f} seconds." if seconds else ""
        took = "; ".join(f"{row['epoch']}: {row['step']}" for row in rows if row.get("step")) or took
        page.section("Training").figure(learning_curves(rows), took)


def _scores(page: Page, result: Part) -> None:
    if part := result.get("separation"):
        names = tuple(part.get("names") or ("negative", "positive"))
        rows = f" Drawn from {part['rows']}." if part.get("rows") else ""
        spread = score_separation(
            part["labels"], part["probabilities"], names, threshold=float(part.get("threshold") or 0.5)
        )
        page.section("Scores").figure(spread, f"The less the two overlap, the better.{rows}")
        table = _confusion(part, names)
        page.table(
            table,
            {"label": "Label", names[0]: f"Predicted {names[0]}", names[1]: f"Predicted {names[1]}"},
            caption="Confusion table: rows by label and prediction",
        )
        page.figure(
            calibration_curve(part["labels"], part["probabilities"]),
            "On the diagonal, a probability means what it says; whiskers are 95% intervals.",
        )


def _answers(page: Page, result: Part) -> None:
    if part := result.get("details"):
        page.section("Answers", f"Of {part['rows']}." if part.get("rows") else "")
        if part.get("predicted"):
            page.figure(residuals(part["targets"], part["predicted"]), "On the line, a number is predicted as it is.")
        add_details(page, part)


def _confusion(part: Part, names: Sequence[str]) -> list[Json]:
    threshold = float(part.get("threshold") or 0.5)
    pairs = [(int(label), int(p >= threshold)) for label, p in zip(part["labels"], part["probabilities"], strict=True)]
    return [{"label": names[k], names[0]: pairs.count((k, 0)), names[1]: pairs.count((k, 1))} for k in (0, 1)]


def _layers(page: Page, result: Part) -> None:
    if rows := result.get("layers"):
        page.section("Layers").figure(
            layer_auc(rows, how=Saying.from_json(result.get("metric"))), "Whiskers are 95% intervals."
        )


def _strategies(page: Page, result: Part) -> None:
    if not (rows := result.get("strategies")):
        return
    table, columns = strategy_table(rows)
    caption = (
        "Mean AUC and, where there are several draws, the 95% interval of the mean; the highest of a column in bold"
    )
    page.section("Strategies")
    if any(row["budget"] for row in summarise(rows)):
        page.figure(strategy_curves(rows), "Higher and further left is better; bands are 95% intervals of the mean.")
    page.table(table, columns, highlight_best=True, caption=caption)


def _counts(page: Page, result: Part) -> None:
    if not (counts := result.get("counts")):
        return
    page.section("Data quality")
    if splits := _splits(counts):
        formats: dict[str, Format] = dict.fromkeys(splits, count_or_share)
        page.table(turned(splits, _names(splits)), {"count": "Count", **{name: name for name in splits}}, formats)
    plain = {key: value for key, value in counts.items() if not isinstance(value, Mapping)}
    if plain:
        page.facts({_named(key): count_or_share(value) for key, value in plain.items()})


def _splits(counts: Part) -> dict[str, Part]:
    return {SPLITS.get(k, k): part for k, part in counts.items() if isinstance(part, Mapping) and part}


def _is_rate(key: str) -> bool:
    return key.endswith("_rate")


def _labels(page: Page, result: Part) -> None:
    if labels := result.get("labels"):
        page.section("Labels", "How the values in the data were read.").facts(labels)


def _repeat(page: Page, result: Part) -> None:
    training, options, versions, seconds = (result.get(key) for key in ("training", "options", "versions", "seconds"))
    if not (training or options or versions or seconds):
        return
    page.section("How it was done", "With these, the run can be repeated.")
    took = {"seconds in all": round(float(seconds), 1)} if seconds else {}
    for facts in (took, training, options, versions):
        if facts:
            page.facts({str(name).replace("_", " "): value for name, value in facts.items()})


def _rest(page: Page, result: Part) -> None:
    known = {"title", "command", "verdict", "train", "valid", "test", "epochs", "separation", "layers", "strategies"}
    known |= {
        "counts",
        "labels",
        "options",
        "versions",
        "seconds",
        "test_as_is",
        "gain",
        "training",
        "command",
        "details",
        "metric",
    }
    if rest := {name.replace("_", " "): formatted(result[name]) for name in result if name not in known}:
        page.section("Further details").facts(rest)
