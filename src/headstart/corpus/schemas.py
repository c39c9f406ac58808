"""Which type each column of a file has, when that shows only after the last row.

CSV knows strings alone, and a field of JSON may be a whole number for a million lines and then a fraction. So
types are gathered over all batches first; each batch is then turned into them. A file that is scanned in
pieces gets the types that it would get when read whole.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headstart.corpus.column_types import is_raw
from headstart.corpus.columns import NUMBER
from headstart.errors import DataError

# Not an Arrow array yet: making one imports pandas where it is installed, which start-up should not pay for.
_MISSING_MARKS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
_NUMBERS = (pa.int64(), pa.float64())


def common_schema(tables: Iterable[pa.Table], *, where: str, as_written: Sequence[str] = ()) -> pa.Schema:
    """The types that hold every batch.

    Whole numbers and fractions make fractions; what is null throughout becomes strings. A column of raw cells, as in
    CSV, gets the type that all its cells are: numbers or truth values. ``007`` is no number; blanks and marks such as
    ``NA`` count as missing.

    Args:
        tables: the batches, all with the same columns or some of them.
        where: what messages call the source.
        as_written: columns of raw cells that stay raw.

    Raises:
        DataError: a column changes its type in a way that no type can hold.
    """
    fields = gathered_schema(tables, where=where, as_written=as_written)
    return pa.schema([f.with_type(pa.large_string()) if pa.types.is_null(f.type) else f for f in fields])


def gathered_schema(tables: Iterable[pa.Table], *, where: str, as_written: Sequence[str] = ()) -> pa.Schema:
    """The same of some of the batches: a column that is null in all of them stays so, since others may say more."""
    fields: dict[str, pa.Field] = {}
    for table in tables:
        for place, field in enumerate(table.schema):
            if is_raw(field) and field.name not in as_written:
                found = pa.field(field.name, _type_of(table.column(place).fill_null("")))
                before = fields.get(field.name, found)
                fields[field.name] = before.with_type(_wider(before.type, found.type))
            else:
                before = fields.get(field.name, field)
                fields[field.name] = field if field.equals(before) else _joined(before, field, where)
    return pa.schema(list(fields.values()))


def as_schema(table: pa.Table, schema: pa.Schema, *, where: str) -> pa.Table:
    """A batch with the columns and types of ``schema``; a column that it lacks is null.

    Raises:
        DataError: a column of other values than the schema's.
    """
    return pa.table([_converted(table, field, where) for field in schema], schema=schema)


def _type_of(column: pa.Array) -> Any:
    """The narrowest of null, bool, int64, float64 and string that holds all these strings."""
    cells = column.filter(pc.invert(_missing(column)))
    if not len(cells):
        return pa.null()
    if pc.all(pc.is_in(pc.utf8_lower(cells), pa.array(["true", "false"], cells.type))).as_py():
        return pa.bool_()
    if not pc.all(pc.match_substring_regex(cells, NUMBER)).as_py():
        return pa.large_string()
    return next((number for number in _NUMBERS if _casts(cells, number)), pa.large_string())


def _missing(column: pa.Array) -> Any:
    return pc.is_in(column, pa.array(_MISSING_MARKS, column.type))


def _casts(cells: pa.Array, target: object) -> bool:
    try:
        cells.cast(target)
    except pa.ArrowInvalid:
        return False
    return True


def _wider(a: object, b: object) -> Any:
    if a == b or pa.types.is_null(b):
        return a
    if pa.types.is_null(a):
        return b
    return pa.float64() if a in _NUMBERS and b in _NUMBERS else pa.large_string()


def _joined(a: pa.Field, b: pa.Field, where: str) -> pa.Field:
    try:
        return pa.unify_schemas([pa.schema([a]), pa.schema([b])], promote_options="permissive").field(0)
    except pa.ArrowException as error:
        raise DataError(_changing(error, where)) from error


def _converted(table: pa.Table, field: pa.Field, where: str) -> Any:
    if field.name not in table.column_names:
        return pa.nulls(table.num_rows, field.type)
    place = table.column_names.index(field.name)
    column = table.column(place)
    if is_raw(table.schema.field(place)) and not is_raw(field):
        column = column.fill_null("") if column.null_count else column
        if not pa.types.is_large_string(field.type):
            column = pc.if_else(_missing(column), pa.scalar(None, column.type), column)
    try:
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise DataError(_changing(error, where)) from error


def _changing(error: Exception, where: str) -> str:
    reason = str(error).splitlines()[0].rstrip(".")
    return (
        f"The columns of {where} change their type on the way ({reason}). "
        f"Give each column one type throughout, or leave it out with columns=."
    )
