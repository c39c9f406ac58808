"""SIMD values: each operation against NumPy, on arrays whose end is not a whole vector."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
import torch

from headstart.kernels.activations import sigmoid, tanh
from headstart.kernels.simd import (
    LANES,
    aligned,
    any_lane,
    clamp,
    fill,
    first,
    flush_denormals,
    greater,
    load,
    load_some,
    not_a_number,
    put_back_denormals,
    root,
    select,
    store,
    store_some,
)

VALUES = np.array([-np.inf, -30.0, -1.5, -1e-3, -0.0, 1e-20, 0.25, 0.5, 2.0, 7.9, 30.0, np.inf, np.nan], np.float32)


def over(operation: Any) -> Any:
    """The operation applied to whole arrays, vector by vector."""

    @numba.njit
    def run(x, y, out):  # type: ignore[no-untyped-def]
        for i in range(0, len(x), LANES):
            inside = first(len(x) - i)
            store_some(out, i, inside, operation(load_some(x, i, inside), load_some(y, i, inside)))

    def call(x: Any, y: Any) -> Any:
        out = np.full(len(x) + 3, 77.0, np.float32)
        run(x, y, out)
        assert (out[len(x) :] == 77.0).all()  # nothing is written behind the end
        return out[: len(x)]

    return call


OPERATIONS: dict[str, tuple[Any, Any]] = {
    "add": (numba.njit(lambda x, y: x + y), np.add),
    "subtract": (numba.njit(lambda x, y: x - y), np.subtract),
    "multiply": (numba.njit(lambda x, y: x * y), np.multiply),
    "divide": (numba.njit(lambda x, y: x / y), np.divide),
    "fill": (numba.njit(lambda x, y: fill(np.float32(1.5))), lambda x, y: np.full_like(x, 1.5)),
    "root": (numba.njit(lambda x, y: root(x * x)), lambda x, y: np.sqrt(x * x)),
    "clamp": (numba.njit(lambda x, y: clamp(x, np.float32(2.0))), lambda x, y: np.clip(x, -2, 2)),
    "larger": (numba.njit(lambda x, y: select(greater(x, y), x, y)), lambda x, y: np.where(x > y, x, y)),
    "mend": (numba.njit(lambda x, y: select(not_a_number(x), y, x)), lambda x, y: np.where(np.isnan(x), y, x)),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("n", [1, LANES, 2 * LANES + 3])
def test_an_operation_equals_numpys(name: str, n: int) -> None:
    operation, expected = OPERATIONS[name]
    x, y = np.resize(VALUES, n), np.resize(np.roll(VALUES, 5), n)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(over(operation)(x, y), expected(x, y))


@pytest.mark.parametrize(
    ("function", "reference", "error"),
    [(tanh, np.tanh, 5e-7), (sigmoid, lambda x: 1 / (1 + np.exp(-x)), 3e-7)],
    ids=["tanh", "sigmoid"],
)
def test_an_activation_is_right_to_float32_rounding(function: Any, reference: Any, error: float) -> None:
    x = np.linspace(-25, 25, 100_001).astype(np.float32)
    run = over(numba.njit(lambda x, y: function(x)))
    assert np.abs(run(x, x) - reference(x.astype(np.float64))).max() < error
    limits = run(VALUES, VALUES)
    assert np.isnan(limits[-1])
    assert np.abs(limits[[0, -2]] - reference(np.array([-40.0, 40.0]))).max() < error


def test_whole_vectors_move_at_any_alignment() -> None:
    @numba.njit
    def shift(x, out, start):  # type: ignore[no-untyped-def]
        store(out, start, load(x, start + 1))

    x, out = np.arange(2 * LANES + 2, dtype=np.float32), np.zeros(2 * LANES + 2, np.float32)
    shift(x, out, 1)
    np.testing.assert_array_equal(out[1 : LANES + 1], x[2 : LANES + 2])


@pytest.mark.parametrize("place", [None, 0, LANES - 1])
def test_any_lane_sees_every_lane(place: int | None) -> None:
    @numba.njit
    def has_positive(x):  # type: ignore[no-untyped-def]
        return any_lane(greater(load(x, 0), fill(np.float32(0.0))))

    x = np.zeros(LANES, np.float32)
    if place is not None:
        x[place] = 1.0
    assert has_positive(x) is (place is not None)


def test_denormals_are_flushed_inside_and_the_thread_is_left_as_it_was() -> None:
    @numba.njit
    def halve(x, flush):  # type: ignore[no-untyped-def]
        before = flush_denormals() if flush else np.uint32(0)
        x[0] = x[0] * np.float32(0.5)
        if flush:
            put_back_denormals(before)

    torch.set_flush_denormal(False)
    tiny = np.float32(1e-38)
    kept, flushed, after = (np.array([tiny]) for _ in range(3))
    halve(kept, False)
    halve(flushed, True)
    halve(after, False)
    assert kept[0] == after[0] == tiny * np.float32(0.5)
    assert flushed[0] in (0.0, kept[0])  # other machines than x86 need no flushing


def test_aligned_memory_begins_on_a_cache_line_and_is_zero() -> None:
    for n in (1, 7, 100):
        memory = aligned(n, 3)
        assert memory.ctypes.data % 64 == 0
        assert len(memory) == 3 * n + LANES
        assert not memory.any()
