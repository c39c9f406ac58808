"""What each text step does to a piece of a column, for whoever runs the steps one after another."""

import re
from collections.abc import Iterable
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headstart.kernels.tokens import FIRST_WORD_ID, UNKNOWN_ID
from headstart.text.columns import arrow_strings, text_column
from headstart.text.definitions import compiled_table
from headstart.text.fused import Encoded, null_text, split
from headstart.text.options import expression_of
from headstart.text.ragged import RaggedIds
from headstart.text.rules import encoded, vocabulary_of

_AT_A_TIME = 4096  # texts: what the library makes of each is a Python object of its own


def filled(texts: "pa.LargeStringArray", fill_value: str) -> "pa.LargeStringArray":
    """Texts with one put in where there is none."""
    return pc.fill_null(texts, arrow_strings([fill_value])[0])


def lowered(texts: "pa.LargeStringArray") -> "pa.LargeStringArray":
    """Texts in lower case, every character by itself."""
    return pc.utf8_lower(texts)


def tokens_of(texts: object, pattern: str) -> "pa.LargeListArray":
    """Tokens of every text of a column; see ``Tokenizer``.

    Raises:
        DataError: it is no column of strings, or a text is null.
        OptionError: the pattern is not valid.
    """
    expression, column = expression_of(pattern), text_column(texts)
    if expression is None:
        return split(column, compiled_table(pattern, lower=False))
    kind = pa.large_list(pa.large_string())
    parts = [pa.array([_matches(expression, text) for text in _no_nulls(piece)], kind) for piece, _ in column.pieces()]
    return pa.concat_arrays(parts) if parts else pa.array([], kind)


def _matches(expression: "re.Pattern[str]", text: str) -> list[str]:
    return [match for match in expression.findall(text) if match]


def _no_nulls(texts: "pa.LargeStringArray") -> list[str]:
    if texts.null_count:
        raise null_text()
    return texts.to_pylist()  # type: ignore[no-any-return]


def indexed(lists: "pa.LargeListArray", vocabulary: "pa.LargeStringArray") -> RaggedIds:
    """Ids of every row's tokens; 1 for a token that has none."""
    found = pc.index_in(lists.flatten(), vocabulary[FIRST_WORD_ID:])
    ids = pc.add(pc.fill_null(found, UNKNOWN_ID - FIRST_WORD_ID), FIRST_WORD_ID)
    offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(lists).to_numpy())]).astype(np.int64)
    return RaggedIds(ids.to_numpy().astype(np.int32, copy=False), offsets)


def pieces_of(rules: str, framed: bool, texts: "pa.LargeStringArray") -> RaggedIds:
    """Ids of the pieces that a ``tokenizer.json`` cuts texts into: 1 for its unknown piece, from 2 on the others; nulls are empty.

    Raises:
        ArtifactError: the rules cannot be used.
        MissingDependencyError: the package `tokenizers` is not installed.
    """
    unknown = vocabulary_of(rules, framed).unknown
    rows: list[list[int]] = []
    strings = pc.fill_null(texts, "").to_pylist()
    for start in range(0, len(strings), _AT_A_TIME):
        rows += encoded(rules, strings[start : start + _AT_A_TIME], framed=framed)
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    own = np.fromiter(chain.from_iterable(rows), np.int32, int(offsets[-1]))
    ids = own + np.int32(FIRST_WORD_ID)
    known = ids if unknown is None else np.where(own == unknown, np.int32(UNKNOWN_ID), ids)
    return RaggedIds(known, offsets)


def joined(parts: Iterable[tuple[int, int, RaggedIds]]) -> Encoded:
    """One result of (nulls, texts with replaced surrogates, ids) of consecutive rows."""
    n_null, n_replaced, rows = 0, 0, []
    for nulls, replaced, ids in parts:
        n_null += nulls
        n_replaced += replaced
        rows.append(ids)
    ids = RaggedIds.concatenate(rows)
    return Encoded(ids, n_null, int(ids.values.size), int(np.count_nonzero(ids.values == UNKNOWN_ID)), n_replaced)
