"""Buffers that are used again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from headstart.kernels import memory


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    memory.release_all()


@pytest.mark.parametrize("shape", [(0,), (1,), (1000,), (7, 5, 3), (300_000,)])
def test_an_array_has_the_shape_and_begins_on_a_cache_line(shape: tuple[int, ...]) -> None:
    array = memory.borrow(*shape)
    assert array.shape == shape
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.ctypes.data % 64 == 0


def test_memory_is_used_again_but_never_by_two_at_once() -> None:
    held = [memory.borrow(1000) for _ in range(4)]
    addresses = {array.ctypes.data for array in held}
    assert len(addresses) == 4
    del held
    again = [memory.borrow(900) for _ in range(4)]
    assert {array.ctypes.data for array in again} == addresses


KEEPERS: dict[str, Callable[[Any], Any]] = {
    "view": lambda array: array[3:, 5],
    "tensor": torch.from_numpy,
    "slice of a tensor": lambda array: torch.from_numpy(array)[2:4],
}


@pytest.mark.parametrize("keep", KEEPERS)
def test_whatever_looks_at_it_keeps_it(keep: str) -> None:
    array = memory.borrow(10, 100)
    array[:] = 7.0
    kept = KEEPERS[keep](array)
    del array
    other = memory.borrow(10, 100)
    other[:] = 1.0
    assert (kept == 7.0).all()


def test_the_smallest_that_fits_is_taken() -> None:
    large, small = memory.borrow(1 << 20), memory.borrow(1 << 17)
    address = small.ctypes.data
    del large, small
    assert memory.borrow((1 << 17) - 5).ctypes.data == address


def test_threads_do_not_share() -> None:
    wrong = []

    def work(number: int) -> None:
        for _ in range(200):
            array = memory.borrow(500)
            array[:] = number
            if not (array == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_limited_number_is_kept() -> None:
    held = [memory.borrow(100) for _ in range(60)]
    del held
    assert sum(map(len, memory._free)) == memory._MOST_FREE
    memory.release_all()
    assert not any(memory._free)
