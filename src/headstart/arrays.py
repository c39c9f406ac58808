"""Names for the arrays that pass between modules, by what they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ids = NDArray[np.int32]
"""Token ids, and whatever else counts below two thousand million."""
Places = NDArray[np.int64]
"""Positions, offsets and row numbers."""
Bytes = NDArray[np.uint8]
Codes = NDArray[np.uint64]
"""64 bits a value: keys and slots of tables."""
Flags = NDArray[np.bool_]
Strings = NDArray[np.object_]
Array = NDArray[Any]
"""Of any kind of number."""
Csr = Any
"""A sparse matrix of SciPy in rows, which has no types of its own."""
