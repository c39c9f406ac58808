"""Threads and memory shared by the kernels."""

from __future__ import annotations

import multiprocessing
import os
import threading

import pytest

from headstart.errors import OptionError
from headstart.kernels import compiling, workers


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


def test_a_wish_for_threads_is_heard_by_all_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from threadpoolctl import threadpool_info

    def state() -> tuple[object, ...]:
        blas = [pool["num_threads"] for pool in threadpool_info()]
        return workers.n_threads(), torch.get_num_threads(), blas, dict(os.environ)

    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    before = state()
    with workers.threads(3):
        assert (workers.n_threads(), torch.get_num_threads(), workers.wanted_threads()) == (3, 3, 3)
        with workers.threads(1):
            assert workers.n_threads() == torch.get_num_threads() == 1
        assert workers.n_threads() == torch.get_num_threads() == 3
    assert state() == before


@pytest.mark.parametrize("told", ["0", "-1", "two", "1.5", "\u0665x"])
def test_a_wish_that_is_no_number_is_told(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_THREADS", told)
    with pytest.raises(OptionError, match="expected a number of threads from 1 up"):
        workers.n_threads()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("where", ["in the main thread", "in another thread"])
def test_a_forked_child_does_not_wait_for_threads_of_its_parent(where: str) -> None:
    """Torch's pool, which exists once it has worked, and the lock of the compiler, which another thread holds."""
    torch = pytest.importorskip("torch")
    lock = compiling.global_compiler_lock
    found: list[int | None] = []

    def child() -> None:
        with lock:
            (torch.ones(600, 600) @ torch.ones(600, 600)).sum().item()
        os._exit(7 if torch.get_num_threads() == 1 else 8)

    def fork() -> None:
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join(timeout=60)
        found.append(process.exitcode)
        if process.exitcode is None:
            process.kill()

    held, enough = threading.Event(), threading.Event()

    def compile_meanwhile() -> None:
        with lock:
            held.set()
            enough.wait(1)

    other = threading.Thread(target=compile_meanwhile)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        (torch.ones(600, 600) @ torch.ones(600, 600)).sum().item()
        other.start()
        held.wait()
        if where == "in the main thread":
            fork()
        else:
            forking = threading.Thread(target=fork)
            forking.start()
            forking.join()
        assert torch.get_num_threads() == 2
    finally:
        enough.set()
        other.join()
        torch.set_num_threads(before)
    assert found == [7]
