"""What `train` and `transfer` share: to fit, measure, save, and say what came of it."""

from __future__ import annotations

import datetime
import inspect
import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import torch

from headstart.cli import console, reading
from headstart.cli.measuring import chance_sentence, measured, warn_of_quality
from headstart.cli.progress import Progress
from headstart.cli.run_page import write_page
from headstart.corpus import OtherColumns, source_name
from headstart.errors import OptionError
from headstart.estimators import ModelPlace, TextEstimator, estimator_for, run_digest
from headstart.plain import Facts, Json
from headstart.predictor import Predictor
from headstart.predictor.card import Card
from headstart.tasks import TASKS, Task

_FIGURES = ("auc", "accuracy", "majority_fraction", "f1", "log_loss", "brier")
_SHOWN = {"majority_fraction": "commoner label"}
_PARTS = {"train_counts": "training rows", "test": "test rows", "test_as_is": "test rows, for the base"}


def estimator_of(task: Task | None, rows: OtherColumns | None, given: Facts) -> Any:
    """Return the estimator that learns a task on rows of a kind, with the options that were given.

    Raises:
        OptionError: an option that means nothing to such rows; those that nobody set are left out.
    """
    kind = "text" if rows is None else rows.kind
    found = estimator_for(kind, numbers=task is not None and task.kind == "regression")
    known = inspect.signature(found.__init__).parameters
    options = {**given, **({} if rows is None or kind == "columns" else {"column": rows.named})}
    for name, value in options.items():
        if name not in known and value is not None:
            raise OptionError(
                f"the option {name!r} is about texts, and the rows are of the kind {kind!r}; leave it out."
            )
    return found(**{name: value for name, value in options.items() if name in known})


def short_name(data: Sequence[str]) -> str:
    """Return a short name for the data, for a title."""
    return Path(source_name(data)).name


def fit_and_save(
    model: TextEstimator,
    splits: reading.Splits,
    place: ModelPlace,
    *,
    base: str | None = None,
    card: Card | None = None,
    as_json: bool,
    title: str,
) -> None:
    """Train, measure, write the model, and the page where one is asked for, and print what came of it.

    Args:
        model: with every option set; gets the place of its checkpoint, and tells of its progress.
        splits: the rows.
        place: where the model goes.
        base: the content hash of the base, a part of what a checkpoint belongs to.
        card: what is said of the model.
        title: of the page.
        as_json: print one JSON object.
    """
    corpora = {"train": splits.train, "valid": splits.valid, "test": splits.test, "unlabelled": model.unlabelled}
    run = run_digest(corpora, model.get_params(deep=False), base)
    with place.reserved(run) as checkpoint:
        if model.checkpoint is None:
            model.set_params(checkpoint=checkpoint)
        model.set_params(events=(*model.events, Progress()))
        started = time.perf_counter()
        model.fit(splits.train, valid=splits.valid)
        seconds = time.perf_counter() - started
        test = None if splits.test is None else measured(model.predictor_, splits.test, model.device)
        result: Json = {
            "model": str(place.out),
            "strategy": model.strategy,
            **reading.label_facts(model.predictor_.task, splits.train.label_note),
            "epochs": model.history_,
            "valid": _held_out(model, splits),
            "test": test,
            "counts": splits.counts,
            "train_counts": model.predictor_.info.get("train_counts"),
            "deciding_columns": model.predictor_.info.get("deciding_columns", []),
            "seconds": seconds,
        }
        known = model.predictor_.with_facts(counts=splits.counts)
        if test is not None:
            known = known.with_facts(test=test)
        if card is not None:
            known = known.with_facts(card=card)
        model.predictor_ = replace(known, run={**known.run, **_run_facts(seconds)})
        _beside_the_base(model, splits, result)
        _warn(model, result)
        result["content_hash"] = place.save(model, run)
    if place.report is not None:
        console.note("writing the page: every layer is measured, which takes as long as some epochs do")
        write_page(model, splits, result, place.report, title)
        result["report"] = str(place.report)
    result["total_seconds"] = time.perf_counter() - started
    console.emit(result, as_json=as_json, lines=_summary(result))


def _held_out(model: TextEstimator, splits: reading.Splits) -> Facts | None:
    """Return the metrics on the validation rows; a base as it is has kept those of its own, which are no news of these."""
    if model.strategy != "as-is":
        return model.predictor_.info.get("valid")
    return (
        None
        if splits.valid is None or splits.valid.labels is None
        else measured(model.predictor_, splits.valid, model.device)
    )


def _beside_the_base(model: TextEstimator, splits: reading.Splits, result: Json) -> None:
    """Measure the base as it is on the test rows too, and say so if nothing did better than it."""
    base = None if model.base is None else model.base.predictor_
    if base is None or model.strategy == "as-is" or base.head_columns or not _same_answers(base, model.predictor_):
        return
    if model.strategy == "fine-tune" and model.history_ and model.predictor_.info.get("best_epoch") == 0:
        console.note(
            "no epoch did better on the held-out rows than the base as it was: its weights are kept, "
            "and only its probabilities are fitted to these labels"
        )
    if splits.test is not None:
        result["test_as_is"] = measured(model.base.predictor_, splits.test, model.base.device)


def _same_answers(base: Predictor, predictor: Predictor) -> bool:
    """Tell whether what a base says is an answer to what the model was asked."""
    tasks = [None if one.task is None else (one.task.kind, one.task.names) for one in (base, predictor)]
    return tasks[0] == tasks[1]


def _warn(model: TextEstimator, result: Json) -> None:
    """Say what the counts of the rows tell of them, and figures that promise more than they hold."""
    for name in ("valid", "test"):
        if sentence := chance_sentence(result.get(name) or {}, model.predictor_.answers):
            console.warn(f"{name} rows: {sentence}")
    for name, what in _PARTS.items():
        counts = {"n": model.predictor_.info.get("n_train"), **(result.get(name) or {})}
        of_train = result["counts"].get("test", {}).get("n_duplicates_of_train")
        if name == "test" and counts.get("n_seen_in_training") == of_train:
            counts.pop("n_seen_in_training", None)  # said when they were read
        warn_of_quality(counts, model.predictor_, of=what)


def _run_facts(seconds: float) -> Json:
    """Return what differs from run to run: when, how long, on what."""
    return {
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": seconds,
        "command": console.COMMAND.get().removeprefix("headstart "),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "threads": torch.get_num_threads(),
    }


def _summary(result: Json) -> list[str]:
    lines = []
    for part in ("valid", "test", "test_as_is"):
        metrics = result.get(part)
        if metrics:
            figures = _FIGURES if result["task"]["kind"] == "binary" else TASKS[result["task"]["kind"]].metrics
            named = ((_SHOWN.get(name, name), metrics.get(name)) for name in figures)
            shown = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in named if value is not None)
            title = {"test_as_is": "test, the base as it is"}.get(part, part)
            lines.append(f"{title}: {shown} ({metrics['n']:,} rows)")
    times = f"learnt in {result['seconds']:.1f} s, {result['total_seconds']:.1f} s in all"
    lines.append(f"model: {result['model']} (content {result['content_hash'][:12]}, {times})")
    if "report" in result:
        lines.append(f"report: {result['report']}")
    return lines
