"""Tabular columns: as a head reads them, or as numbers and categories that a network embeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Self

import numpy as np
import pyarrow as pa
from msgspec import Meta

from headstart.arrays import Array, Doubles
from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.errors import ArtifactError, DataError
from headstart.heads import ColumnEncoder
from headstart.heads.columns import StoredColumns
from headstart.inputs.protocol import Encoded
from headstart.plain import Facts, Json
from headstart.records import Name, Number, Record, decoded

_KNOTS = 33


class _Stored(Record, frozen=True):
    """What a model's folder keeps; the encoder and what follows where a network reads the columns."""

    names: tuple[Name, ...]
    encoder: StoredColumns | None = None
    knots: tuple[Annotated[tuple[Number, ...], Meta(min_length=1, max_length=_KNOTS)], ...] = ()
    centres: tuple[tuple[Number, Number], ...] = ()


@dataclass(frozen=True)
class ColumnInput:
    """Which columns are read, and for a network, how.

    Attributes:
        names: of the columns.
        encoder: makes numbers and categories of them, for a network; None where a head does so itself.
        knots: of each number, values at even steps of its quantiles in training, ascending.
        centres: of each number, its mean and standard deviation.
    """

    names: tuple[str, ...]
    encoder: ColumnEncoder | None = None
    knots: tuple[tuple[float, ...], ...] = field(default=(), repr=False)
    centres: tuple[tuple[float, float], ...] = field(default=(), repr=False)

    @property
    def fields(self) -> tuple[str, ...]:
        """What a network reads; nothing where a head reads the columns as they are."""
        return () if self.encoder is None else ("numbers", "missing", "codes")

    @classmethod
    def fit(cls, corpus: Corpus, names: Sequence[str], types: Mapping[str, str] | None = None) -> Self:
        """Learn types, categories and quantiles from the training rows.

        Raises:
            DataError: a column is missing, or holds lists or the like.
        """
        encoder = ColumnEncoder.fit(corpus.columns, names, types=types)
        values = encoder.numbers(corpus.columns).astype(np.float64)
        known = [column[np.isfinite(column)] for column in values.T]
        steps = np.linspace(0, 1, _KNOTS)
        knots = [np.unique(np.quantile(one, steps)) if len(one) else np.zeros(1) for one in known]
        centres = [(float(one.mean()), float(one.std()) or 1.0) if len(one) else (0.0, 1.0) for one in known]
        return cls(tuple(names), encoder, tuple(tuple(map(float, one)) for one in knots), tuple(centres))

    def select(self, corpus: Corpus) -> pa.Table:
        """Return the columns of some rows.

        Raises:
            DataError: if one is missing.
        """
        missing = [name for name in self.names if name not in corpus.columns.column_names]
        if missing:
            raise DataError(
                f"this model reads the columns {', '.join(self.names)}, and the data lack {', '.join(missing)}; "
                "pass a table that has them (nulls are fine)."
            )
        return corpus.columns.select(list(self.names))

    def encode(self, corpus: Corpus) -> Encoded:
        """Return the columns for a network; nothing where a head reads them as they are.

        Fields: ``numbers`` float32 [rows, numbers, 2], the place of each value among the training values, from 0 to 1, and its
        standard score within -5 to 5, both 0 where it is missing; ``missing`` float32 [rows, numbers]; ``codes`` int64
        [rows, categories], 0 of what was rare or never met in training. Counts are ``n_null`` and ``columns``.

        Raises:
            DataError: a column is missing.
        """
        if self.encoder is None:
            return Encoded(Examples(), {})
        imposed = self.encoder.impose(self.select(corpus))
        values = self.encoder.numbers(imposed.table).astype(np.float64)
        missing = ~np.isfinite(values)
        numbers = np.stack([self._places(values), self._scores(values)], axis=2) * ~missing[:, :, None]
        fields: dict[str, Array] = {
            "numbers": numbers.astype(np.float32),
            "missing": missing.astype(np.float32),
            "codes": self._codes(imposed.table),
        }
        counts = {name: dict(met) for name, met in imposed.counts.items()}
        return Encoded(Examples(fields=fields), {"n_null": corpus.texts.null_count, "columns": counts})

    def _places(self, values: Doubles) -> Doubles:
        filled = np.nan_to_num(values)
        found = np.zeros_like(filled)
        for place, knots in enumerate(self.knots):
            steps = np.linspace(0, 1, len(knots)) if len(knots) > 1 else np.full(1, 0.5)
            found[:, place] = np.interp(filled[:, place], knots, steps)
        return found

    def _scores(self, values: Doubles) -> Doubles:
        means, scales = np.array(self.centres).reshape(-1, 2).T
        found: Doubles = np.clip((np.nan_to_num(values) - means) / scales, -5, 5)
        return found

    def _codes(self, table: pa.Table) -> Array:
        if self.encoder is None or not self.encoder.category_names:
            return np.zeros((table.num_rows, 0), np.int64)
        places = [
            {value: place for place, value in enumerate(self.encoder.categories[name], 1)}
            for name in self.encoder.category_names
        ]
        texts = self.encoder.texts(table)
        return np.array(
            [[known.get(value, 0) for known, value in zip(places, row, strict=True)] for row in texts], np.int64
        ).reshape(table.num_rows, len(places))

    def net_options(self) -> Json:
        """Return ``n_numbers``, and ``n_categories`` of each category column, the unknown one among them."""
        if self.encoder is None:
            return {}
        sizes = [1 + len(self.encoder.categories[name]) for name in self.encoder.category_names]
        return {"n_numbers": self.encoder.n_numbers, "n_categories": sizes}

    def config(self) -> Json:
        """Return what `from_config` takes; the names alone where a head reads the columns, which says itself how."""
        if self.encoder is None:
            return {"names": list(self.names)}
        knots, centres = [list(one) for one in self.knots], [list(one) for one in self.centres]
        return {"names": list(self.names), "encoder": self.encoder.config(), "knots": knots, "centres": centres}

    @classmethod
    def from_config(cls, config: Facts) -> Self:
        """Build the input again.

        Raises:
            ArtifactError: `config` is not what `config` gave.
        """
        stored = decoded(_Stored, config, "the columns that this model reads")
        if stored.encoder is None:
            return cls(stored.names)
        encoder = ColumnEncoder.of(stored.encoder)
        ascending = all(a <= b for one in stored.knots for a, b in pairwise(one))
        positive = all(scale > 0 for _, scale in stored.centres)
        fits = len(stored.knots) == len(stored.centres) == encoder.n_numbers and (*encoder.kinds,) == stored.names
        if not (ascending and positive and fits):
            raise ArtifactError(
                "the columns that this model reads do not fit one another; copy the model again or train it anew."
            )
        return cls(stored.names, encoder, stored.knots, stored.centres)
