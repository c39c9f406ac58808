"""Rows of tokens, in whatever they come: as Arrow lists, and counted."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headstart.errors import DataError


def count_tokens(rows: object) -> "pa.Table":
    """Every distinct token of rows of tokens, with its number: columns ``word`` large_string and ``count`` int64."""
    counted = pc.value_counts(token_lists(rows).flatten())
    return pa.table({"word": counted.field("values"), "count": counted.field("counts")})


def token_lists(rows: Any) -> Any:
    """Any rows of tokens as Arrow large lists of large strings, without nulls."""
    kind = pa.large_list(pa.large_string())
    try:
        if hasattr(rows, "columns"):
            raise TypeError("a table, no column")
        if not isinstance(rows, pa.Array | pa.ChunkedArray) and any(isinstance(row, str) for row in rows):
            raise TypeError("a row is a string")  # which Arrow would take for a list of its characters
        if hasattr(rows, "to_arrow"):
            rows = rows.to_arrow()
        if isinstance(rows, pa.ChunkedArray):
            rows = rows.combine_chunks()
        lists = rows.cast(kind) if isinstance(rows, pa.Array) else pa.array(rows, kind)
    except (pa.ArrowException, TypeError, ValueError) as fault:
        raise DataError(
            f"TokenIndexer needs one list of string tokens a row, which a {type(rows).__name__} here is not ({fault}). "
            f"Cut the texts first, as Tokenizer() does."
        ) from fault
    if lists.null_count or lists.flatten().null_count:
        raise DataError("TokenIndexer found a null among the tokens. Put NullImputer() before the Tokenizer().")
    return lists
