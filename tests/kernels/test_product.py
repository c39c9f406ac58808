"""The matrix product inside compiled loops, against NumPy's in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headstart.kernels.product import Flat, Left, padded, product
from headstart.kernels.simd import LANES, aligned


def laid(matrix: Any, width: int) -> Any:
    """A matrix as `product` takes it: flat, its rows ``width`` apart."""
    flat = aligned(len(matrix), width)
    flat[: len(matrix) * width].reshape(len(matrix), width)[:, : matrix.shape[1]] = matrix
    return flat


@pytest.mark.parametrize("n_rows", [0, 1, 3, 4, 9, 64])
@pytest.mark.parametrize("depth", [0, 1, 50])
@pytest.mark.parametrize("columns", [1, 16, 33, 64, 100, 150, 300])
def test_equals_numpys(n_rows: int, depth: int, columns: int) -> None:
    rng = np.random.default_rng([n_rows, depth, columns])
    a, b = rng.standard_normal((n_rows, depth)), rng.standard_normal((depth, columns))
    bias = rng.standard_normal((1, columns))
    width = padded(columns)
    c = aligned(n_rows, width)
    left, right, begin = Left(laid(a, depth), depth, 1), Flat(laid(b, width), width), Flat(laid(bias, width), 0)
    product(left, right, begin, Flat(c, width), n_rows, width, depth)
    found = c[: n_rows * width].reshape(n_rows, width)
    np.testing.assert_allclose(found[:, :columns], a @ b + bias, rtol=0, atol=2e-5)
    assert not c[n_rows * width :].any()


def test_adds_to_its_own_result_and_reads_a_transposed() -> None:
    rng = np.random.default_rng(0)
    a, b, start = rng.standard_normal((30, 7)), rng.standard_normal((30, 40)), rng.standard_normal((7, 40))
    width = padded(40)
    c = laid(start, width)
    product(Left(laid(a, 7), 1, 7), Flat(laid(b, width), width), Flat(c, width), Flat(c, width), 7, width, 30)
    np.testing.assert_allclose(c[: 7 * width].reshape(7, width)[:, :40], start + a.T @ b, atol=2e-5)


@pytest.mark.parametrize("columns", [*range(1, 70), 1000, 3001])
def test_padding_is_whole_vectors_and_little(columns: int) -> None:
    width = padded(columns)
    assert width % LANES == 0
    assert columns <= width < columns + 2 * LANES
