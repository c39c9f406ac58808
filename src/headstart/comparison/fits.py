"""One fit of one candidate: from a task to a row of figures, with the test rows' logits beside it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.artifact import write
from headstart.comparison.candidates import Candidate
from headstart.comparison.context import Context, TrainingDraw
from headstart.comparison.fitted import Fitted
from headstart.corpus import subset
from headstart.evaluation.binary import auc, evaluate_scores
from headstart.outputs import atomic_write
from headstart.predictor import Predictor

__all__ = ["Fit", "load_scores", "perform", "rows_of", "score_path"]

_PROBED_ROWS = 256


@dataclass(frozen=True, order=True)
class Fit:
    """A candidate on one draw.

    Attributes:
        strategy: the candidate's name.
        budget: labels in all; 0 for a candidate that looks at none.
        seed: of the draw and the fit.
    """

    strategy: str
    budget: int
    seed: int

    @property
    def key(self) -> str:
        """The task as a file name."""
        return f"{self.strategy}.{self.budget}.{self.seed}"


def perform(context: Context, candidate: Candidate, task: Fit, out: Path, *, keep: bool) -> dict[str, Any]:
    """Fit, score the test rows, write the scores, and return the row.

    Args:
        context: what candidates share.
        candidate: the task's.
        task: what to do.
        out: the comparison's folder.
        keep: whether to build and keep the predictor too, and to measure its speed and size.
    """
    draw = TrainingDraw(rows_of(context, task.budget, task.seed), task.seed, candidate.with_columns)
    _ = getattr(context, candidate.starts_from)  # making it is no part of the time of whichever fit comes first
    started, used = time.perf_counter(), time.process_time()
    fitted = candidate.fit(context, draw)
    seconds, used = time.perf_counter() - started, time.process_time() - used
    row: dict[str, Any] = {
        "strategy": task.strategy, "budget": task.budget, "seed": task.seed,
        **_figures(context, fitted), "choices": fitted.choices, "seconds": round(seconds, 3),
        "cpu_seconds": round(used, 3),
    }  # fmt: skip
    if keep:
        row |= _kept(context, fitted, out / "fitted" / task.strategy)
    _write_scores(score_path(out, task), fitted.logits)
    return row


def score_path(out: Path, task: Fit) -> Path:
    """Return where a task's logits of the test rows lie."""
    return out / "scores" / f"{task.key}.npy"


def load_scores(out: Path, task: Fit) -> NDArray[np.float64]:
    """Return a task's logits of the test rows [test]."""
    scores: NDArray[np.float64] = np.load(score_path(out, task), allow_pickle=False).astype(np.float64)
    return scores


def rows_of(context: Context, budget: int, seed: int) -> NDArray[np.int64]:
    """Return the rows of the pool that a draw holds, none for a budget of 0 [budget]."""
    if budget == 0:
        return np.zeros(0, np.int64)
    labels = context.labels[: context.n_pool]
    groups = None if context.groups is None else context.groups[: context.n_pool]
    return subset(labels, budget, groups=groups, random_state=seed)


def _figures(context: Context, fitted: Fitted) -> dict[str, Any]:
    labels = context.labels[context.test]
    figures = evaluate_scores(labels, fitted.ready.probabilities(fitted.logits), threshold=fitted.ready.threshold)
    # The AUC comes from the logits: sigmoids of large ones are equal in floating point.
    figures["auc"] = auc(labels, fitted.logits)
    alone = ~context.doubled
    if not alone.all() and len(np.unique(labels[alone])) == 2:
        figures["auc_without_duplicates"] = auc(labels[alone], fitted.logits[alone])
    return {**figures, "threshold": fitted.ready.threshold, "calibration": list(fitted.ready.calibration)}


def _kept(context: Context, fitted: Fitted, folder: Path) -> dict[str, Any]:
    """Write the predictor, score some rows with it from text on, and see that it says what the fit said."""
    predictor = fitted.build().with_facts(strategy=folder.name, choices=fitted.choices)
    content_hash = write(folder, predictor.to_parts())
    size = sum(path.stat().st_size for path in folder.iterdir())
    found, milliseconds = _timed(context, predictor)
    off = float(np.abs(found - fitted.logits[: len(found)]).max(initial=0))
    told = {"ms_per_row": round(milliseconds, 3), "bytes": size, "artifact_differs_by": off}
    return {**told, "content_hash": content_hash}


def _timed(context: Context, predictor: Predictor) -> tuple[NDArray[np.float64], float]:
    rows = context.corpus(context.test[:_PROBED_ROWS])
    predictor.score(rows.take(np.arange(min(4, len(rows)))))  # what is built once is built now
    started = time.perf_counter()
    logits = predictor.score(rows).logits
    return logits, 1000 * (time.perf_counter() - started) / max(len(rows), 1)


def _write_scores(path: Path, logits: NDArray[np.float64]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished:
        np.save(unfinished, logits.astype(np.float64))
