"""What a model reads: texts, and columns next to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

import pyarrow as pa
from sklearn.pipeline import Pipeline

from headstart.batches import Clip, Examples, clip_ids
from headstart.corpus import Corpus
from headstart.errors import DataError
from headstart.text import Encoded, PretrainedTokenizer, TokenIndexer, encode

__all__ = ["ColumnInput", "EncodedTexts", "Inputs", "TextInput", "reads"]


class EncodedTexts(NamedTuple):
    """Texts as a network reads them.

    Attributes:
        examples: token ids, clipped.
        counts: ``n_null``, ``n_truncated``, ``n_tokens``, ``n_unknown_tokens``.
    """

    examples: Examples
    counts: dict[str, int]


@dataclass(frozen=True)
class TextInput:
    """How texts are read.

    Attributes:
        column: name of the text column, or of several that are read as one text, in one string (``"title,body"``).
        steps: fitted text steps, or None for a model that reads bare texts.
        max_tokens: longest text in tokens; None for no limit.
        clip: what of a longer text is kept.
    """

    column: str = "text"
    steps: Pipeline | None = None
    max_tokens: int | None = None
    clip: Clip = "head"

    @property
    def words(self) -> TokenIndexer | None:
        """The step that numbers words, with their list and counts; None where texts are cut into pieces, or not at all."""
        last = None if self.steps is None else self.steps[-1]
        return last if isinstance(last, TokenIndexer) else None

    @property
    def pieces(self) -> PretrainedTokenizer | None:
        """The tokenizer of an imported encoder, which cuts words into pieces; None where there is none."""
        last = None if self.steps is None else self.steps[-1]
        return last if isinstance(last, PretrainedTokenizer) else None

    def encode(self, texts: Any, encoded: Encoded | None = None) -> EncodedTexts:
        """Return texts, Arrow strings [rows], as token ids; `encoded` is what the steps made of them, if that is known.

        Raises:
            DataError: if the model reads bare texts.
        """
        if self.steps is None:
            raise DataError("these rows have no text steps, so they have no token ids; score them with a text model.")
        found = encode(self.steps, texts) if encoded is None else encoded
        ids, n_truncated = clip_ids(found.ids, self.max_tokens, self.clip)
        counts = {
            "n_null": found.n_null,
            "n_truncated": n_truncated,
            "n_tokens": found.n_tokens,
            "n_unknown_tokens": found.n_unknown,
        }
        return EncodedTexts(Examples(ids), counts)


@dataclass(frozen=True)
class ColumnInput:
    """Which columns are read.

    Attributes:
        names: of the columns; what makes numbers and categories of them is learnt with the head that reads them.
    """

    names: tuple[str, ...]

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


class Inputs(TypedDict, total=False):
    """What a model reads, by name; columns only where there are some."""

    text: TextInput
    columns: ColumnInput


def reads(columns: Sequence[str] = (), **text: Any) -> Inputs:
    """Return inputs for texts, with the options of a `TextInput`, and for columns where some are named."""
    of_text = TextInput(**text)
    return {"text": of_text, "columns": ColumnInput(tuple(columns))} if columns else {"text": of_text}
