"""The compiled GRU against the formula written out in NumPy, float64, one token after another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from headstart.kernels import workers
from headstart.kernels.bidirectional import GRUDirection, Pass
from headstart.kernels.gru import BLOCK


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def reference(table: Any, index: Any, lengths: Any, parameters: list[Any]) -> Any:
    """States by the formula."""
    size, n_directions = parameters[1].shape[1], len(parameters) // 4
    states = np.zeros((*index.shape, n_directions * size))
    for d in range(n_directions):
        w, u, b, c = parameters[4 * d : 4 * d + 4]
        for row, length in enumerate(lengths):
            h: Any = np.zeros(size)
            for at in range(length) if d == 0 else range(length - 1, -1, -1):
                xr, xz, xn = np.split(w.astype(float) @ table[index[row, at]] + b, 3)
                hr, hz, hn = np.split(u.astype(float) @ h + c, 3)
                r, z = sigmoid(xr + hr), sigmoid(xz + hz)
                n = np.tanh(xn + r * hn)
                h = n + z * (h - n)
                states[row, at, d * size : (d + 1) * size] = h
    return states


def a_batch(lengths: Any, *, size: int = 5, hidden: int = 6, n_directions: int = 2, n_words: int = 9) -> Any:
    """Table, index, lengths, parameters, drawn at random."""
    rng = np.random.default_rng([len(lengths), size, hidden])
    draw = lambda *shape: rng.uniform(-0.5, 0.5, shape).astype(np.float32)  # noqa: E731
    shapes = [(3 * hidden, size), (3 * hidden, hidden), (3 * hidden,), (3 * hidden,)] * n_directions
    parameters = [draw(*shape) for shape in shapes]
    index = rng.integers(0, n_words, (len(lengths), max(lengths))).astype(np.int32)
    return 4 * draw(n_words, size), index, np.array(lengths, np.int64), parameters


def a_pass(batch: Any, *, keep: bool = True) -> Pass:
    table, index, lengths, parameters = batch
    directions = [parameters[start : start + 4] for start in range(0, len(parameters), 4)]
    return Pass(GRUDirection, table, index, lengths, directions, keep=keep)


def run(batch: Any, d_states: Any = None) -> Any:
    """States, and the gradients along table and parameters in one list if ``d_states`` are given."""
    table, index, lengths, parameters = batch
    states = np.full((*index.shape, len(parameters) // 4 * parameters[1].shape[1]), 99.0, np.float32)
    one = a_pass((table, index, lengths, parameters))
    one.forward(states)
    if d_states is None:
        return states
    d_table, d_parameters = one.backward(d_states, states)
    return states, [d_table, *d_parameters]


LENGTHS = {
    "one row": [7],
    "one token": [1],
    "with empty rows": [3, 0, 9, 1, 0, 4],
    "equal": [5, 5, 5, 5],
    "a full block": list(np.random.default_rng(1).integers(0, 12, BLOCK)),
    "more than a block": list(np.random.default_rng(2).integers(0, 12, BLOCK + 3)),
}


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("n_directions", [1, 2])
def test_states_follow_the_formula_and_padding_is_zero(lengths: list[int], n_directions: int) -> None:
    batch = a_batch(lengths, n_directions=n_directions)
    np.testing.assert_allclose(run(batch), reference(*batch), atol=1e-6)


def test_a_pass_that_keeps_nothing_has_the_same_states_and_no_way_back() -> None:
    batch = a_batch([4, 2, 0, 3, 1])
    one, states = a_pass(batch, keep=False), np.empty((5, 4, 12), np.float32)
    one.forward(states)
    assert states.tobytes() == run(batch).tobytes()
    with pytest.raises(ValueError, match="keep=True"):
        one.backward(np.ones_like(states), states)


@pytest.mark.parametrize("hidden", [1, 8, 16, 50, 64, 67])
@pytest.mark.parametrize("size", [1, 64, 70])
def test_any_size_works(size: int, hidden: int) -> None:
    batch = a_batch([4, 2, 0, 3, 1], size=size, hidden=hidden)
    np.testing.assert_allclose(run(batch), reference(*batch), atol=2e-6)


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_slopes_predict_what_a_small_change_does(lengths: list[int]) -> None:
    batch = a_batch(lengths)
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((*batch[1].shape, 12)).astype(np.float32)
    _, gradients = run(batch, weight)
    inputs = [batch[0], *batch[3]]
    for array, slope in zip(inputs, gradients, strict=True):
        assert slope.shape == array.shape
        change = rng.standard_normal(array.shape)
        step = 1e-4
        values = []
        for sign in (1, -1):
            moved = [a.astype(float) + (sign * step * change if a is array else 0.0) for a in inputs]
            values.append((reference(moved[0], batch[1], batch[2], moved[1:]) * weight).sum())
        expected = (values[0] - values[1]) / (2 * step)
        assert (slope * change).sum() == pytest.approx(expected, rel=1e-4, abs=2e-4)


def test_one_and_two_threads_give_the_same_bits_and_more_differ_by_rounding() -> None:
    batch = a_batch(list(np.random.default_rng(3).integers(0, 60, 96)), n_words=700)
    weight = np.random.default_rng(4).standard_normal((*batch[1].shape, 12)).astype(np.float32)
    found: dict[int, list[Any]] = {}
    for n in (1, 2, 2, 5):
        with workers.limit_threads(n):
            states, gradients = run(batch, weight)
        if n in (1, 2):
            for before, now in zip(found.get(1, []), [states, *gradients], strict=False):
                np.testing.assert_array_equal(before, now)
        found[n] = [states, *gradients]
    for one, many in zip(found[1], found[5], strict=True):
        np.testing.assert_allclose(many, one, rtol=1e-5, atol=1e-4)


def test_passes_may_run_side_by_side() -> None:
    batches = [a_batch(list(np.random.default_rng(seed).integers(1, 40, 70))) for seed in range(6)]
    weights = [np.ones((*batch[1].shape, 12), np.float32) for batch in batches]
    alone = [run(*both) for both in zip(batches, weights, strict=True)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(run, batches, weights))
    for (states, gradients), (expected, expected_slopes) in zip(together, alone, strict=True):
        np.testing.assert_array_equal(states, expected)
        for slope, other in zip(gradients, expected_slopes, strict=True):
            np.testing.assert_array_equal(slope, other)


def test_backward_may_be_asked_for_twice() -> None:
    table, index, lengths, parameters = batch = a_batch([5, 3, 8])
    states = np.empty((*index.shape, 12), np.float32)
    one = a_pass((table, index, lengths, parameters))
    one.forward(states)
    run(batch, states)  # others use the shared memory in between
    first, second = one.backward(states, states), one.backward(states, states)
    for one_time, other_time in zip((first[0], *first[1]), (second[0], *second[1]), strict=True):
        np.testing.assert_array_equal(one_time, other_time)


def test_a_nan_spreads_over_its_row_and_no_further() -> None:
    table, index, lengths, parameters = a_batch([4, 4], n_words=9)
    index[:] = [[1, 2, 3, 4], [5, 6, 7, 8]]
    table[2] = np.nan
    states = run((table, index, lengths, parameters))
    assert np.isnan(states[0, 1:, :6]).all()
    assert np.isnan(states[0, :2, 6:]).all()
    assert np.isfinite(states[1]).all()


def test_vanishing_slopes_do_not_become_denormal() -> None:
    batch = a_batch([400], n_directions=1)
    for array in batch[3]:
        array[:] = 0.0
    weight = np.zeros((1, 400, 6), np.float32)
    weight[0, -1] = 1.0  # each step back halves the slope
    _, gradients = run(batch, weight)
    assert all(((slope == 0) | (np.abs(slope) > 1e-37)).all() for slope in gradients)
