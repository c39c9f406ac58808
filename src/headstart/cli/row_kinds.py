"""What the rows of a command are: texts, or series, images or tabular rows, as its options or the columns' types say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headstart.cli import console
from headstart.cli.arguments import Reads
from headstart.corpus import FileOptions, OtherColumns, Source, scan, source_name, told_kind
from headstart.errors import OptionError

if TYPE_CHECKING:
    from headstart.predictor import Predictor

_KINDS = ("text", "series", "image", "columns")


def rows_asked(options: Reads, columns: Sequence[str] = ()) -> OtherColumns | None:
    """Return what the options say that rows are; None of texts, and of what the data or a model is to tell.

    Raises:
        OptionError: two kinds at once, or one that there is not.
    """
    named = {"series": options.series, "image": options.image, "text": options.text}
    given = [kind for kind, name in named.items() if name is not None]
    kind = options.input
    if kind not in ("auto", *_KINDS):
        raise OptionError(f"--input is {kind}; expected one of auto, {', '.join(_KINDS)}.")
    if len(given) > 1 or (kind != "auto" and given not in ([], [kind])):
        both = [f"--{one}" for one in given] + ([f"--input {kind}"] if kind != "auto" else [])
        raise OptionError(
            f"{' and '.join(both)} came; a row is of one kind, and tabular columns may stand next to it: --columns A,B."
        )
    kind = given[0] if kind == "auto" and given else kind
    if kind in ("auto", "text"):
        return None
    return OtherColumns(kind, tuple(columns) or None if kind == "columns" else named[kind])


def rows_read(
    options: Reads, data: Source, base: Predictor | None = None, columns: Sequence[str] = (), but: Sequence[str] = ()
) -> OtherColumns | None:
    """Return what the rows are: as the options say, else as a model reads them, else as the data's types tell; None of texts.

    Args:
        options: of the command.
        data: where the rows are.
        base: a model that is to read them, or None.
        columns: tabular columns that were named.
        but: columns that are something else: the label's, the group's.
    """
    asked = rows_asked(options, columns)
    if asked is not None:
        return OtherColumns(asked.kind, asked.named, but)
    if base is not None:
        rows = base.row_columns
        return None if isinstance(rows, str) else rows
    if options.text is not None or options.input == "text":
        return None
    return _told(data, options, columns, but)


def _told(data: Source, options: Reads, columns: Sequence[str], but: Sequence[str]) -> OtherColumns | None:
    """Return what kind of rows the first of them are, and say so; None of texts, and of what can be read only once."""
    if data == "-":
        return None
    files = FileOptions(options.format, options.delimiter, options.quoting, options.encoding)
    first = next(scan(data, text=OtherColumns("columns"), batch_rows=64, options=files).rows()).columns
    if "text" in first.column_names:
        return None
    others = first.select([name for name in first.column_names if name not in (*but, *columns)])
    found = told_kind(others.schema, others)
    if found is None:
        return None
    console.note(
        f"{source_name(data)}: column {found.named!r} holds {'series' if found.kind == 'series' else 'images'}, by its type; "
        "another kind or column: --input, --series, --image, --text"
    )
    return found
