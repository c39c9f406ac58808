"""Small float32 matrix products inside compiled loops, at the speed of the machine.

A library's matrix product takes longer to call than a recurrent step takes to run. `product` runs
inside the loop: it goes over the result in tiles whose sums stay in registers (Goto and van de Geijn,
"Anatomy of High-Performance Matrix Multiplication", TOMS 2008; operands here fit the first or second
cache, so nothing is packed). On AVX-512 a tile of 4 x 80 sums reaches the machine's peak.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from headstart.arrays import Array, Floats
from headstart.kernels.compiling import compiled
from headstart.kernels.llvm import Builder, Value
from headstart.kernels.simd import ARRAY, INTEGER, LANES, N_REGISTERS, VECTOR, broadcast, instruction, read, write

_ROWS = 4  # rows of a tile
_WIDE, _MIDDLE, _NARROW = (5, 4, 2) if N_REGISTERS == 32 else (3, 2, 1)  # vectors in a tile's row
_I64 = ir.IntType(64)


class Left(NamedTuple):
    """The first matrix of a `product`, flat: element (i, k) stands at ``i * row + k * step``."""

    values: Floats
    row: int
    step: int


class Flat(NamedTuple):
    """A flat matrix, and the distance between its rows, which may be 0: the same row for all."""

    values: Floats
    row: int


def _tile(n_rows: int, n_vectors: int) -> Value:
    """Make the code of one tile: ``c = start + a @ b`` for n_rows rows and n_vectors vectors of columns.

    Each matrix is given as array, offset of the tile's first element, and distance between rows; ``a``
    also as distance between the elements of a row. The sums are the loop's own values, so that LLVM
    keeps them in registers.
    """
    cells = [(row, vector) for row in range(n_rows) for vector in range(n_vectors)]
    matrix = (ARRAY, INTEGER, INTEGER)

    @instruction(types.void, *matrix, INTEGER, *matrix, *matrix, *matrix, INTEGER)
    def tile(
        builder: Builder,
        a: Value, a_at: Value, a_row: Value, a_step: Value,
        b: Value, b_at: Value, b_row: Value,
        start: Value, start_at: Value, start_row: Value,
        c: Value, c_at: Value, c_row: Value,
        depth: Value,
    ) -> None:  # fmt: skip
        def cell(at: Value, distance: Value, row: int, vector: int) -> Value:
            return builder.add(builder.add(at, builder.mul(distance, _I64(row))), _I64(vector * LANES))

        starts = [read(builder, start, cell(start_at, start_row, *where)) for where in cells]
        before = builder.block
        loop, after = builder.append_basic_block("tile"), builder.append_basic_block("tile_end")
        builder.cbranch(builder.icmp_signed(">", depth, _I64(0)), loop, after)

        builder.position_at_end(loop)
        k = builder.phi(_I64)
        sums = [builder.phi(VECTOR) for _ in cells]
        b_k = builder.add(b_at, builder.mul(k, b_row))
        a_k = builder.add(a_at, builder.mul(k, a_step))
        columns = [read(builder, b, builder.add(b_k, _I64(vector * LANES))) for vector in range(n_vectors)]
        scalars = [builder.load(builder.gep(a, [cell(a_k, a_row, row, 0)])) for row in range(n_rows)]
        factors = [broadcast(builder, scalar) for scalar in scalars]
        products = [builder.fmul(factors[row], columns[vector], flags=("contract",)) for row, vector in cells]
        added = [builder.fadd(old, new, flags=("contract",)) for old, new in zip(sums, products, strict=True)]
        following = builder.add(k, _I64(1))
        for phi, first, later in zip([k, *sums], [_I64(0), *starts], [following, *added], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, loop)
        builder.cbranch(builder.icmp_signed("<", following, depth), loop, after)

        builder.position_at_end(after)
        ends = [builder.phi(VECTOR) for _ in cells]
        for phi, first, later in zip(ends, starts, added, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(later, loop)
        for where, total in zip(cells, ends, strict=True):
            write(builder, c, cell(c_at, c_row, *where), total)

    return tile


_block_wide, _block_middle, _block_narrow = _tile(_ROWS, _WIDE), _tile(_ROWS, _MIDDLE), _tile(_ROWS, _NARROW)
_row_wide, _row_middle, _row_narrow = _tile(1, _WIDE), _tile(1, _MIDDLE), _tile(1, _NARROW)


def _plan() -> tuple[Array, list[int]]:
    """For every number of vectors: the tile to begin with, and the least number that tiles cover."""
    best: list[int | None] = [0]  # fewest tiles that cover n vectors, None where none do
    first = [0]
    for n in range(1, 65):
        options = [(best[n - width], -width) for width in (_WIDE, _MIDDLE, _NARROW) if width <= n]
        possible = [(count + 1, width) for count, width in options if count is not None]
        best.append(min(possible)[0] if possible else None)
        first.append(-min(possible)[1] if possible else 0)
    return np.array(first), [n for n in range(65) if best[n] is not None]


_FIRST_TILE, _COVERED = _plan()


def padded(n: int) -> int:
    """Return the width to give a matrix of ``n`` columns, so that whole tiles cover it."""
    n_vectors = -(-n // LANES)
    return LANES * next((covered for covered in _COVERED if covered >= n_vectors), n_vectors)


@compiled(part=True)
def product(left: Left, right: Flat, begin: Flat, into: Flat, n_rows: int, width: int, depth: int) -> None:
    """``into = begin + left @ right`` on flat float32 arrays.

    ``left`` is [n_rows, depth], ``right`` [depth, width], ``begin`` and ``into`` are [n_rows, width] and may be one array.
    ``width`` comes from `padded`; every row of ``right``, ``begin`` and ``into`` has that many elements.
    """
    a, a_row, a_step = left
    b, b_row = right
    start, start_row = begin
    c, c_row = into
    j = 0
    while j < width:
        n_left = (width - j) // LANES
        vectors = _FIRST_TILE[n_left] if n_left < len(_FIRST_TILE) else _WIDE
        i = 0
        while i < n_rows:
            x, s, o = i * a_row, j + i * start_row, j + i * c_row
            whole = i + _ROWS <= n_rows
            if vectors == _WIDE and whole:
                _block_wide(a, x, a_row, a_step, b, j, b_row, start, s, start_row, c, o, c_row, depth)
            elif vectors == _WIDE:
                _row_wide(a, x, a_row, a_step, b, j, b_row, start, s, start_row, c, o, c_row, depth)
            elif vectors == _MIDDLE and whole:
                _block_middle(a, x, a_row, a_step, b, j, b_row, start, s, start_row, c, o, c_row, depth)
            elif vectors == _MIDDLE:
                _row_middle(a, x, a_row, a_step, b, j, b_row, start, s, start_row, c, o, c_row, depth)
            elif whole:
                _block_narrow(a, x, a_row, a_step, b, j, b_row, start, s, start_row, c, o, c_row, depth)
            else:
                _row_narrow(a, x, a_row, a_step, b, j, b_row, start, s, start_row, c, o, c_row, depth)
            i += _ROWS if whole else 1
        j += vectors * LANES
