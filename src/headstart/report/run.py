"""The report of one training or transfer run, from a plain dict to a page."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headstart.report.page import Page
from headstart.report.scores import calibration_curve, score_separation
from headstart.report.strategies import strategy_curves, strategy_table, summarise
from headstart.report.tables import Estimate, Format, formatted
from headstart.report.training import layer_auc, learning_curves

METRICS = {
    "auc": "AUC",
    "average_precision": "Average precision",
    "accuracy": "Accuracy",
    "f1": "F1",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "ece": "Calibration error",
    "confidence": "Mean confidence",
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

SPLITS = {"train": "Training", "valid": "Validation", "test": "Test", "source": "Source", "target": "Target"}

Part = Mapping[str, Any]


def run_report(result: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write the report of a train or transfer run and return its path.

    ``result`` is plain, as JSON holds it; every part may be missing or None:

    ``title``, ``command``
        what was done, as a heading and as typed
    ``verdict``
        the finding in a sentence or two
    ``epochs``
        rows for `learning_curves`: epoch, train_loss, valid_loss, train_auc, valid_auc, seconds
    ``train``, ``valid``, ``test``
        metrics by name, as `metrics.evaluate_scores` gives them: auc, auc_low, auc_high, accuracy, n ...
    ``separation``
        labels (0 or 1), probabilities, and optionally names (of 0 and 1), threshold, and rows (what they
        are, as "4,303 test rows")
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
    page = Page(str(result.get("title") or "Training run"), str(result.get("command") or ""))
    if result.get("verdict"):
        page.verdict(str(result["verdict"]))
    for write in (_metrics, _curves, _scores, _layers, _strategies, _counts, _labels, _repeat, _rest):
        write(page, result)
    return page.write(path)


def _metrics(page: Page, result: Part) -> None:
    rows = [_with_interval(row) for row in _splits({name: result.get(name) for name in ("train", "valid", "test")})]
    if not rows:
        return
    keys = list(dict.fromkeys(key for row in rows for key in row if key not in COUNTS or key == "n"))
    columns = {key: "Rows of" if key == "split" else _named(key) for key in keys}
    page.section("Result").table(
        rows, columns, caption="Metrics, by the rows they were taken on; in brackets 95% intervals"
    )


def _with_interval(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its AUC and the AUC's interval in one cell."""
    value, low, high = (row.get(key) for key in ("auc", "auc_low", "auc_high"))
    shown = {key: part for key, part in row.items() if key not in ("auc_low", "auc_high")}
    if value is None or low is None or high is None:
        return shown
    return {**shown, "auc": Estimate(value, low, high)}


def _named(key: str) -> str:
    return METRICS.get(key) or COUNTS.get(key) or key.replace("_", " ").capitalize()


def _curves(page: Page, result: Part) -> None:
    if rows := result.get("epochs"):
        seconds = [float(row["seconds"]) for row in rows if row.get("seconds")]
        took = f"{len(seconds)} epochs took {sum(seconds):,.1f} seconds." if seconds else ""
        page.section("Training").figure(learning_curves(rows), took)


def _scores(page: Page, result: Part) -> None:
    if part := result.get("separation"):
        names = tuple(part.get("names") or ("negative", "positive"))
        rows = f" Drawn from {part['rows']}." if part.get("rows") else ""
        spread = score_separation(
            part["labels"], part["probabilities"], names, threshold=float(part.get("threshold") or 0.5)
        )
        page.section("Scores").figure(spread, f"The less the two overlap, the better.{rows}")
        page.figure(
            calibration_curve(part["labels"], part["probabilities"]),
            "On the diagonal, a probability means what it says; whiskers are 95% intervals.",
        )


def _layers(page: Page, result: Part) -> None:
    if rows := result.get("layers"):
        page.section("Layers").figure(layer_auc(rows), "Whiskers are 95% intervals.")


def _strategies(page: Page, result: Part) -> None:
    if not (rows := result.get("strategies")):
        return
    table, columns = strategy_table(rows)
    caption = (
        "Mean AUC and, where there are several draws, the 95% interval of the mean; the highest of a column in bold"
    )
    page.section("Strategies")
    if any(row["budget"] for row in summarise(rows)):
        page.figure(strategy_curves(rows), "Higher and further left is better.")
    page.table(table, columns, highlight_best=True, caption=caption)


def _counts(page: Page, result: Part) -> None:
    if not (counts := result.get("counts")):
        return
    page.section("What was counted", "Nothing is cut, dropped or matched in silence.")
    rates: dict[str, Format] = {key: ".2%" for part in (counts, *_splits(counts)) for key in part if _is_rate(key)}
    if splits := _splits(counts):
        keys = list(dict.fromkeys(key for part in splits for key in part))
        page.table(splits, {key: "Rows of" if key == "split" else _named(key) for key in keys}, rates)
    plain = {key: value for key, value in counts.items() if not isinstance(value, Mapping)}
    if plain:
        page.facts({_named(key): formatted(value, rates.get(key)) for key, value in plain.items()})


def _splits(counts: Part) -> list[dict[str, Any]]:
    return [{"split": SPLITS.get(k, k), **part} for k, part in counts.items() if isinstance(part, Mapping) and part]


def _is_rate(key: str) -> bool:
    return key.endswith("_rate")


def _labels(page: Page, result: Part) -> None:
    if labels := result.get("labels"):
        page.section("Labels", "How the values in the data were read.").facts(labels)


def _repeat(page: Page, result: Part) -> None:
    options, versions, seconds = (result.get(key) for key in ("options", "versions", "seconds"))
    if not (options or versions or seconds):
        return
    page.section("How it was done", "With these, the run can be repeated.")
    took = {"seconds in all": round(float(seconds), 1)} if seconds else {}
    for facts in (took, options, versions):
        if facts:
            page.facts({str(name).replace("_", " "): value for name, value in facts.items()})


def _rest(page: Page, result: Part) -> None:
    known = {"title", "command", "verdict", "train", "valid", "test", "epochs", "separation", "layers", "strategies"}
    known |= {"counts", "labels", "options", "versions", "seconds"}
    if rest := {name.replace("_", " "): formatted(result[name]) for name in result if name not in known}:
        page.section("Further details").facts(rest)


__all__: Sequence[str] = ["COUNTS", "METRICS", "run_report"]
