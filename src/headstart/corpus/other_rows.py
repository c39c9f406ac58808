"""Rows that are no texts: series, images and tabular rows, each brought into one form as it comes in.

A series becomes ``list<list<float>>`` [channels][steps], an image the bytes of a file (PNG, JPEG ...), tabular columns stay as they
are. So that rows can be told apart, counted and shown as texts are, each gets a line that says what it is: a tabular row its
values, a series or an image a digest of its content.
"""

import contextlib
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from headstart.arrays import Array
from headstart.corpus.columns import check_columns
from headstart.corpus.request import TextColumns
from headstart.errors import DataError
from headstart.extras import optional
from headstart.plain import Json

ROW_KINDS = ("text", "series", "image")
"""Kinds of rows that a strategy may ask for; those of tabular columns may stand next to any."""
ROW = "(row)"
"""What the lines that say what a row is are called, where texts have the name of their column."""
SERIES = pa.list_(pa.list_(pa.float32()))
_NAMES = {"series": "series", "image": "image"}
_IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")
_MOST_BYTES = 256 << 20
"""Of one image file."""
_SHOWN = 120


class OtherColumns(TextColumns):
    """The columns that hold what the rows are: `kind` says of what kind.

    Args:
        kind: ``"series"``, ``"image"`` or ``"columns"``; a kind of the user's own is read as it is.
        named: its columns, in a list or in one string (``"x,y"``: one channel each); None takes the one of the kind's name, and of
            ``"columns"`` all that are there.
        but: columns that are something else, such as the label's.
    """

    def __init__(self, kind: str, named: str | Sequence[str] | None = None, but: Sequence[str] = ()) -> None:
        self.kind, self.named, self._but = kind, named or None, tuple(but)
        super().__init__(self.named or _NAMES.get(kind, kind))

    def resolve(self, present: Sequence[str], where: str) -> tuple[str, ...]:
        """The names of the columns, all of them present.

        Raises:
            DataError: a column is missing, or none is left.
        """
        if self.kind != "columns" or self.named is not None:
            return super().resolve(present, where)
        found = tuple(name for name in present if name not in self._but)
        if not found:
            raise DataError(f"{where} has no column but the label's. Give each row something to tell it by.")
        check_columns(found, present, where)
        return found

    def adopt(self, data: Any) -> Any:
        """Arrays or lists as a table with one column: series [rows, channels, steps] or [rows, steps] or a list of such; images
        [rows, height, width] or [rows, height, width, 3]; tables [rows, columns].

        Raises:
            DataError: something of another shape.
        """
        name = self.named if isinstance(self.named, str) else _NAMES.get(self.kind, self.kind)
        if self.kind == "columns":
            array = np.asarray(data)
            if array.ndim != 2:
                raise DataError(
                    f"a table has rows and columns, and an array of shape {array.shape} came; pass [rows, columns]."
                )
            names = (
                self.named if isinstance(self.named, list | tuple) else [f"x{place}" for place in range(array.shape[1])]
            )
            return {column: array[:, place] for place, column in enumerate(names)}
        if isinstance(data, pa.Array | pa.ChunkedArray):
            return pa.table({name: data})
        if self.kind == "series":
            rows = [None if row is None else _series(row, place) for place, row in enumerate(data)]
            return pa.table({name: pa.array([None if row is None else list(row) for row in rows], SERIES)})
        if self.kind == "image":
            return pa.table({name: pa.array(_as_files(data), pa.large_binary())})
        return pa.table({name: pa.array(list(data))})

    def brought_in(
        self, table: pa.Table, names: Sequence[str], folder: Path | None, where: str, first: int = 0
    ) -> tuple[Any, pa.Table]:
        """The lines that say what each row is, and the columns in the form of their kind.

        Args:
            table: rows as they come in.
            names: of the columns.
            folder: the folder of the file, from which paths of images go; None where there is no file.
            where: what messages call the source.
            first: the number of the first row.

        Raises:
            DataError: cells that are none of the kind; with the first such row.
        """
        columns = table.select(list(names))
        if self.kind == "series":
            cells = [_series_cells(columns.column(name), name, where, first) for name in names]
            rows = [_joined(row, where, place) for place, row in enumerate(zip(*cells, strict=True), first)]
            made = pa.table({names[0]: pa.array([None if row is None else list(row) for row in rows], SERIES)})
            lines = [
                None if row is None else f"series {row.shape[0]} x {row.shape[1]} {_digest(row.tobytes())}"
                for row in rows
            ]
        elif self.kind == "image":
            files = list(_image_files(columns.column(0), folder, where, first))
            made = pa.table({names[0]: pa.array(files, pa.large_binary())})
            lines = [None if one is None else f"image {_digest(one)}" for one in files]
        else:
            made = columns
            lines = [_line(row) for row in columns.to_pylist()]
        return pa.array(lines, pa.large_string()), made


def told_kind(schema: pa.Schema, first: pa.Table) -> OtherColumns | None:
    """What kind of rows these are by the types of their columns; None where that cannot be told.

    A list of numbers, or lists of them, is a series; bytes, or strings that end as files of images do, are images.
    """
    for field in schema:
        kind = field.type
        if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
            return OtherColumns("series", field.name)
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            return OtherColumns("image", field.name)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            some = [cell for cell in first.column(field.name)[:20].to_pylist() if cell]
            if some and all(cell.lower().endswith(_IMAGE_ENDINGS) for cell in some):
                return OtherColumns("image", field.name)
    return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:24]


