"""Whatever a caller holds (texts, a table, a corpus) as a `Corpus`."""

from collections.abc import Sequence

import numpy as np

from headstart.corpus.columns import adopt, column_names, is_table, text_array
from headstart.corpus.dataset import Corpus
from headstart.corpus.other_rows import OtherColumns
from headstart.corpus.reading import read
from headstart.errors import DataError


def as_corpus(data: object, *, text: str | OtherColumns | None = None, columns: Sequence[str] | None = ()) -> Corpus:
    """Return texts, and columns where asked for, as a `Corpus` without labels.

    Args:
        data: a `Corpus`; a list, NumPy, pandas, Polars or Arrow column of texts; or a table of columns.
        text: the text column of a table; None takes the only column, or the one called ``text``. `OtherColumns` say which
            columns hold series, images or tabular rows.
        columns: which other columns of a table to keep; None keeps all.

    Raises:
        DataError: if `data` is none of these, or lacks a column.
    """
    if isinstance(data, Corpus):
        return data
    if isinstance(text, OtherColumns):
        return read(data if is_table(data) else text.adopt(data), text=text, columns=columns)
    if is_table(data):
        table = adopt(data)
        names = column_names(table)
        return read(table, text=text or (names[0] if len(names) == 1 else "text"), columns=columns)
    if isinstance(data, np.ndarray) and data.ndim == 2 and data.shape[1] == 1:
        data = data[:, 0]
    if columns:
        raise DataError(
            f"The columns {', '.join(columns)} were asked for, and a {type(data).__name__} of texts has none. "
            f"Pass a table (pandas, Polars, Arrow) with a text column next to them."
        )
    return Corpus(text_array(data))
