"""Tasks over the cores: one process a core with one thread each, rows written as they come."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from headstart import errors
from headstart.children import Child
from headstart.comparison.fits import Fit, perform
from headstart.comparison.log import RowLog
from headstart.comparison.workspace import Workspace
from headstart.errors import HeadstartError
from headstart.plain import Facts, Json
from headstart.strategies import Strategy

Progress = Callable[[int, int, float | None, str], None]
"""Told after every fit: fits done, fits in all, seconds left (None if unknown), what was done last."""

_ONE_THREAD = ("HEADSTART_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def run_tasks(
    tasks: Sequence[Fit],
    strategies: Mapping[str, Strategy],
    workspace: Workspace,
    log: RowLog,
    *,
    keep: Callable[[Fit], bool],
    n_jobs: int,
    progress: Progress,
) -> None:
    """Do what is not in the log yet.

    Args:
        tasks: in the order of doing.
        strategies: by name.
        workspace: opened; workers open it again from its folder.
        log: where rows go.
        keep: whether a task's predictor is wanted.
        n_jobs: processes; with 1, all is done in this one.
        progress: told after every fit.
    """
    waiting = [task for task in tasks if task not in log.rows]
    clock = _Clock(tasks, strategies, log, n_jobs)
    progress(len(tasks) - len(waiting), len(tasks), clock.seconds_left(waiting), "")

    def done(task: Fit, row: Facts, left: Sequence[Fit]) -> None:
        log.add(row)
        clock.learn(task, row["seconds"])
        progress(len(tasks) - len(left), len(tasks), clock.seconds_left(left), task.key)

    if n_jobs <= 1 or len(waiting) < 2:
        for i, task in enumerate(waiting):
            row = perform(workspace, strategies[task.strategy], task, log.folder, keep=keep(task))
            done(task, row, waiting[i + 1 :])
        return
    _Pool(workspace.folder, log.folder, n_jobs).run(waiting, keep, done)


class _Clock:
    """Guesses the time left from what each strategy has taken so far."""

    def __init__(self, tasks: Sequence[Fit], strategies: Mapping[str, Strategy], log: RowLog, n_jobs: int) -> None:
        self._n_jobs = max(1, n_jobs)
        self._taken = {
            name: [strategy.seconds, 100.0 if strategy.unlabelled else 1100.0] for name, strategy in strategies.items()
        }
        for task in tasks:
            if task in log.rows:
                self.learn(task, log.rows[task]["seconds"])

    def learn(self, task: Fit, seconds: float) -> None:
        """Take in one fit; what is measured soon outweighs the first guess."""
        taken = self._taken[task.strategy]
        taken[0] = 0.3 * taken[0] + seconds
        taken[1] = 0.3 * taken[1] + task.budget + 100.0

    def seconds_left(self, waiting: Sequence[Fit]) -> float | None:
        """Return about how long the rest will take."""
        total = sum(
            self._taken[task.strategy][0] / self._taken[task.strategy][1] * (task.budget + 100.0) for task in waiting
        )
        return total / self._n_jobs


class _Pool:
    """Worker processes, each fed by a thread."""

    def __init__(self, folder: Path, out: Path, n_jobs: int) -> None:
        self._arguments = (str(folder.absolute()), str(out.absolute()))
        self._n_jobs = n_jobs
        self._stopped = threading.Event()

    def run(
        self,
        waiting: Sequence[Fit],
        keep: Callable[[Fit], bool],
        done: Callable[[Fit, Facts, Sequence[Fit]], None],
    ) -> None:
        """Do all tasks; the first failure stops the rest and is raised here."""
        left = list(waiting)
        todo: queue.SimpleQueue[Fit] = queue.SimpleQueue()
        for task in waiting:
            todo.put(task)
        answers: queue.SimpleQueue[tuple[Fit | None, Json]] = queue.SimpleQueue()
        processes = [
            Child("headstart.comparison.worker:serve", *self._arguments, variables=dict.fromkeys(_ONE_THREAD, "1"))
            for _ in range(min(self._n_jobs, len(waiting)))
        ]
        threads = [
            threading.Thread(target=self._feed, args=(process, todo, keep, answers), daemon=True)
            for process in processes
        ]
        try:
            for thread in threads:
                thread.start()
            while left:
                ended, answer = answers.get()
                if ended is None or "row" not in answer:
                    raise _failure(ended, answer)
                left.remove(ended)
                done(ended, answer["row"], left)
        finally:
            self._stopped.set()
            for process in processes:
                if left:
                    process.kill()
                with contextlib.suppress(OSError):  # it may be gone, with something for it still in the pipe
                    if process.stdin is not None:
                        process.stdin.close()
            for process, thread in zip(processes, threads, strict=True):
                process.wait()
                thread.join(timeout=5)
                if process.stdout is not None:
                    process.stdout.close()

    def _feed(
        self,
        process: Child,
        todo: queue.SimpleQueue[Fit],
        keep: Callable[[Fit], bool],
        answers: queue.SimpleQueue[tuple[Fit | None, Json]],
    ) -> None:
        task: Fit | None = None
        try:
            while not self._stopped.is_set():
                try:
                    task = todo.get_nowait()
                except queue.Empty:
                    return
                asked = {"task": {"strategy": task.strategy, "budget": task.budget, "seed": task.seed}}
                line = process.ask(json.dumps({**asked, "keep": keep(task)}))
                if not line:
                    answers.put((task, {"error": f"the process ended with code {process.wait()}"}))
                    return
                answers.put((task, json.loads(line)))
        except (OSError, ValueError) as error:
            answers.put((task, {"error": f"the process cannot be reached: {error}"}))


def _failure(task: Fit | None, answer: Facts) -> Exception:
    """Return the error of a worker: one of ours as it was, anything else with its traceback."""
    kind = getattr(errors, str(answer.get("kind")), None)
    message = str(answer.get("error"))
    if isinstance(kind, type) and issubclass(kind, HeadstartError) and kind is not errors.MissingDependencyError:
        raised: Exception = kind(message.partition(": ")[2])
        return raised
    where = "" if task is None else f" while fitting {task.strategy} on {task.budget} labels (seed {task.seed})"
    return RuntimeError(f"a worker failed{where}: {message}\n{answer.get('traceback', '')}")
