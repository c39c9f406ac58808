"""One fit of one strategy: from a place in the plan to a row of figures, with the test rows' scores next to it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headstart.arrays import Doubles
from headstart.artifact import write
from headstart.comparison.workspace import StoredRows, Workspace
from headstart.evaluation import auc
from headstart.outputs import atomic_write
from headstart.plain import Json
from headstart.predictor import Predictor
from headstart.strategies import FitResult, Settings, Strategy, learn
from headstart.strategies.strategy import bare_name

_PROBED_ROWS = 256
_FEW = 1000
"""With fewer labels than this a fifth of them is held out to stop by, and not a tenth."""


@dataclass(frozen=True, order=True)
class Fit:
    """A strategy on one draw.

    Attributes:
        strategy: its name.
        budget: labels in all; 0 for a strategy that looks at none.
        seed: of the draw and the fit.
    """

    strategy: str
    budget: int
    seed: int

    @property
    def key(self) -> str:
        """The fit as a file name."""
        return f"{self.strategy}.{self.budget}.{self.seed}"


def perform(workspace: Workspace, strategy: Strategy, fit: Fit, out: Path, *, keep: bool) -> Json:
    """Fit, score the test rows, write the scores, and return the row.

    Args:
        workspace: what all fits share.
        strategy: the one to fit.
        fit: on which draw.
        out: the comparison's folder.
        keep: whether to keep the predictor too, and to measure its speed and size. It is the one that the same rows, seed and
            choices give outside a comparison, to the bit.
    """
    workspace = workspace.of_base(strategy.of_base)
    settings = _settings(workspace, strategy, fit)
    rows = workspace.drawn(fit.budget, fit.seed) if fit.budget else None
    shared = StoredRows(workspace, rows, settings, exact=keep)
    if settings.unlabelled is not None:
        shared.adapted_base(workspace.base, settings.unlabelled)  # no part of the time of whichever fit comes first
    started, used = time.perf_counter(), time.process_time()
    result = learn(strategy, shared.corpus, None, workspace.base, settings, shared, measure=False)
    predictor = (
        result.predictor.with_text(column=workspace.text)
        if workspace.input == "text"
        else result.predictor.reading(shared.corpus)
    )
    logits = _test_logits(workspace, result, settings)
    seconds, used = time.perf_counter() - started, time.process_time() - used
    choices = dict(result.choices)
    if strategy.stops_early(workspace.base, settings):
        choices["valid_fraction"] = settings.valid_fraction
    row: Json = {
        "strategy": fit.strategy, "budget": fit.budget, "seed": fit.seed,
        **_figures(workspace, predictor, logits), "choices": choices, "seconds": round(seconds, 3),
        "cpu_seconds": round(used, 3),
    }  # fmt: skip
    if keep:
        predictor = predictor.with_facts(strategy=bare_name(fit.strategy), choices=choices)
        row |= _kept(workspace, predictor, logits, out / "fitted" / fit.strategy)
    taken = predictor.answers.taken(workspace.metric, logits, predictor.probabilities(logits), predictor.rule)
    _write_scores(score_path(out, fit), taken)
    return row


def score_path(out: Path, fit: Fit) -> Path:
    """Return where a fit's scores of the test rows lie: what the metric takes, such as logits for the AUC."""
    return out / "scores" / f"{fit.key}.npy"


def load_scores(out: Path, fit: Fit) -> Doubles:
    """Return what the metric takes of the test rows, by a fit [test] or [test, size]."""
    scores: Doubles = np.load(score_path(out, fit), allow_pickle=False).astype(np.float64)
    return scores


def _settings(workspace: Workspace, strategy: Strategy, fit: Fit) -> Settings:
    return Settings(
        random_state=fit.seed,
        device=workspace.device,
        groups=workspace.group,
        columns=workspace.columns if strategy.with_columns else (),
        column_types=workspace.column_types if strategy.with_columns or workspace.input == "columns" else None,
        valid_fraction=0.2 if fit.budget < _FEW else 0.1,
        unlabelled=workspace.unlabelled if strategy.reads_texts else None,
        source=workspace.source if strategy.uses == "source" else None,
        metric=None if workspace.metric is workspace.task.primary else workspace.metric.name,
    )


def _test_logits(workspace: Workspace, result: FitResult, settings: Settings) -> Doubles:
    if result.score_shared is not None:
        return result.score_shared(StoredRows(workspace, workspace.test, settings))
    return result.predictor.score(workspace.corpus(workspace.test)).logits


def _figures(workspace: Workspace, predictor: Predictor, logits: Doubles) -> Json:
    targets, task, metric = workspace.labels[workspace.test], predictor.answers, workspace.metric
    probabilities = predictor.probabilities(logits)
    figures = task.measure(targets, probabilities, predictor.rule)
    if task.kind == "binary":  # the AUC comes from the logits: sigmoids of large ones are equal in floating point
        figures["auc"] = auc(targets, logits)
    alone = ~workspace.doubled
    rest = targets[alone]
    if not alone.all() and len(rest) and not (rest == rest[0]).all():
        taken = task.taken(metric, logits, probabilities, predictor.rule)
        figures[f"{metric.name}_without_duplicates"] = metric.influence(rest, taken[alone])[0]
    if task.kind == "binary":
        figures |= {"threshold": predictor.threshold, "calibration": list(predictor.calibration)}
    return figures


def _kept(workspace: Workspace, predictor: Predictor, logits: Doubles, folder: Path) -> Json:
    """Write the predictor, score some rows with it from text on, and see that it says what the fit said."""
    kept = replace(predictor, run={})
    content_hash = write(folder, kept.to_parts())
    size = sum(path.stat().st_size for path in folder.iterdir())
    found, milliseconds = _timed(workspace, kept)
    off = float(np.abs(found - logits[: len(found)]).max(initial=0))
    told = {"ms_per_row": round(milliseconds, 3), "bytes": size, "artifact_differs_by": off}
    return {**told, "content_hash": content_hash}


def _timed(workspace: Workspace, predictor: Predictor) -> tuple[Doubles, float]:
    rows = workspace.corpus(workspace.test[:_PROBED_ROWS])
    predictor.score(rows.take(np.arange(min(4, len(rows)))))  # what is built once is built now
    started = time.perf_counter()
    logits = predictor.score(rows).logits
    return logits, 1000 * (time.perf_counter() - started) / max(len(rows), 1)


def _write_scores(path: Path, scores: Doubles) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as unfinished:
        np.save(unfinished, scores.astype(np.float64))
