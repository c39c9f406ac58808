"""Reads MXNet's ``.params`` files: what ``export``, ``save_parameters`` and ``mx.nd.save`` write.

The file is a list of array records and then a list of names, little-endian, packed, with no checksum::

    file   = 0x112 (8 bytes) | 0 (8) | n_arrays (8) | record * n_arrays | n_names (8) | name * n_names
    name   = n_bytes (8) | UTF-8
    record = 0xF993FAC9 (4) | storage type (4) | shape | device (8) | type flag (4) | values   (version 2)
    shape  = n_dims (4) | n_dims * size (8)

Version 3 (0xF993FACA, written under NumPy shape semantics) may hold scalars; version 1 (0xF993FAC8) has no
storage type; in the oldest layout the 4 bytes of the magic number are the number of dimensions and each
dimension has 4 bytes. A sparse record (storage type 1 or 2) also holds the shape of its stored values and its
index arrays; it is read into a dense array.

Nothing is believed: every size is held against the bytes that are left in the file before memory is asked for.
"""

from __future__ import annotations

import math
import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import NoReturn

import numpy as np

from headstart.arrays import Array
from headstart.errors import ArtifactError

_FILE_MAGIC = 0x112
_RECORD_VERSIONS = {0xF993FAC8: 1, 0xF993FAC9: 2, 0xF993FACA: 3}
_TYPES = {0: "<f4", 1: "<f8", 2: "<f2", 3: "u1", 4: "<i4", 5: "i1", 6: "<i8", 7: "?", 12: "bfloat16"}
_INDEX_ARRAYS = {0: 0, 1: 1, 2: 2}  # dense, row-sparse, CSR
_MOST_DIMENSIONS = 32
_MOST_ARRAYS = 100_000
_LONGEST_NAME = 4_096
_SMALLEST_RECORD = 4
_SPARSE_ALLOWANCE = 32 << 20
_WORK_PER_INDEX = 48  # bytes of working memory while one sparse value is put in place
_REMEDY = "Copy the file again from where it was saved, or save the network again with MXNet's export."


def read_params(path: str | os.PathLike[str]) -> dict[str, Array] | list[Array]:
    """Return the arrays of a ``.params`` file.

    Args:
        path: the file.

    Returns:
        The arrays by name, in the file's order; or, where the file holds no names (`mx.nd.save` of a
        list), the list of them. Names are as stored: ``arg:`` and ``aux:`` stand before those that
        ``export`` wrote. Values are of the stored type, except bfloat16, which comes as float32.
        Sparse arrays come dense.

    Raises:
        ArtifactError: if the file is missing, is no ``.params`` file, is cut short or damaged, or holds
            what cannot be read; the message says at which byte and array, and what to do.
    """
    path = Path(path)
    try:
        _check_file(path)
        with path.open("rb") as stream:
            return _read(_Reader(path, stream, os.fstat(stream.fileno()).st_size))
    except OSError as error:
        raise ArtifactError(
            f"the parameter file {str(path)!r} cannot be read ({error.strerror or error}). "
            "Check the path and its permissions; expected a file such as 'model-0000.params'."
        ) from error


def _check_file(path: Path) -> None:
    if not stat.S_ISREG(path.stat().st_mode):  # before opening: to open a pipe is to wait for its writer
        raise ArtifactError(
            f"{str(path)!r} is a folder, device or pipe, not a file; "
            "give the path of a saved file such as 'model-0000.params'."
        )


def _read(reader: _Reader) -> dict[str, Array] | list[Array]:
    _check_magic(reader)
    reader.unsigned(8, "the reserved number")
    n_arrays = reader.count("arrays", smallest=_SMALLEST_RECORD)
    arrays: list[Array | None] = []
    for number in range(n_arrays):
        reader.record = f"array {number + 1} of {n_arrays}"
        arrays.append(_read_record(reader))
    reader.record = "the name table"
    names = list(_names(reader))
    if names and len(names) != n_arrays:
        reader.fail(f"there are {len(names):,} names for {n_arrays:,} arrays, which must be as many (or no names)")
    for number, array in enumerate(arrays):
        if array is None:
            label = repr(names[number]) if names else f"number {number + 1}"
            reader.fail(f"array {label} was saved without shape or values, so that it cannot be used")
    whole = [array for array in arrays if array is not None]
    return dict(zip(names, whole, strict=True)) if names else whole


