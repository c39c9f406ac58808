"""Names for what Numba and LLVM hand to functions that make code: neither has types of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Context = Any
"""Numba's, of the function that is being compiled."""
Builder = Any
"""``llvmlite.ir.IRBuilder``."""
Signature = Any
"""Numba's types of what a function takes and gives."""
Kind = Any
"""A type of Numba's."""
Value = Any
"""A value in the code that is made; ``llvmlite.ir.Value``."""
Lanes = Any
"""In compiled code: several float32, or truth values, as one."""
Emit = Callable[..., Value]
"""``emit(builder, *values) -> value``."""
Compiled = Callable[..., Any]
"""A function that compiled code, or Python, calls."""
Untyped = Any
"""A part of Numba."""
