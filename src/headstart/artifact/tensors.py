"""Named arrays in a safetensors file, byte for byte the same for the same arrays.

The file is what ``safetensors.numpy.save_file`` writes (a test holds us to it), and any safetensors reader
opens it. The header is written here, not by the library, for two reasons. Our bytes must not change with
the library's version. And a reader that knows from the manifest what the header has to say compares it
and never parses it, so that nothing is left in it to be hostile with.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from headstart.arrays import Array
from headstart.artifact.faults import damaged, shortened
from headstart.errors import ArtifactError
from headstart.plain import Facts
from headstart.records import REMEDY, Record, Text, Whole

# In the order of safetensors' own list: tensors are stored by falling place in it, then by name, which
# keeps every tensor aligned to its item size.
DTYPES = {
    name: np.dtype(code)
    for name, code in (
        ("BOOL", "?"), ("U8", "u1"), ("I8", "i1"), ("I16", "<i2"), ("U16", "<u2"), ("F16", "<f2"),
        ("I32", "<i4"), ("U32", "<u4"), ("F32", "<f4"), ("F64", "<f8"), ("I64", "<i8"), ("U64", "<u8"),
    )
}  # fmt: skip
MAX_DIMENSIONS = 32
_RANKS = {name: rank for rank, name in enumerate(DTYPES)}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_LARGEST = 2**48  # bytes of one tensor: more than any disk, and far from where arithmetic overflows


class TensorEntry(Record, frozen=True):
    """What is known of one tensor before its file is opened.

    Attributes:
        dtype: a key of `DTYPES`.
        shape: sizes, () for a single number.
    """

    dtype: Text
    shape: Annotated[tuple[Whole, ...], Meta(max_length=MAX_DIMENSIONS)]

    @property
    def n_values(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def n_bytes(self) -> int:
        """Bytes of its values."""
        return self.n_values * DTYPES[self.dtype].itemsize

    def check(self, where: str) -> None:
        """Raise `ArtifactError` if no array can have this type and shape."""
        if self.dtype not in DTYPES:
            raise ArtifactError(f"{where} is of {shortened(self.dtype)}, expected one of {', '.join(DTYPES)}. {REMEDY}")
        # Zeros are left out: NumPy refuses an empty array of impossible sizes, too.
        if math.prod(size or 1 for size in self.shape) > _LARGEST // DTYPES[self.dtype].itemsize:
            raise ArtifactError(f"{where} has the impossible shape {shortened(list(self.shape))}. {REMEDY}")


def entries_of(arrays: Facts, where: str) -> dict[str, TensorEntry]:
    """Return the entry of each array.

    Raises:
        ArtifactError: for a name or a type that safetensors cannot hold.
    """
    return {_checked_name(name, where): _entry(array, f"{where}.{name}") for name, array in arrays.items()}


def _checked_name(name: object, where: str) -> str:
    try:
        fits = type(name) is str and name != "__metadata__" and len(name.encode()) <= 1000
    except UnicodeEncodeError:
        fits = False
    if not fits:
        raise ArtifactError(
            f"a tensor of {where} is called {shortened(name)}; give it another name, of 1 to 1,000 bytes of UTF-8 text."
        )
    return str(name)


def _entry(array: Any, where: str) -> TensorEntry:
    dtype = _NAMES.get(array.dtype.newbyteorder("<")) if isinstance(array, np.ndarray) else None
    if dtype is None or array.ndim > MAX_DIMENSIONS:
        found = f"a NumPy array of {array.dtype}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
        raise ArtifactError(
            f"the tensor {where} is {found}; a model stores NumPy arrays of {', '.join(str(d) for d in _NAMES)} "
            f"with at most {MAX_DIMENSIONS} dimensions. Convert it with numpy.asarray(..., dtype=...)."
        )
    return TensorEntry(dtype, tuple(array.shape))


def _ordered(table: Mapping[str, TensorEntry]) -> list[tuple[str, TensorEntry]]:
    return sorted(table.items(), key=lambda item: (-_RANKS[item[1].dtype], item[0].encode()))


def header(table: Mapping[str, TensorEntry]) -> bytes:
    """Return what stands before the values: its length in 8 bytes, JSON, spaces up to a multiple of 8."""
    start, described = 0, {}
    for name, entry in _ordered(table):
        end = start + entry.n_bytes
        described[name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def total_bytes(table: Mapping[str, TensorEntry]) -> int:
    """Return the size of the whole file."""
    return len(header(table)) + sum(entry.n_bytes for entry in table.values())


def raw_bytes(arrays: Mapping[str, Array], table: Mapping[str, TensorEntry]) -> Iterator[memoryview]:
    """Yield the file piece by piece: the header, then each tensor's values, little-endian and in C order."""
    yield memoryview(header(table))
    for name, entry in _ordered(table):
        values = np.asarray(arrays[name], dtype=DTYPES[entry.dtype], order="C")
        yield values.reshape(-1).view(np.uint8).data


def arrays_in(file: NDArray[np.uint8], table: Mapping[str, TensorEntry], path: Path) -> dict[str, Array]:
    """Return the tensors of a file whose size and header were checked, as views of it, sorted by name.

    Args:
        file: all its bytes, uint8 [total_bytes(table)].
        table: what is in it.
        path: for messages.

    Raises:
        ArtifactError: if a bool is neither 0 nor 1.
    """
    start, arrays = len(header(table)), {}
    for name, entry in _ordered(table):
        values = file[start : start + entry.n_bytes]
        if entry.dtype == "BOOL" and values.size and values.max() > 1:
            raise damaged(path, f"holds a byte in the bool tensor {shortened(name)} that is neither 0 nor 1")
        arrays[name] = values.view(DTYPES[entry.dtype]).reshape(entry.shape)
        start += entry.n_bytes
    return {name: arrays[name] for name in sorted(arrays)}
