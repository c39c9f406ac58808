"""Threads and memory shared by the kernels."""

from __future__ import annotations

import multiprocessing
import os
import threading

import pytest

from headstart.errors import OptionError
from headstart.kernels import workers


@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_task_runs_once_and_the_caller_works_too(n: int) -> None:
    done: list[tuple[int, int]] = []
    with workers.limit_threads(n):
        workers.run([lambda i=i: done.append((i, threading.get_ident())) for i in range(20)])  # type: ignore[misc]
    assert sorted(i for i, _ in done) == list(range(20))
    assert len({thread for _, thread in done}) <= n


@pytest.mark.parametrize("failing", [0, 3])
def test_an_error_reaches_the_caller_after_the_rest_has_run(failing: int) -> None:
    done = []

    def task(i: int) -> None:
        if i == failing:
            raise ValueError(f"task {i} failed")
        done.append(i)

    with workers.limit_threads(2), pytest.raises(ValueError, match=f"task {failing} failed"):
        workers.run([lambda i=i: task(i) for i in range(4)])  # type: ignore[misc]


def test_a_limit_holds_for_its_thread_and_is_put_back() -> None:
    outside = workers.n_threads()
    seen = []
    with workers.limit_threads(7):
        other = threading.Thread(target=lambda: seen.append(workers.n_threads()))
        other.start()
        other.join()
        assert workers.n_threads() == 7
        with workers.limit_threads(1):
            assert workers.n_threads() == 1
    assert seen == [outside]
    assert workers.n_threads() == outside


@pytest.mark.parametrize(("value", "expected"), [("3", 3), ("0", None), ("many", None), ("900", 16)])
def test_the_usual_variable_limits_threads(value: str, expected: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    free = workers.n_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert workers.n_threads() == (free if expected is None else expected)


def test_no_threads_is_an_error() -> None:
    with (
        pytest.raises(OptionError, match=r"0 threads cannot do any work\. Give a number of threads"),
        workers.limit_threads(0),
    ):
        pass


@pytest.mark.parametrize(("n", "parts", "least"), [(10, 3, 1), (10, 3, 4), (1, 4, 1), (0, 4, 1), (5, 2, 100)])
def test_shares_cover_everything_in_order(n: int, parts: int, least: int) -> None:
    cuts = workers.shares(n, parts, least)
    assert [i for cut in cuts for i in range(cut.start, cut.stop)] == list(range(n))
    assert len(cuts) <= parts
    assert all(cut.stop - cut.start >= min(least, n) for cut in cuts)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_makes_threads_of_its_own() -> None:
    with workers.limit_threads(2):
        workers.run([int, int])
        child = multiprocessing.get_context("fork").Process(target=workers.run, args=([int, int],))
        child.start()
        child.join(20)
    assert child.exitcode == 0
