"""Pipelines of text steps: build, fit, and encode."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.pipeline import Pipeline

from headstart.errors import DataError
from headstart.text.columns import TextColumn, text_column
from headstart.text.definitions import DEFINITIONS, compiled_table
from headstart.text.fused import Encoded, FusedSteps, count_words
from headstart.text.ragged import RaggedIds
from headstart.text.single_steps import joined
from headstart.text.steps import LowerCaser, NullImputer, TokenIndexer, Tokenizer, UnicodeNormalizer
from headstart.text.token_lists import count_tokens
from headstart.text.vocabulary import merge_counts

_OURS = (NullImputer, UnicodeNormalizer, LowerCaser, Tokenizer, TokenIndexer)
_MERGE_EVERY = 64  # tables of counts that may wait, so that they take bounded memory


def text_steps(
    tokens: str = "words",
    *,
    min_count: int = 2,
    max_size: int | None = None,
    fill_value: str = "",
    form: str | None = "NFC",
) -> Pipeline:
    """The standard steps, not fitted.

    Args:
        tokens: how texts are cut: see ``Tokenizer``.
        min_count: a word must occur this often to get an id. With 1, no unknown word ever occurs in training,
            and the unknown word's vector learns nothing.
        max_size: the largest number of words that get an id; None for all.
        fill_value: what a null text counts as.
        form: the normalization form of ``UnicodeNormalizer``; None leaves that step out.
    """
    return Pipeline(
        [
            ("null_imputer", NullImputer(fill_value)),
            *([] if form is None else [("unicode_normalizer", UnicodeNormalizer(form))]),
            ("lower_caser", LowerCaser()),
            ("tokenizer", Tokenizer(tokens)),
            ("token_indexer", TokenIndexer(min_count=min_count, max_size=max_size)),
        ]
    )


def fit_steps(pipeline: Pipeline, texts: object, n_threads: int | None = None) -> Pipeline:
    """Fit a pipeline of text steps on texts -> the same pipeline.

    Same result as ``pipeline.fit(texts)``. Our own steps work piece by piece, in little memory, and where they
    cut by a table, the words are counted in one compiled pass.

    Args:
        pipeline: text steps that end in a ``TokenIndexer``.
        texts: any container that the steps take.
        n_threads: for the compiled pass; None for all processors. The result does not depend on it.

    Raises:
        DataError: a text is no string, or null where no ``NullImputer`` comes first.
        OptionError: an option of a step is not valid.
    """
    if not _only_ours(pipeline):
        return pipeline.fit(texts)
    for step in pipeline[:-1]:
        step.fit(texts)
    column = text_column(texts)
    standard = _standard(pipeline)
    if standard is None:
        counted = _counted(pipeline, column)
    else:
        table, fill_value, form = standard
        counted = count_words(column, table, fill_value, n_threads, form=form)
    pipeline[-1].fit_counts(counted)
    return pipeline


def encode(pipeline: Pipeline, texts: object, n_threads: int | None = None) -> Encoded:
    """Token ids of texts, and counts of what a report should mention.

    Same ids as ``pipeline.transform(texts)``. Our own steps work piece by piece, in little memory, and where they
    cut by a table (``DEFINITIONS``), all is one compiled pass.

    Args:
        pipeline: fitted text steps that end in a ``TokenIndexer``.
        texts: any container that the steps take.
        n_threads: for the compiled pass; None for all processors. The result does not depend on it.

    Raises:
        DataError: a text is no string, or null where no ``NullImputer`` comes first; or a custom step lost rows.
    """
    fused = fused_steps(pipeline)
    if fused is not None:
        return fused.encode(texts, n_threads)
    column = text_column(texts)
    if _only_ours(pipeline):
        return joined(
            (piece.null_count, n_replaced, pipeline.transform(piece)) for piece, n_replaced in column.pieces()
        )
    counts = [(piece.null_count, n_replaced) for piece, n_replaced in column.pieces()]
    ids = pipeline.transform(texts)
    if not isinstance(ids, RaggedIds) or len(ids) != len(column):
        raise DataError(
            f"The text steps must turn {len(column)} texts into RaggedIds of as many rows, but gave "
            f"a {type(ids).__name__} of {len(ids)}. End them with TokenIndexer(), and let no step drop rows."
        )
    return joined([(sum(n for n, _ in counts), sum(n for _, n in counts), ids)])


def fused_steps(pipeline: Pipeline) -> FusedSteps | None:
    """A fitted pipeline as one compiled function; None when a step is not ours or the tokens are an expression."""
    standard = _standard(pipeline)
    if standard is None:
        return None
    table, fill_value, form = standard
    return FusedSteps(table, fill_value, pipeline[-1].lookup(), form)


def _only_ours(pipeline: Pipeline) -> bool:
    return all(type(step) in _OURS for _, step in pipeline.steps) and isinstance(pipeline[-1], TokenIndexer)


def _standard(pipeline: Pipeline) -> tuple[npt.NDArray[np.uint32], str | None, str | None] | None:
    """(table, fill value, normalization form) when the steps are ours, in their order, and cut by a table."""
    steps = [step for _, step in pipeline.steps]
    kinds = [type(step) for step in steps]
    front = [kind for kind in (NullImputer, UnicodeNormalizer, LowerCaser) if kind in kinds]
    if kinds != [*front, Tokenizer, TokenIndexer] or steps[-2].pattern not in DEFINITIONS:
        return None
    for step in steps:
        step.check_options()
    fill_value = steps[0].fill_value if NullImputer in front else None
    form = steps[kinds.index(UnicodeNormalizer)].form if UnicodeNormalizer in front else None
    return compiled_table(steps[-2].pattern, LowerCaser in front), fill_value, form


def _counted(pipeline: Pipeline, column: TextColumn) -> "pa.Table":
    """Every distinct token with its number, as ``TokenIndexer.fit_counts`` takes it."""
    parts = [count_tokens([])]
    for piece, _ in column.pieces():
        parts.append(count_tokens(pipeline[:-1].transform(piece)))
        if len(parts) == _MERGE_EVERY:
            parts = [merge_counts(parts)]
    return merge_counts(parts)
