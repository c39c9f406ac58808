"""Arrays in a folder, mapped into memory by every process that works on a comparison: one copy for all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from headstart.arrays import Array
from headstart.plain import Facts, Json


def save_sparse(folder: Path, name: str, matrix: Any) -> None:
    """Write a CSR matrix as three arrays."""
    for part in ("data", "indices", "indptr"):
        np.save(folder / f"{name}.{part}.npy", getattr(matrix, part))
    np.save(folder / f"{name}.shape.npy", np.array(matrix.shape, np.int64))


def load_sparse(folder: Path, name: str) -> Any:
    """Map a CSR matrix that `save_sparse` wrote."""
    data, indices, indptr = (_mapped(folder / f"{name}.{part}.npy") for part in ("data", "indices", "indptr"))
    shape = tuple(int(n) for n in np.load(folder / f"{name}.shape.npy"))
    return sp.csr_matrix((data, indices, indptr), shape=shape, copy=False)


def load_array(folder: Path, name: str) -> Array:
    """Map an array."""
    return _mapped(folder / f"{name}.npy")


def save_table(folder: Path, name: str, table: pa.Table) -> None:
    """Write a table as an Arrow file."""
    with pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def load_table(folder: Path, name: str) -> pa.Table:
    """Map a table that `save_table` wrote."""
    return pa.ipc.open_file(pa.memory_map(str(folder / f"{name}.arrow"))).read_all()


def load_strings(folder: Path, name: str) -> list[str]:
    """Read the one column of a table as strings."""
    strings: list[str] = load_table(folder, name).column(0).to_pylist()
    return strings


def save_facts(folder: Path, name: str, facts: Facts) -> None:
    """Write plain values as JSON."""
    (folder / f"{name}.json").write_text(json.dumps(facts), encoding="utf-8")


def load_facts(folder: Path, name: str) -> Json:
    """Read plain values."""
    facts: Json = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return facts


def _mapped(path: Path) -> Array:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    # An empty file cannot be mapped, and NumPy then gives what it read: both are arrays.
    return np.asarray(array)
