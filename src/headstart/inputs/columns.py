"""Tabular columns: as a head reads them, or as numbers and categories that a network embeds."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.errors import DataError
from headstart.inputs.protocol import Encoded
from headstart.plain import Json

__all__ = ["ColumnInput"]


@dataclass(frozen=True)
class ColumnInput:
    """Which columns are read.

    Attributes:
        names: of the columns; what makes numbers and categories of them is learnt with the head that reads them.
    """

    names: tuple[str, ...]

    fields = ()

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
        """Return nothing for a network: a head reads the columns as they are."""
        return Encoded(Examples(), {})

    def net_options(self) -> Json:
        """Return what a network has to know of the columns."""
        return {}

    def config(self) -> Json:
        """Return what is stored."""
        return {"names": list(self.names)}
