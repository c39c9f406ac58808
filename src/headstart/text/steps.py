"""The text steps: scikit-learn transformers that stand alone and work in a ``Pipeline``.

``NullImputer`` -> ``UnicodeNormalizer`` -> ``LowerCaser`` -> ``Tokenizer`` -> ``TokenIndexer``. The first three take texts in
any container (``headstart.text.columns``) and give them back in the same kind; the fourth gives Arrow
lists of strings, the last one ``RaggedIds``. Only the last one learns anything. Options are stored
untouched and checked where they are used.

In a ``ColumnTransformer`` the first three may stand over a list of one column, ``(LowerCaser(), ["review"])``, which gives a
table of one column. Tokens and ids are no table: ``Tokenizer`` and ``TokenIndexer`` stand in a ``Pipeline``, and what gives
numbers of texts is `headstart.LayerFeatures`.
"""

from collections.abc import Sequence
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from headstart.arrays import Array
from headstart.kernels.tokens import FIRST_WORD_ID, UNKNOWN_ID
from headstart.text.columns import arrow_strings, objects, text_column
from headstart.text.options import check_fill_value, check_limits, expression_of
from headstart.text.ragged import RaggedIds
from headstart.text.single_steps import filled, indexed, lowered, tokens_of
from headstart.text.tables import refuse_what_is_no_table
from headstart.text.token_lists import count_tokens, token_lists
from headstart.text.unicode_forms import check_form, normalized
from headstart.text.vocabulary import Lookup, checked_counts, checked_vocabulary, ordered

Output = TypeVar("Output")


