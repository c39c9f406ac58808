"""Rows to be scored, as a model reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
from sklearn.pipeline import Pipeline

from headstart.batches import Clip, Examples, clip_ids
from headstart.errors import DataError
from headstart.text import encode

__all__ = ["Rows"]


@dataclass(frozen=True)
class Rows:
    """Rows to be scored. Ids are made when a scorer first asks for them.

    Attributes:
        texts: strings, nulls among them, Arrow [rows].
        table: the tabular columns, or None.
        steps: the fitted text steps, or None for a scorer that reads bare texts.
        max_tokens: longest text in tokens; None for no limit.
        clip: what of a longer text is kept.
        column_counts: what was met where columns were read; see `headstart.heads.columns.Imposed`.
    """

    texts: Any
    table: pa.Table | None = None
    steps: Pipeline | None = None
    max_tokens: int | None = None
    clip: Clip = "head"
    column_counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def examples(self) -> Examples:
        """The token ids, clipped."""
        return self._made[0]

    @cached_property
    def counts(self) -> dict[str, Any]:
        """What happened on the way: ``n_null``, ``n_truncated``, ``n_tokens``, ``n_unknown_tokens``, and ``columns``."""
        counts = {"n_null": self.texts.null_count} if self.steps is None else self._made[1]
        return {**counts, "columns": self.column_counts} if self.column_counts else counts

    @cached_property
    def strings(self) -> list[str]:
        """The texts as Python strings, nulls as empty ones."""
        filled: list[str] = ["" if text is None else text for text in self.texts.to_pylist()]
        return filled

    @cached_property
    def _made(self) -> tuple[Examples, dict[str, int]]:
        if self.steps is None:
            raise DataError("these rows have no text steps, so they have no token ids; score them with a text model.")
        encoded = encode(self.steps, self.texts)
        ids, n_truncated = clip_ids(encoded.ids, self.max_tokens, self.clip)
        return Examples(ids), {
            "n_null": encoded.n_null,
            "n_truncated": n_truncated,
            "n_tokens": encoded.n_tokens,
            "n_unknown_tokens": encoded.n_unknown,
        }
