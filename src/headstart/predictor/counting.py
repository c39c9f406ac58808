"""Counts of data quality: summed over the pieces that rows are scored in, and said in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from headstart.plain import Facts, Json

_LEAST_TOKENS = 50
_EXPECTED = {"number": "no number", "date": "no date in ISO's form (2024-01-31)", "truth": "no truth value"}


def add_counts(totals: Json, more: Facts) -> None:
    """Add whole numbers to those of the same names, in dicts within as well; anything else, such as a rate, is left out."""
    for name, count in more.items():
        if isinstance(count, Mapping):
            add_counts(totals.setdefault(name, {}), count)
        elif isinstance(count, int):
            totals[name] = totals.get(name, 0) + count


def with_rate(counts: Json) -> Json:
    """Return counts with ``unknown_token_rate``, where tokens were counted."""
    if "n_tokens" not in counts:
        return counts
    return {**counts, "unknown_token_rate": counts["n_unknown_tokens"] / max(counts["n_tokens"], 1)}


def quality_sentences(counts: Facts, types: Mapping[str, str]) -> list[str]:
    """Return what has to be said of rows by their counts: mostly unknown words, cells that could not be used, rows that
    the model was trained on.

    Args:
        counts: those of `headstart.predictor.Scores`, perhaps with ``n_seen_in_training``.
        types: of the columns.
    """
    found = []
    n_tokens, n_unknown = counts.get("n_tokens", 0), counts.get("n_unknown_tokens", 0)
    if n_tokens >= _LEAST_TOKENS and 2 * n_unknown > n_tokens:
        found.append(
            f"most words are unknown to the model: {n_unknown:,} of {n_tokens:,} ({n_unknown / n_tokens:.0%}); "
            "check the language, the encoding and the column of texts"
        )
    n_rows = counts.get("n", counts.get("n_train"))
    of_rows = "" if n_rows is None else f" of {n_rows:,}"
    for name, met in counts.get("columns", {}).items():
        if met.get("n_unreadable"):
            what = _EXPECTED.get(types.get(name, ""), "no value of its type")
            found.append(f"column {name!r}: {met['n_unreadable']:,}{of_rows} cells hold {what}, and count as missing")
        if met.get("n_unseen"):
            found.append(f"column {name!r}: {met['n_unseen']:,}{of_rows} cells hold a value that no training row had")
    if counts.get("n_seen_in_training"):
        found.append(
            f"{counts['n_seen_in_training']:,}{of_rows} texts are among those that the model was trained or tuned on, "
            "so what is measured on them is too good; measure on rows that it has not seen"
        )
    return found