@dataclass
class _Reader:
    """A position in the file, and how to complain about it."""

    path: Path
    stream: BufferedReader
    size: int
    offset: int = 0
    record: str = "the file header"
    sparse_budget: int = field(init=False)

    def __post_init__(self) -> None:
        self.sparse_budget = self.size + _SPARSE_ALLOWANCE

    @property
    def left(self) -> int:
        """Bytes between here and the end of the file."""
        return self.size - self.offset

    def fail(self, fault: str, remedy: str = _REMEDY) -> NoReturn:
        """Raise the error for a fault at this place."""
        raise ArtifactError(
            f"{str(self.path)!r}, {self.record}, at byte {self.offset:,} of {self.size:,}: {fault}. {remedy}"
        )

    def take(self, n_bytes: int, what: str) -> bytes:
        """Return the next `n_bytes` bytes."""
        if n_bytes > self.left:
            self.fail(
                f"{what} needs {n_bytes:,} bytes but only {self.left:,} are left: the file is cut short or damaged"
            )
        data = self.stream.read(n_bytes)
        if len(data) != n_bytes:
            self.fail(f"{what} could not be read whole: the file became shorter while it was read")
        self.offset += n_bytes
        return data

    def unsigned(self, n_bytes: int, what: str) -> int:
        """Return the next whole number without sign."""
        return int.from_bytes(self.take(n_bytes, what), "little")

    def signed(self, what: str) -> int:
        """Return the next four-byte whole number with a sign."""
        return int.from_bytes(self.take(4, what), "little", signed=True)

    def count(self, of_what: str, smallest: int) -> int:
        """Return the next count of things that take at least `smallest` bytes each."""
        count = self.unsigned(8, f"the number of {of_what}")
        if count * smallest > self.left:
            self.fail(f"the file claims to hold {count:,} {of_what}, but only {self.left:,} bytes are left for them")
        if count > _MOST_ARRAYS:
            self.fail(
                f"the file claims to hold {count:,} {of_what}; at most {_MOST_ARRAYS:,} are read",
                "If that is no mistake, save the arrays in several files.",
            )
        return count

    def values(self, dtype: str, shape: tuple[int, ...]) -> Array:
        """Return the next array, in memory of its own and in this machine's byte order."""
        stored = np.dtype({"?": "u1", "bfloat16": "<u2"}.get(dtype, dtype))
        n_bytes = math.prod(shape) * stored.itemsize
        if n_bytes > self.left:
            self.fail(
                f"its shape {shape} of {dtype.lstrip('<')} needs {n_bytes:,} bytes but only {self.left:,} are left, "
                "so the file is cut short or the shape is damaged"
            )
        array: Array = np.empty(shape, stored)
        if n_bytes and self.stream.readinto(array.reshape(-1).view(np.uint8).data) != n_bytes:
            self.fail("its values could not be read whole: the file became shorter while it was read")
        self.offset += n_bytes
        return _decoded(array, dtype)


def _decoded(array: Array, dtype: str) -> Array:
    if dtype == "?":
        return array.astype(np.bool_)
    if dtype == "bfloat16":  # the upper half of a float32
        widened: Array = array.astype(np.uint32) << 16
        return widened.view(np.float32)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _check_magic(reader: _Reader) -> None:
    start = reader.take(min(8, reader.left), "the file header")
    if len(start) == 8 and struct.unpack("<Q", start)[0] == _FILE_MAGIC:
        return
    reader.offset = 0
    hints = {
        b"PK": "it is a zip archive, as MXNet 2 writes: save it from MXNet 1.x, or with mx.nd.save",
        b"{": "it looks like JSON: the graph goes in PREFIX-symbol.json, the values in PREFIX-0000.params",
        b"\x80": "it looks like a Python pickle, which is never opened: save it with MXNet's export instead",
    }
    hint = next((text for mark, text in hints.items() if start.startswith(mark)), "give a file that MXNet saved")
    reader.fail(
        f"this is no MXNet parameter file: it begins with {start!r}, not with the number 0x112", f"Hint: {hint}."
    )


def _names(reader: _Reader) -> Iterator[str]:
    seen: set[str] = set()
    for number in range(reader.count("names", smallest=8)):
        length = reader.unsigned(8, f"the length of name {number + 1}")
        if length > _LONGEST_NAME:
            reader.fail(f"name {number + 1} claims {length:,} bytes; a name may have {_LONGEST_NAME:,} at most")
        raw = reader.take(length, f"name {number + 1}")
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError:
            reader.fail(f"name {number + 1} is {raw[:40]!r}, which is not UTF-8 text")
        if name in seen:
            reader.fail(f"the name {name!r} stands for two arrays, and it cannot be told which of them is meant")
        seen.add(name)
        yield name