def _line(row: Json) -> str | None:
    told = "; ".join(f"{name}={value}" for name, value in row.items() if value is not None)
    return told or None


# --- series --------------------------------------------------------------------------------------------


def _series_cells(column: pa.Array, name: str, where: str, first: int) -> Iterator[Array | None]:
    for place, cell in enumerate(column.to_pylist(), first):
        if isinstance(cell, str):
            with contextlib.suppress(ValueError, RecursionError):
                cell = json.loads(cell) if cell.strip() else None
        if cell is None:
            yield None
            continue
        try:
            yield _channels(np.asarray([_numbers(part) for part in cell], np.float64), place)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"Column {name!r} of {where} holds {str(cell)[:_SHOWN]!r} in row {place} (the first is 0); expected a series: a list "
                "of numbers, or one such list of the same length for each channel."
            ) from error


def _series(row: object, place: int) -> Array:
    """Return a series that came in Python; see `_channels`."""
    try:
        return _channels(np.asarray(row, np.float64), place)
    except (TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"row {place} (the first is 0) holds {str(row)[:_SHOWN]!r}; expected a series: numbers [steps] or [channels, steps]."
        ) from error


def _numbers(part: Any) -> Any:
    if isinstance(part, list):
        return [np.nan if one is None else float(one) for one in part]
    return np.nan if part is None else float(part)


def _channels(values: Array, place: int) -> Array:
    """Return a series as float32 [channels, steps]."""
    if values.ndim not in (1, 2):
        raise DataError(
            f"row {place} (the first is 0) has shape {values.shape}; a series is [steps] or [channels, steps]."
        )
    with np.errstate(over="ignore"):
        return np.atleast_2d(values).astype(np.float32)


def _joined(row: Sequence[Array | None], where: str, place: int) -> Array | None:
    parts = [part for part in row if part is not None]
    if len(parts) < len(row):
        return None
    if len({part.shape[1] for part in parts}) > 1:
        raise DataError(
            f"The channels of row {place} (the first is 0) of {where} have {', '.join(str(part.shape[1]) for part in parts)} steps; "
            "expected as many of each."
        )
    return np.concatenate(parts)


# --- images --------------------------------------------------------------------------------------------


def _image_files(column: pa.Array, folder: Path | None, where: str, first: int) -> Iterator[bytes | None]:
    if pa.types.is_nested(column.type):
        yield from _as_files(column.to_pylist(), first)
        return
    for place, cell in enumerate(column.to_pylist(), first):
        if cell is None or isinstance(cell, bytes):
            yield cell or None
        elif isinstance(cell, str):
            yield _file(cell, folder, where, place) if cell.strip() else None
        else:
            raise DataError(
                f"{where} holds {str(cell)[:_SHOWN]!r} in row {place} (the first is 0) where an image was expected: the path of a file, "
                "its bytes, or an array of its points."
            )


def _file(name: str, folder: Path | None, where: str, place: int) -> bytes:
    path = (folder or Path()) / name
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ValueError("it is no file")  # a device or a pipe may have no end
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path} is larger than {_MOST_BYTES >> 20} MB, which no photograph is. Make it smaller.")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"The image {name!r} in row {place} (the first is 0) of {where} cannot be read at {str(path)!r} ({reason}); paths go from "
            "the folder of the file that names them. Check that the images lie there."
        ) from error


def _as_files(images: Any, first: int = 0) -> list[bytes | None]:
    """Arrays of points, or bytes, as the bytes of PNG files; fractions from 0 to 1 stand for 0 to 255."""
    given = [one if one is None or isinstance(one, bytes) else np.asarray(one) for one in images]
    arrays = [one for one in given if isinstance(one, np.ndarray)]
    fractions = any(one.dtype.kind == "f" for one in arrays) and all(one.size == 0 or one.max() <= 1 for one in arrays)
    return [
        _png(one, place, fractions) if isinstance(one, np.ndarray) else one for place, one in enumerate(given, first)
    ]


def _png(points: Array, place: int, fractions: bool) -> bytes:
    wide = points.dtype == np.uint16
    fits = points.ndim in (2, 3) and points.size and (points.ndim == 2 or points.shape[2] in (1, 3, 4))
    if not fits or points.dtype.kind not in "uifb":
        raise DataError(
            f"the image in row {place} (the first is 0) is an array of shape {points.shape} and type {points.dtype}; expected numbers "
            "[height, width], or [height, width, 3] of red, green and blue."
        )
    scaled = points * 255.0 if fractions else points
    if not np.isfinite(scaled).all() or scaled.min() < 0 or scaled.max() > (65535 if wide else 255):
        raise DataError(
            f"the image in row {place} (the first is 0) holds values from {points.min():g} to {points.max():g}; expected 0 to 255, or "
            "fractions from 0 to 1 in all images. Scale them so."
        )
    pillow = optional("PIL.Image", "images", "Reading images", "pillow")
    whole = scaled.astype(np.uint16) if wide else np.rint(scaled).astype(np.uint8)
    stored = io.BytesIO()
    pillow.fromarray(whole[:, :, 0] if whole.ndim == 3 and whole.shape[2] == 1 else whole).save(
        stored, "PNG", compress_level=1
    )
    return stored.getvalue()
