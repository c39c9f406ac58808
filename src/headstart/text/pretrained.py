"""The tokenizer that came with somebody else's model, as a text step.

Its ids become ours: 0 is padding, 1 is unknown, and piece ``i`` of the model is ``i + 2``.
"""

from itertools import chain
from typing import Any

import numpy as np
import pyarrow.compute as pc

from headstart.kernels.tokens import FIRST_WORD_ID, UNKNOWN_ID
from headstart.text.columns import text_column
from headstart.text.ragged import RaggedIds
from headstart.text.rules import Vocabulary, encoded, vocabulary_of
from headstart.text.steps import _NoTable

__all__ = ["PretrainedTokenizer"]

_AT_A_TIME = 4096  # texts: what the library makes of each is a Python object of its own


class PretrainedTokenizer(_NoTable):
    """Cut every text as somebody else's model has it, and give each piece its id. Nothing is learnt; nulls are empty.

    Args:
        rules: a ``tokenizer.json`` as text, without padding and truncation (see `headstart.text.rules.bare_rules`).
        framed: whether each text gets the model's special pieces in front and behind.
    """

    def __init__(self, rules: str, framed: bool = True) -> None:
        self.rules = rules
        self.framed = framed

    def transform(self, X: Any) -> RaggedIds:
        """Ids of every text: 1 for the model's unknown piece, from 2 on its other ones.

        Raises:
            DataError: ``X`` is no column of strings and nulls.
            ArtifactError: the rules cannot be used.
            MissingDependencyError: the package `tokenizers` is not installed.
        """
        unknown = self.vocabulary().unknown
        rows: list[list[int]] = []
        for piece, _ in text_column(X).pieces():
            texts = pc.fill_null(piece, "").to_pylist()
            for start in range(0, len(texts), _AT_A_TIME):
                rows += encoded(self.rules, texts[start : start + _AT_A_TIME], framed=self.framed)
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        own = np.fromiter(chain.from_iterable(rows), np.int32, int(offsets[-1]))
        ids = own + np.int32(FIRST_WORD_ID)
        known = ids if unknown is None else np.where(own == unknown, np.int32(UNKNOWN_ID), ids)
        return self.no_table(RaggedIds(known, offsets))

    def vocabulary(self) -> Vocabulary:
        """What a network has to know of this tokenizer."""
        return vocabulary_of(self.rules, self.framed)

    @property
    def n_ids(self) -> int:
        """Ids in use, padding and unknown among them: the rows that an embedding needs."""
        return self.vocabulary().n_pieces + FIRST_WORD_ID
