"""Rows to be scored, as a model reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from headstart.batches import Examples
from headstart.plain import Json
from headstart.predictor.inputs import EncodedTexts, TextInput

__all__ = ["Rows"]


@dataclass(frozen=True)
class Rows:
    """Rows to be scored. Ids are made when a scorer first asks for them.

    Attributes:
        texts: strings, nulls among them, Arrow [rows].
        reads: how the texts are read.
        table: the tabular columns, or None.
        column_counts: what was met where columns were read; see `headstart.heads.columns.Imposed`.
    """

    texts: Any
    reads: TextInput
    table: pa.Table | None = None
    column_counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def examples(self) -> Examples:
        """The token ids, clipped."""
        return self._encoded.examples

    @cached_property
    def counts(self) -> Json:
        """What happened on the way: ``n_null``, ``n_truncated``, ``n_tokens``, ``n_unknown_tokens``, and ``columns``."""
        counts = {"n_null": self.texts.null_count} if self.reads.steps is None else self._encoded.counts
        return {**counts, "columns": self.column_counts} if self.column_counts else counts

    @cached_property
    def strings(self) -> list[str]:
        """The texts as Python strings, nulls as empty ones."""
        filled: list[str] = ["" if text is None else text for text in self.texts.to_pylist()]
        return filled

    @cached_property
    def _encoded(self) -> EncodedTexts:
        return self.reads.encode(self.texts)
