"""Texts as token ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from headstart import text
from headstart.arrays import Places
from headstart.batches import Clip, Examples, clip_ids
from headstart.corpus import Corpus
from headstart.errors import DataError
from headstart.inputs.protocol import Encoded
from headstart.plain import Json
from headstart.text.fused import Encoded as EncodedTexts
from headstart.text.saved import StoredSteps


class Words(NamedTuple):
    """The words that a model knows.

    Attributes:
        vocabulary: Arrow large strings [n_ids]; the position is the id.
        counts: how often each occurred where they were learnt, int64 [n_ids].
    """

    vocabulary: Any
    counts: Places


class Pieces(NamedTuple):
    """The tokenizer of an imported encoder, which cuts words into pieces.

    Attributes:
        rules: its ``tokenizer.json``.
        framed: whether each text gets its special pieces in front and behind.
        n_ids: ids in use, padding and unknown among them.
    """

    rules: str
    framed: bool
    n_ids: int


@dataclass(frozen=True)
class TextInput:
    """How texts are read.

    Attributes:
        column: name of the text column, or of several that are read as one text, in one string (``"title,body"``).
        steps: fitted text steps, a `StoredSteps` or a ``Pipeline``; None for a model that reads bare texts, or none at all.
        max_tokens: longest text in tokens; None for no limit.
        clip: what of a longer text is kept.
    """

    column: str = "text"
    steps: Any = None
    max_tokens: int | None = None
    clip: Clip = "head"

    names = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Token ids and their number; nothing of bare texts."""
        return () if self.steps is None else ("ids", "lengths")

    @property
    def words(self) -> Words | None:
        """The words that are numbered; None where texts are cut into pieces, or not at all."""
        if isinstance(self.steps, StoredSteps):
            vocabulary, counts = self.steps.vocabulary, self.steps.counts
            return None if vocabulary is None or counts is None else Words(vocabulary, counts)
        last: Any = None if self.steps is None else self.steps[-1]
        return Words(last.vocabulary_, last.counts_) if hasattr(last, "vocabulary_") else None

    @property
    def pieces(self) -> Pieces | None:
        """The tokenizer of an imported encoder; None where there is none."""
        if self.steps is None:
            return None
        last = self.steps if isinstance(self.steps, StoredSteps) else self.steps[-1]
        rules = getattr(last, "rules", None)
        return None if rules is None else Pieces(rules, last.framed, last.n_ids)

    @property
    def pipeline(self) -> Any:
        """The text steps as a scikit-learn ``Pipeline``, or None.

        Raises:
            MissingDependencyError: scikit-learn is not installed.
        """
        return self.steps.pipeline if isinstance(self.steps, StoredSteps) else self.steps

    def encode(self, corpus: Corpus, encoded: EncodedTexts | None = None) -> Encoded:
        """Return texts as token ids, clipped; `encoded` is what the steps made of them, if that is known.

        Counts are ``n_null``, and of tokens ``n_truncated``, ``n_tokens`` and ``n_unknown_tokens``.

        Raises:
            DataError: if the model reads bare texts.
        """
        if self.steps is None:
            raise DataError("these rows have no text steps, so they have no token ids; score them with a text model.")
        found = self._encoded(corpus.texts) if encoded is None else encoded
        ids, n_truncated = clip_ids(found.ids, self.max_tokens, self.clip)
        counts = {
            "n_null": found.n_null,
            "n_truncated": n_truncated,
            "n_tokens": found.n_tokens,
            "n_unknown_tokens": found.n_unknown,
        }
        return Encoded(Examples(ids), counts)

    def spec(self) -> Json:
        """Return the text steps as they are stored, next to their words or rules.

        Raises:
            ArtifactError: a step is not one of ours.
        """
        found: Json = self.steps.spec if isinstance(self.steps, StoredSteps) else text.steps_to_json(self.steps)
        return found

    def _encoded(self, texts: object) -> EncodedTexts:
        stored = isinstance(self.steps, StoredSteps)
        found: EncodedTexts = self.steps.encode(texts) if stored else text.encode(self.steps, texts)
        return found

    def net_options(self) -> Json:
        """Return nothing: the number of words is an argument of its own."""
        return {}

    def config(self) -> Json:
        """Return the plain options; the steps are stored apart."""
        return {"column": self.column, "max_tokens": self.max_tokens, "clip": self.clip}
