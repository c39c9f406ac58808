"""Cells that a spreadsheet would take for formulas: counted, and quoted where that is asked for.

A spreadsheet that opens a CSV file calculates every cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line
end, whatever the quotes around it. A number such as ``-3`` stays one and is let alone.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_FORMULA = r"\A[=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
_NUMBER = r"\A[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\z"


class Spreadsheet:
    """Looks through tables on their way into a CSV or TSV file.

    Args:
        quoted: put ``'`` in front of such cells, as spreadsheets themselves do for text; else they are only counted.

    Attributes:
        n_formulas: cells and names of columns found so far.
    """

    def __init__(self, *, quoted: bool) -> None:
        self.quoted = quoted
        self.n_formulas = 0
        self._named = False

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return the table, its formulas counted and, if `quoted`, made text."""
        names = pa.array(table.column_names, pa.string())
        if not self._named:
            self.n_formulas += int(pc.sum(_is_formula(names)).as_py() or 0)
            self._named = True
        for i, column in enumerate(table.columns):
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
                continue
            found = _is_formula(column)
            n_found = int(pc.sum(found).as_py() or 0)
            self.n_formulas += n_found
            if n_found and self.quoted:
                table = table.set_column(i, table.column_names[i], _quoted(column, found))
        return table.rename_columns(_quoted(names, _is_formula(names)).to_pylist()) if self.quoted else table


def _is_formula(column: object) -> Any:
    begins = pc.match_substring_regex(column, _FORMULA)
    return pc.and_not(begins, pc.match_substring_regex(column, _NUMBER)) if pc.any(begins).as_py() else begins


def _quoted(column: Any, formulas: object) -> Any:
    mark, nothing = pa.scalar("'", column.type), pa.scalar("", column.type)
    return pc.if_else(pc.fill_null(formulas, False), pc.binary_join_element_wise(mark, column, nothing), column)
