"""The tokenizer that came with somebody else's model, as a text step.

Its ids become ours: 0 is padding, 1 is unknown, and piece ``i`` of the model is ``i + 2``.
"""

from headstart.kernels.tokens import FIRST_WORD_ID
from headstart.text.columns import text_column
from headstart.text.ragged import RaggedIds
from headstart.text.rules import Vocabulary, vocabulary_of
from headstart.text.single_steps import pieces_of
from headstart.text.steps import _NoTable


class PretrainedTokenizer(_NoTable):
    """Cut every text as somebody else's model has it, and give each piece its id. Nothing is learnt; nulls are empty.

    Args:
        rules: a ``tokenizer.json`` as text, without padding and truncation (see `headstart.text.rules.bare_rules`).
        framed: whether each text gets the model's special pieces in front and behind.
    """

    def __init__(self, rules: str, framed: bool = True) -> None:
        self.rules = rules
        self.framed = framed

    def transform(self, X: object) -> RaggedIds:
        """Ids of every text: 1 for the model's unknown piece, from 2 on its other ones.

        Raises:
            DataError: ``X`` is no column of strings and nulls.
            ArtifactError: the rules cannot be used.
            MissingDependencyError: the package `tokenizers` is not installed.
        """
        parts = [pieces_of(self.rules, self.framed, piece) for piece, _ in text_column(X).pieces()]
        return self.no_table(RaggedIds.concatenate(parts))

    def vocabulary(self) -> Vocabulary:
        """What a network has to know of this tokenizer."""
        return vocabulary_of(self.rules, self.framed)

    @property
    def n_ids(self) -> int:
        """Ids in use, padding and unknown among them: the rows that an embedding needs."""
        return self.vocabulary().n_pieces + FIRST_WORD_ID