def _read_record(reader: _Reader) -> Array | None:
    """Return one array, or None for a record that says "no array"."""
    magic = reader.unsigned(4, "its version number")
    version = _RECORD_VERSIONS.get(magic, 0)
    storage = reader.signed("its storage type") if version >= 2 else 0
    if storage not in _INDEX_ARRAYS:
        reader.fail(f"its storage type is {storage}; expected 0 (dense), 1 (row-sparse) or 2 (CSR)")
    stored_shape = _shape(reader, version) if storage else None
    shape = _shape(reader, version, n_dims=None if version else magic)
    if shape is None:
        return None
    reader.take(8, "its device")
    dtype = _type(reader)
    if storage == 0:
        return reader.values(dtype, shape)
    return _sparse(reader, storage, dtype, shape, stored_shape)


def _shape(reader: _Reader, version: int, n_dims: int | None = None) -> tuple[int, ...] | None:
    n_dims = reader.signed("its number of dimensions") if n_dims is None else n_dims
    if n_dims == (-1 if version == 3 else 0):
        return None
    if not 0 <= n_dims <= _MOST_DIMENSIONS:
        reader.fail(f"it has {n_dims:,} dimensions; expected 0 to {_MOST_DIMENSIONS}")
    width, code = (8, "q") if version else (4, "I")
    sizes: tuple[int, ...] = struct.unpack(f"<{n_dims}{code}", reader.take(width * n_dims, "its shape"))
    if any(size < 0 for size in sizes) or math.prod(max(size, 1) for size in sizes) >= 2**48:
        reader.fail(f"its shape {sizes} has a size below 0 or holds more values than any machine could")
    return sizes


def _type(reader: _Reader) -> str:
    flag = reader.signed("its type flag")
    if flag not in _TYPES:
        reader.fail(f"its type flag is {flag}; the known ones are {sorted(_TYPES)} (0 is float32)")
    return _TYPES[flag]


def _sparse(
    reader: _Reader, storage: int, dtype: str, shape: tuple[int, ...], stored_shape: tuple[int, ...] | None
) -> Array:
    index_shapes = []
    for _ in range(_INDEX_ARRAYS[storage]):
        if _type(reader) != "<i8":
            reader.fail("its index array is not of type int64, as MXNet writes it")
        index_shapes.append(_shape(reader, version=2))
    values = reader.values(dtype, stored_shape or (0,))
    indices = [reader.values("<i8", index_shape or (0,)) for index_shape in index_shapes]
    n_bytes = math.prod(shape) * values.dtype.itemsize
    reader.sparse_budget -= n_bytes + _WORK_PER_INDEX * sum(index.size for index in indices)
    if reader.sparse_budget < 0:
        reader.fail(
            f"it is sparse, of shape {shape}, and would take {n_bytes:,} bytes as a dense array",
            "Turn it into a dense one in MXNet with tostype('default') before saving.",
        )
    dense = np.zeros(shape, values.dtype)
    fill = _fill_rows if storage == 1 else _fill_csr
    if not fill(dense, values, *indices):
        reader.fail("it is sparse and its index arrays do not fit its shape and values")
    return dense


def _fill_rows(dense: Array, values: Array, rows: Array) -> bool:
    """Put `values` [stored, ...] into the rows of `dense` that `rows` [stored] lists in rising order."""
    if values.size == 0 and rows.size == 0:
        return True
    if (
        dense.ndim == 0
        or rows.ndim != 1
        or values.shape != (len(rows), *dense.shape[1:])
        or not _rising(rows, len(dense))
    ):
        return False
    dense[rows] = values
    return True


def _fill_csr(dense: Array, values: Array, starts: Array, columns: Array) -> bool:
    """Put `values` [stored] into `dense` [rows, columns]; row i has those from starts[i] to starts[i + 1]."""
    if dense.ndim != 2 or starts.shape != (len(dense) + 1,) or values.shape != columns.shape or values.ndim != 1:
        return False
    counts = np.diff(starts)
    inside = starts[0] == 0 and starts[-1] == len(values) and starts.min() >= 0 and starts.max() <= len(values)
    if not inside or (counts < 0).any():
        return False
    rows = np.repeat(np.arange(len(dense)), counts)
    if not len(values):
        return True
    if columns.min() < 0 or columns.max() >= dense.shape[1] or not _rising(rows * dense.shape[1] + columns, dense.size):
        return False
    dense[rows, columns] = values
    return True


def _rising(index: Array, end: int) -> bool:
    # Every value is held against the bounds first: the difference of two wild ones may overflow and look right.
    return bool(index.min() >= 0 and index.max() < end and (np.diff(index) > 0).all())
