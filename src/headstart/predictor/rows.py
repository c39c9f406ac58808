"""Rows to be scored, as a model reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.inputs import Encoded, Inputs, encode_rows
from headstart.plain import Json


@dataclass(frozen=True)
class Rows:
    """Rows to be scored. What a network reads is made when a scorer first asks for it.

    Attributes:
        corpus: the rows.
        inputs: how they are read.
        table: the tabular columns that a head reads, or None.
        column_counts: what was met where columns were read; see `headstart.heads.columns.Imposed`.
    """

    corpus: Corpus
    inputs: Inputs
    table: pa.Table | None = None
    column_counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.corpus)

    @property
    def texts(self) -> Any:
        """Strings, nulls among them, Arrow [rows]."""
        return self.corpus.texts

    @property
    def examples(self) -> Examples:
        """What a network reads: token ids, clipped, and the fields of other inputs."""
        return self._encoded.examples

    @cached_property
    def counts(self) -> Json:
        """What happened on the way: ``n_null``, ``n_truncated``, ``n_tokens``, ``n_unknown_tokens``, and ``columns``."""
        by_network = any(one.fields for one in self.inputs.values())
        counts = self._encoded.counts if by_network else {"n_null": self.texts.null_count}
        return {**counts, "columns": self.column_counts} if self.column_counts else counts

    @cached_property
    def strings(self) -> list[str]:
        """The texts as Python strings, nulls as empty ones."""
        filled: list[str] = ["" if text is None else text for text in self.texts.to_pylist()]
        return filled

    @cached_property
    def _encoded(self) -> Encoded:
        return encode_rows(self.inputs, self.corpus)
