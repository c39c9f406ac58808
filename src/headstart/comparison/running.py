"""Fits wherever an executor does them: rows written as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from headstart.comparison.fits import Fit, perform
from headstart.comparison.log import RowLog
from headstart.comparison.planning import strategy_called
from headstart.comparison.workspace import Workspace
from headstart.executors import Executor, Work, peak_memory
from headstart.extras import LEARNING
from headstart.outputs import failed_writes
from headstart.plain import Json
from headstart.strategies import Strategy

Progress = Callable[[int, int, float | None, str], None]
"""Told after every fit: fits done, fits in all, seconds left (None if unknown), what was done last."""


def run_tasks(
    tasks: Sequence[Fit],
    strategies: Mapping[str, Strategy],
    workspace: Workspace,
    log: RowLog,
    *,
    keep: Callable[[Fit], bool],
    executor: Executor,
    progress: Progress,
) -> None:
    """Do what is not in the log yet.

    Args:
        tasks: in the order of doing.
        strategies: by name.
        workspace: opened; other processes open it again from its folder.
        log: where rows go.
        keep: whether a task's predictor is wanted.
        executor: does the fits.
        progress: told after every fit.
    """
    waiting = [task for task in tasks if task not in log.rows]
    clock = _Clock(tasks, strategies, log, executor)
    progress(len(tasks) - len(waiting), len(tasks), clock.seconds_left(waiting), "")
    work = Work(
        open_fits,
        name=str(log.folder.absolute()),
        reads=workspace.folder,
        writes=log.folder,
        opened=_performing(workspace, strategies.__getitem__, log.folder),
        cost=lambda item: clock.seconds_left([_fit(item)]),
        memory=peak_memory(),
        gpus=int(workspace.device.startswith("cuda")),
        packages=LEARNING,
    )
    items = [
        {"strategy": task.strategy, "budget": task.budget, "seed": task.seed, "keep": keep(task)} for task in waiting
    ]
    for item, row in executor.run(work, items):
        task = _fit(item)
        waiting.remove(task)
        log.add(row)
        clock.learn(task, row["seconds"])
        progress(len(tasks) - len(waiting), len(tasks), clock.seconds_left(waiting), task.key)


def open_fits(reads: Path, writes: Path) -> Callable[[Json], Json]:
    """Return what does one fit in a process of its own: from its place in the plan to its row.

    Args:
        reads: what `headstart.comparison.workspace.prepare` filled.
        writes: the comparison's folder.
    """
    workspace = Workspace(reads)
    return _performing(workspace, lambda name: strategy_called(name, workspace.input), writes)


def _performing(workspace: Workspace, named: Callable[[str], Strategy], out: Path) -> Callable[[Json], Json]:
    def do(item: Json) -> Json:
        with failed_writes(out, "the comparison"):
            return perform(workspace, named(item["strategy"]), _fit(item), out, keep=item["keep"])

    return do


def _fit(item: Json) -> Fit:
    return Fit(item["strategy"], item["budget"], item["seed"])


class _Clock:
    """Guesses the time left from what each strategy has taken so far."""

    def __init__(
        self, tasks: Sequence[Fit], strategies: Mapping[str, Strategy], log: RowLog, executor: Executor
    ) -> None:
        self._executor = executor
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

    def seconds_left(self, waiting: Sequence[Fit]) -> float:
        """Return about how long the rest will take."""
        total = sum(
            self._taken[task.strategy][0] / self._taken[task.strategy][1] * (task.budget + 100.0) for task in waiting
        )
        return total / self._executor.width
