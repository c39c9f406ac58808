"""Texts as token ids."""

from __future__ import annotations

from dataclasses import dataclass

from sklearn.pipeline import Pipeline

from headstart.batches import Clip, Examples, clip_ids
from headstart.corpus import Corpus
from headstart.errors import DataError
from headstart.inputs.protocol import Encoded
from headstart.plain import Json
from headstart.text import Encoded as EncodedTexts
from headstart.text import PretrainedTokenizer, TokenIndexer, encode

__all__ = ["TextInput"]


@dataclass(frozen=True)
class TextInput:
    """How texts are read.

    Attributes:
        column: name of the text column, or of several that are read as one text, in one string (``"title,body"``).
        steps: fitted text steps, or None for a model that reads bare texts, or none at all.
        max_tokens: longest text in tokens; None for no limit.
        clip: what of a longer text is kept.
    """

    column: str = "text"
    steps: Pipeline | None = None
    max_tokens: int | None = None
    clip: Clip = "head"

    names = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Token ids and their number; nothing of bare texts."""
        return () if self.steps is None else ("ids", "lengths")

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

    def encode(self, corpus: Corpus, encoded: EncodedTexts | None = None) -> Encoded:
        """Return texts as token ids, clipped; `encoded` is what the steps made of them, if that is known.

        Counts are ``n_null``, and of tokens ``n_truncated``, ``n_tokens`` and ``n_unknown_tokens``.

        Raises:
            DataError: if the model reads bare texts.
        """
        if self.steps is None:
            raise DataError("these rows have no text steps, so they have no token ids; score them with a text model.")
        found = encode(self.steps, corpus.texts) if encoded is None else encoded
        ids, n_truncated = clip_ids(found.ids, self.max_tokens, self.clip)
        counts = {
            "n_null": found.n_null,
            "n_truncated": n_truncated,
            "n_tokens": found.n_tokens,
            "n_unknown_tokens": found.n_unknown,
        }
        return Encoded(Examples(ids), counts)

    def net_options(self) -> Json:
        """Return nothing: the number of words is an argument of its own."""
        return {}

    def config(self) -> Json:
        """Return the plain options; the steps are stored apart."""
        return {"column": self.column, "max_tokens": self.max_tokens, "clip": self.clip}
