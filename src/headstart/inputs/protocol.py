"""What every kind of input has in common: it is fitted, it encodes rows, and it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.plain import Json
from headstart.records import Name, Record


class Encoded(NamedTuple):
    """Rows as a network reads them.

    Attributes:
        examples: token ids, or fields.
        counts: of data quality, such as ``n_null``; JSON-able.
    """

    examples: Examples
    counts: Json


class Input(Protocol):
    """One of the things that a model reads of every row. A kind of input is a class like this and an entry of `INPUTS`.

    Attributes:
        fields: what it puts into a batch, by name; a network's stages read these. None of what a head reads as it is.
        names: the columns that it reads; none of texts.
    """

    @property
    def fields(self) -> tuple[str, ...]:
        """What it puts into a batch."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that it reads."""

    def encode(self, corpus: Corpus) -> Encoded:
        """Return rows as a network reads them.

        Raises:
            DataError: they lack a column, or hold what cannot be read.
        """

    def net_options(self) -> Json:
        """Return what a network has to know of it, as options of a network."""

    def config(self) -> Json:
        """Return what rebuilds it, JSON-able; the class's ``from_config`` takes it."""


class OneColumn(Record, frozen=True):
    """What inputs that read one column have in common.

    Attributes:
        column: its name.
    """

    column: Name

    @property
    def names(self) -> tuple[str, ...]:
        """The column that it reads."""
        return (self.column,)

    def cells(self, corpus: Corpus) -> Any:
        """Return what rows hold: of rows of its kind whatever their column is called."""
        return corpus.column((*corpus.reads, self.column)[0])


Inputs = Mapping[str, Input]
"""What a model reads, by kind."""
