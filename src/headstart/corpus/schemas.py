"""Which type each column of a file has, when that shows only after the last row.

CSV knows strings alone, and a field of JSON may be a whole number for a million lines and then a fraction. So
types are gathered over all batches first; each batch is then turned into them. A file that is scanned in
pieces gets the types that it would get when read whole.
"""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headstart.corpus.columns import NUMBER
from headstart.errors import DataError

# Not an Arrow array yet: making one imports pandas where it is installed, which start-up should not pay for.
_MISSING_MARKS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
_NUMBERS = (pa.int64(), pa.float64())


def common_schema(tables: Iterable[pa.Table], *, typed: bool, text: str, where: str) -> pa.Schema:
    """The types that hold every batch.

    Whole numbers and fractions make fractions; what is null throughout becomes strings.

    Args:
        tables: the batches, all with the same columns or some of them.
        typed: False when every cell is a string, as in CSV: then a column whose cells are all numbers, or all
            truth values, gets that type. ``007`` is no number; blanks and marks such as ``NA`` count as missing.
        text: the text column, which stays as it is.
        where: what messages call the source.

    Raises:
        DataError: a column changes its type in a way that no type can hold.
    """
    schema = pa.schema([])
    for table in tables:
        found = table.schema if typed else _guessed(table, text)
        schema = _joined(schema, found, where) if typed else _widened(schema, found)
    return pa.schema([f.with_type(pa.large_string()) if pa.types.is_null(f.type) else f for f in schema])


def as_schema(table: pa.Table, schema: pa.Schema, *, where: str) -> pa.Table:
    """A batch with the columns and types of ``schema``; a column that it lacks is null.

    Raises:
        DataError: a column of other values than the schema's.
    """
    rows = table.num_rows
    columns = {f.name: table.column(f.name) if f.name in table.column_names else pa.nulls(rows) for f in schema}
    try:
        return pa.table({f.name: _converted(columns[f.name], f.type) for f in schema})
    except pa.ArrowException as error:
        raise DataError(_changing(error, where)) from error


def _guessed(table: pa.Table, text: str) -> pa.Schema:
    types = [f.type if f.name == text else _type_of(table.column(f.name)) for f in table.schema]
    return pa.schema(list(zip(table.column_names, types, strict=True)))


def _type_of(column: Any) -> Any:
    """The narrowest of null, bool, int64, float64 and string that holds all these strings."""
    cells = column.filter(pc.invert(_missing(column)))
    if not len(cells):
        return pa.null()
    if pc.all(pc.is_in(pc.utf8_lower(cells), pa.array(["true", "false"], cells.type))).as_py():
        return pa.bool_()
    if not pc.all(pc.match_substring_regex(cells, NUMBER)).as_py():
        return pa.large_string()
    return next((number for number in _NUMBERS if _casts(cells, number)), pa.large_string())


def _missing(column: Any) -> Any:
    return pc.is_in(column, pa.array(_MISSING_MARKS, column.type))


def _casts(cells: Any, target: Any) -> bool:
    try:
        cells.cast(target)
    except pa.ArrowInvalid:
        return False
    return True


def _widened(schema: pa.Schema, found: pa.Schema) -> pa.Schema:
    known = {f.name: f.type for f in schema}
    return pa.schema([(f.name, _wider(known.get(f.name, pa.null()), f.type)) for f in found])


def _wider(a: Any, b: Any) -> Any:
    if a == b or pa.types.is_null(b):
        return a
    if pa.types.is_null(a):
        return b
    return pa.float64() if a in _NUMBERS and b in _NUMBERS else pa.large_string()


def _joined(schema: pa.Schema, found: pa.Schema, where: str) -> pa.Schema:
    try:
        return pa.unify_schemas([schema.remove_metadata(), found.remove_metadata()], promote_options="permissive")
    except pa.ArrowException as error:
        raise DataError(_changing(error, where)) from error


def _converted(column: Any, target: Any) -> Any:
    was_string = pa.types.is_large_string(column.type)
    if was_string and not pa.types.is_large_string(target):
        column = pc.if_else(_missing(column), pa.scalar(None, column.type), column)
    return column.cast(target)


def _changing(error: Exception, where: str) -> str:
    reason = str(error).splitlines()[0].rstrip(".")
    return (
        f"The columns of {where} change their type on the way ({reason}). "
        f"Give each column one type throughout, or leave it out with columns=."
    )
