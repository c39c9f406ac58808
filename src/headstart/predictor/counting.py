"""Counts of data quality, summed over the pieces that rows are scored in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["add_counts", "with_rate"]


def add_counts(totals: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add whole numbers to those of the same names, in dicts within as well; anything else, such as a rate, is left out."""
    for name, count in more.items():
        if isinstance(count, Mapping):
            add_counts(totals.setdefault(name, {}), count)
        elif isinstance(count, int):
            totals[name] = totals.get(name, 0) + count


def with_rate(counts: dict[str, Any]) -> dict[str, Any]:
    """Return counts with ``unknown_token_rate``, where tokens were counted."""
    if "n_tokens" not in counts:
        return counts
    return {**counts, "unknown_token_rate": counts["n_unknown_tokens"] / max(counts["n_tokens"], 1)}