class _UnfittedOfTexts(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of texts that has nothing to learn."""

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = True
        return tags


class _TextStep(_UnfittedOfTexts):
    """What the steps share: no learning, one column in."""

    def fit(self, X: object, y: object = None) -> Self:
        """Check the options and remember the column's name; nothing is learnt from the texts."""
        self.check_options()
        text_column(X)
        self.n_features_in_ = 1
        names = getattr(X, "columns", getattr(X, "column_names", None))
        if names is not None and all(isinstance(name, str) for name in names):
            self.feature_names_in_ = np.array(list(names), dtype=object)
        return self

    def check_options(self) -> None:
        """Raise OptionError for an option that cannot be used. This step has none that could not."""


class _TextToText(_TextStep):
    """Texts in, texts out, in the same kind of container."""

    def transform(self, X: object) -> Any:
        """New texts, one a row, in the kind of container that ``X`` is (lists give NumPy object arrays).

        Raises:
            DataError: ``X`` is no column of strings and nulls; the message names the row.
        """
        self.check_options()
        column = text_column(X)
        texts = pa.chunked_array([self._of_piece(piece) for piece, _ in column.pieces()], pa.large_string())
        if self._frame_is_wanted():
            return objects(texts).reshape(-1, 1)
        return refuse_what_is_no_table(
            self,
            column.like_source(texts),
            f"A {type(self).__name__} in a ColumnTransformer gives a table only over a list of one column. "
            f"Write ['text'] in place of 'text', or [0] in place of 0.",
        )

    def _frame_is_wanted(self) -> bool:
        """Whether scikit-learn will make a frame of the output, which it cannot from every container of ours."""
        own = getattr(self, "_sklearn_output_config", {}).get("transform")
        return bool((own or get_config()["transform_output"]) != "default")

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> Array:
        """The column's own name, or "text" when it has none."""
        names = input_features if input_features is not None else getattr(self, "feature_names_in_", ["text"])
        return np.asarray(names, dtype=object)

    def _of_piece(self, piece: "pa.LargeStringArray") -> "pa.LargeStringArray":
        raise NotImplementedError


class NullImputer(_TextToText):
    """Put a text where there is none (None, NaN, ``pd.NA``, ``NaT``).

    Args:
        fill_value: the text to put there.

    >>> NullImputer("nothing").transform(["Fine.", None]).tolist()
    ['Fine.', 'nothing']
    """

    def __init__(self, fill_value: str = "") -> None:
        self.fill_value = fill_value

    def check_options(self) -> None:
        """Raise OptionError unless ``fill_value`` is a string of Unicode characters."""
        check_fill_value(self.fill_value)

    def _of_piece(self, piece: "pa.LargeStringArray") -> "pa.LargeStringArray":
        return filled(piece, self.fill_value)


class UnicodeNormalizer(_TextToText):
    """Write the same letters in the same way, whether an accent came composed with its letter or behind it. Nulls stay.

    Args:
        form: ``"NFC"`` composes; ``"NFD"`` decomposes; ``"NFKC"`` and ``"NFKD"`` also make full-width letters, ligatures
            and their like plain ones.

    >>> UnicodeNormalizer().transform(["cafe\\u0301", None]).tolist() == ["caf\\xe9", None]
    True
    """

    def __init__(self, form: str = "NFC") -> None:
        self.form = form

    def check_options(self) -> None:
        """Raise OptionError unless ``form`` is a normalization form."""
        check_form(self.form)

    def _of_piece(self, piece: "pa.LargeStringArray") -> "pa.LargeStringArray":
        return normalized(piece, self.form)


class LowerCaser(_TextToText):
    """Lower-case every character by itself (Unicode's simple mapping, which needs no context). Nulls stay.

    >>> LowerCaser().transform(["GROẞ", None]).tolist()
    ['groß', None]
    """

    def _of_piece(self, piece: "pa.LargeStringArray") -> "pa.LargeStringArray":
        return lowered(piece)


class _NoTable(_TextStep, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """A step whose output cannot be a frame, so that ``set_output`` on a pipeline passes it by."""

    def set_output(self, *, transform: str | None = None) -> Self:
        """Accepted for the sake of the steps around this one; the output here stays what it is."""
        return self

    def no_table(self, output: Output) -> Output:
        """Return the output, or refuse where a ``ColumnTransformer`` waits for a table (DataError)."""
        return refuse_what_is_no_table(
            self,
            output,
            f"What {type(self).__name__} gives differs in length from row to row, so it is no table and cannot stand in a "
            f"ColumnTransformer. Put LayerFeatures(base) there, which gives numbers, or a text step such as LowerCaser over "
            f"a list of one column, ['text']; the steps up to TokenIndexer stand in a Pipeline.",
        )


class Tokenizer(_NoTable):
    """Cut every text into tokens, which are no table, so that this stands in a ``Pipeline``, but in no ``ColumnTransformer``.

    Args:
        pattern: ``"words"`` (words with inner apostrophes; ``!``, ``?``, emoji, symbols, ideographs and kana each
            by themselves; other punctuation and HTML tags dropped), ``"tutorial"`` (each mark of
            ``string.punctuation`` by itself, white space separates), or a regular expression whose matches are the
            tokens, as in ``re.findall``: with one group, what the group holds. Empty matches are dropped. A model
            that is loaded again uses it unasked only if it is plain (see ``headstart.text.trust.is_linear``).

    >>> Tokenizer().transform(["Don’t go!<br />Really..."]).to_pylist()
    [["Don't", 'go', '!', 'Really']]
    """

    def __init__(self, pattern: str = "words") -> None:
        self.pattern = pattern

    def check_options(self) -> None:
        """Raise OptionError unless ``pattern`` is a definition's name or a regular expression of at most one group."""
        expression_of(self.pattern)

    def transform(self, X: object) -> "pa.LargeListArray":
        """Tokens of every text: Arrow large lists of large strings, one list a row.

        Raises:
            DataError: ``X`` is no column of strings, or a text is null.
            OptionError: the pattern is not valid.
        """
        return self.no_table(tokens_of(X, self.pattern))


class TokenIndexer(_NoTable):
    """Learn a vocabulary, and give each token its id: 0 is padding, 1 is unknown, words count from 2.

    Words are ordered by how often they occur, commonest first, and words that occur equally often by
    code points, so the same texts give the same ids on every run.

    Args:
        min_count: a word must occur this often to get an id.
        max_size: the largest number of words that get one, commonest first; None for all.

    Attributes:
        vocabulary_: Arrow large strings [n_ids]; the position is the id. The first two ("" and "<unk>") stand for
            padding and unknown, and no token of a text ever gets their ids as a word.
        counts_: int64 [n_ids], how often each word occurred in ``fit``; at position 1, how often all words
            that got no id did.

    >>> steps = TokenIndexer().fit([["b", "a"], ["b"]])
    >>> steps.vocabulary_.to_pylist(), steps.transform([["a", "c"]])[0].tolist()
    (['', '<unk>', 'b', 'a'], [3, 1])
    """

    vocabulary_: "pa.LargeStringArray"
    counts_: npt.NDArray[np.int64]

    def __init__(self, min_count: int = 1, max_size: int | None = None) -> None:
        self.min_count = min_count
        self.max_size = max_size

    @classmethod
    def from_vocabulary(
        cls, words: object, counts: object = None, *, min_count: int = 1, max_size: int | None = None
    ) -> "TokenIndexer":
        """A fitted indexer from a ready vocabulary.

        Args:
            words: [n_ids] strings, the position is the id; the first two are "" and "<unk>".
            counts: [n_ids] whole numbers from 0; zeros when None.
            min_count: as in the constructor, for a later ``fit``.
            max_size: as in the constructor, for a later ``fit``.

        Raises:
            DataError: a word is empty, no string, or there twice; the specials are not in front; counts do not fit.
        """
        indexer = cls(min_count=min_count, max_size=max_size)
        indexer.check_options()
        vocabulary = checked_vocabulary(words)
        return indexer._learn(vocabulary, checked_counts(counts, len(vocabulary)))

    def fit(self, X: object, y: object = None) -> Self:
        """Learn the vocabulary.

        Args:
            X: one list of tokens a row: Arrow lists, or lists, arrays or columns of lists of strings.
            y: ignored.

        Raises:
            DataError: ``X`` is something else.
            OptionError: ``min_count`` or ``max_size`` is not a whole number in its range.
        """
        self.check_options()
        return self.fit_counts(count_tokens(X))

    def fit_counts(self, counted: "pa.Table") -> Self:
        """Learn the vocabulary from distinct words already counted: columns ``word`` large_string, ``count`` int64."""
        self.check_options()
        return self._learn(*ordered(counted, self.min_count, self.max_size))

    def _learn(self, vocabulary: "pa.LargeStringArray", counts: npt.NDArray[np.int64]) -> Self:
        self._lookup = Lookup.of(vocabulary)
        self.vocabulary_ = vocabulary
        self.counts_ = counts
        self.n_features_in_ = 1
        return self

    def transform(self, X: object) -> RaggedIds:
        """Ids of every row's tokens; 1 for a token that has none.

        Raises:
            DataError: ``X`` is not one list of tokens a row.
        """
        check_is_fitted(self)
        return self.no_table(indexed(token_lists(X), self.vocabulary_))

    def index_of(self, word: str) -> int:
        """The id of a word, 1 when it has none."""
        check_is_fitted(self)
        at = pc.index(self.vocabulary_[FIRST_WORD_ID:], arrow_strings([word])[0]).as_py()
        return int(at) + FIRST_WORD_ID if at >= 0 else UNKNOWN_ID

    def lookup(self) -> Lookup:
        """The vocabulary as the compiled pass reads it."""
        check_is_fitted(self)
        return self._lookup

    @property
    def n_ids(self) -> int:
        """Ids in use, padding and unknown among them: the rows that an embedding needs."""
        check_is_fitted(self)
        return len(self.vocabulary_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "vocabulary_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        return tags

    def check_options(self) -> None:
        """Raise OptionError unless ``min_count`` and ``max_size`` are whole numbers in their range."""
        check_limits(self.min_count, self.max_size)
