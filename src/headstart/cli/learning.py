"""Commands that train: `train` and `transfer`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headstart.cli import console, reading
from headstart.cli import options as opt

if TYPE_CHECKING:
    from headstart.corpus import Corpus
    from headstart.estimators import ModelPlace, TextClassifier

__all__ = ["register"]


_SHOWN = {"majority_fraction": "commoner label"}
_PARTS = {"train_counts": "training rows", "test": "test rows", "test_as_is": "test rows, for the base"}


def train(
    data: opt.Data,
    out: opt.Out,
    net: Annotated[str | None, typer.Option("--net", metavar="NAME", help="The network.", show_default="blend")] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", metavar="N", help="Passes over the rows.", show_default=False)
    ] = None,
    text: opt.Text = None,
    label: opt.Label = opt.UNNAMED,
    where: opt.Where = None,
    label_map: opt.LabelMap = None,
    positive: opt.Positive = None,
    valid: opt.Valid = None,
    test: opt.Test = None,
    group: opt.Group = None,
    weight: opt.Weight = None,
    threshold: opt.Threshold = None,
    n_labels: opt.NLabels = None,
    unlabelled: opt.Unlabelled = None,
    seed: opt.Seed = 0,
    device: opt.Device = "auto",
    config: opt.Config = None,
    set_: opt.Set = None,
    report: opt.Report = None,
    threads: opt.Threads = None,
    force: opt.Force = False,
    as_json: opt.Json = False,
    files: opt.Files = None,
) -> None:
    """Train a base network on labelled texts and write it to a folder.

    A run that was interrupted goes on where it stopped when the same command is given again.
    """
    from headstart.estimators import ModelPlace, TextClassifier

    place = ModelPlace(out, (data, valid, test, unlabelled, config), force, report)
    place.check()
    given = opt.estimator_options(config, set_)
    given |= {
        name: value for name, value in (("net", net), ("epochs", epochs), ("threshold", threshold)) if value is not None
    }
    options = reading.DataOptions(
        text, label, where or (), label_map, positive, group=group, files=files, weight=weight
    )
    model = TextClassifier(
        **{"random_state": seed, "device": device, "text": text, "groups": group, "strategy": "scratch", **given}
    )
    splits = reading.read_splits(options, data, valid=valid, test=test, n_labels=n_labels, seed=seed)
    model.set_params(unlabelled=reading.read_unlabelled(options, unlabelled, splits))
    _fit_and_save(model, splits, place, as_json=as_json, title=f"Training on {_shown(data)}")


def transfer(
    model: opt.Model,
    data: opt.Data,
    out: opt.Out,
    strategy: Annotated[
        str,
        typer.Option("--strategy", metavar="NAME", help="One of those that compare runs, such as features or tfidf."),
    ] = "fine-tune",
    columns: opt.Columns = None,
    column_types: opt.ColumnTypes = None,
    layer: opt.Layer = None,
    freeze: Annotated[
        str | None,
        typer.Option("--freeze", metavar="PATTERN", help="What stands still in fine-tuning.", show_default=False),
    ] = None,
    text: opt.Text = None,
    label: opt.Label = opt.UNNAMED,
    where: opt.Where = None,
    label_map: opt.LabelMap = None,
    positive: opt.Positive = None,
    valid: opt.Valid = None,
    test: opt.Test = None,
    group: opt.Group = None,
    weight: opt.Weight = None,
    threshold: opt.Threshold = None,
    n_labels: opt.NLabels = None,
    unlabelled: opt.Unlabelled = None,
    source: opt.Source = None,
    seed: opt.Seed = 0,
    device: opt.Device = "auto",
    config: opt.Config = None,
    set_: opt.Set = None,
    report: opt.Report = None,
    force: opt.Force = False,
    cache: opt.Cache = None,
    threads: opt.Threads = None,
    as_json: opt.Json = False,
    files: opt.Files = None,
) -> None:
    """Carry a trained model to other texts by one strategy and write the new model to a folder."""
    from headstart.artifact import inspect
    from headstart.errors import OptionError
    from headstart.estimators import ModelPlace, TextClassifier, load
    from headstart.strategies import STRATEGIES, strategy_of

    place = ModelPlace(out, (opt.model_files(model), data, valid, test, unlabelled, source, config), force, report)
    place.check()
    base, taken = load(model), strategy_of(strategy)
    chosen = opt.column_list(columns)
    if chosen and not (taken.columns or taken.with_columns):
        reading_them = ", ".join(name for name, one in STRATEGIES.items() if one.columns or one.with_columns)
        raise OptionError(
            f"--columns {columns} came with --strategy {strategy}, which reads texts alone; "
            f"use one of {reading_them}, or leave --columns out."
        )
    given = opt.estimator_options(config, set_)
    named = {"layer": layer, "freeze": freeze, "cache": cache, "threshold": threshold}
    given |= {name: value for name, value in named.items() if value is not None}
    own = (base.predictor_.text, "text")
    options = reading.DataOptions(text, label, where or (), label_map, positive, chosen, group, files, own, weight)
    estimator = TextClassifier(
        **{
            "base": base, "strategy": strategy, "random_state": seed, "device": device, "text": text,
            "columns": chosen, "column_types": opt.column_types(column_types), "groups": group, **given,
        }
    )  # fmt: skip
    # A reference point learns the target's labels; what is carried over speaks the base's.
    names = None if taken.uses == "nothing" and not label_map else base.predictor_.label_names
    needed = not taken.unlabelled
    if strategy == "self-train" and label == opt.UNNAMED and not (valid or n_labels or reading.is_share(test)):
        options = replace(options, label=None)  # rows without a label are read as well as those with one
    splits = reading.read_splits(
        options, data, valid=valid, test=test, n_labels=n_labels, seed=seed, names=names, needs_labels=needed
    )
    estimator.set_params(unlabelled=reading.read_unlabelled(options, unlabelled, splits))
    if source is not None:
        of_source = reading.DataOptions(text, label)
        estimator.set_params(source=reading.read_labelled(of_source, source, base.predictor_.label_names))
    title = f"{strategy} on {_shown(data)}"
    _fit_and_save(estimator, splits, place, base=inspect(model)["content_hash"], as_json=as_json, title=title)


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(opt.reads_files(train))
    app.command()(opt.reads_files(transfer))


def _shown(data: Sequence[str]) -> str:
    """Return a short name for the data, for a title."""
    from headstart.corpus import source_name

    return Path(source_name(data)).name


def _fit_and_save(
    model: TextClassifier,
    splits: reading.Splits,
    place: ModelPlace,
    *,
    base: str | None = None,
    as_json: bool,
    title: str,
) -> None:
    from headstart.estimators import run_digest

    corpora = {"train": splits.train, "valid": splits.valid, "test": splits.test, "unlabelled": model.unlabelled}
    run = run_digest(corpora, model.get_params(deep=False), base)
    with place.reserved(run) as checkpoint:
        if model.checkpoint is None:
            model.set_params(checkpoint=checkpoint)
        model.set_params(events=(*model.events, console.TrainingProgress()))
        started = time.perf_counter()
        model.fit(splits.train, valid=splits.valid)
        seconds = time.perf_counter() - started
        test = None if splits.test is None else evaluated(model, splits.test)
        result: dict[str, Any] = {
            "model": str(place.out),
            "strategy": model.strategy,
            "labels": opt.label_facts(model.predictor_.label_names),
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
        model.predictor_ = replace(known, run={**known.run, **run_facts(seconds)})
        _beside_the_base(model, splits, result)
        _warn(model, result)
        result["content_hash"] = place.save(model, run)
    if place.report is not None:
        console.note("writing the page: every layer is measured, which takes as long as some epochs do")
        write_report(model, splits, result, place.report, title)
        result["report"] = str(place.report)
    result["total_seconds"] = time.perf_counter() - started
    console.emit(result, as_json=as_json, lines=_summary(result))


def _held_out(model: TextClassifier, splits: reading.Splits) -> Mapping[str, Any] | None:
    """Return the metrics on the validation rows; a base as it is has kept those of its own, which are no news of these."""
    if model.strategy != "as-is":
        return model.predictor_.info.get("valid")
    return None if splits.valid is None or splits.valid.labels is None else evaluated(model, splits.valid)


def _beside_the_base(model: TextClassifier, splits: reading.Splits, result: dict[str, Any]) -> None:
    """Measure the base as it is on the test rows too, and say so if nothing did better than it."""
    base = None if model.base is None else model.base.predictor_
    if base is None or model.strategy == "as-is" or base.columns or base.label_names != model.predictor_.label_names:
        return
    if model.strategy == "fine-tune" and model.history_ and model.predictor_.info.get("best_epoch") == 0:
        console.note(
            "no epoch did better on the held-out rows than the base as it was: its weights are kept, "
            "and only its probabilities are fitted to these labels"
        )
    if splits.test is not None:
        result["test_as_is"] = evaluated(model.base, splits.test)


def _warn(model: TextClassifier, result: dict[str, Any]) -> None:
    """Say what the counts of the rows tell of them, and figures that promise more than they hold."""
    from headstart.evaluation.binary import imbalance_warning
    from headstart.predictor.counting import quality_sentences

    for name in ("valid", "test"):
        if sentence := imbalance_warning(result.get(name) or {}):
            console.warn(f"{name} rows: {sentence}")
    encoder = model.predictor_.encoder
    for name, what in _PARTS.items():
        counts = {"n": model.predictor_.info.get("n_train"), **(result.get(name) or {})}
        of_train = result["counts"].get("test", {}).get("n_duplicates_of_train")
        if name == "test" and counts.get("n_seen_in_training") == of_train:
            counts.pop("n_seen_in_training", None)  # said when they were read
        for sentence in quality_sentences(counts, {} if encoder is None else encoder.types):
            console.warn(f"{what}: {sentence}")


def evaluated(model: TextClassifier, corpus: Corpus) -> dict[str, Any]:
    """Return the metrics of a model on labelled rows, and data-quality counts."""
    import numpy as np

    from headstart.evaluation.binary import evaluate_scores

    scores, learnt_from = model.score_rows(corpus), model.predictor_.learnt_from
    return {
        **evaluate_scores(np.asarray(corpus.labels), scores.probabilities, threshold=model.predictor_.threshold),
        **scores.counts,
        "n_seen_in_training": None if learnt_from is None else learnt_from.overlap(corpus.texts).n,
    }


def run_facts(seconds: float) -> dict[str, Any]:
    """Return what differs from run to run: when, how long, on what."""
    import datetime
    import platform

    import numpy
    import torch

    return {
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": seconds,
        "command": console.command_line().removeprefix("headstart "),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "threads": torch.get_num_threads(),
    }


def write_report(model: TextClassifier, splits: reading.Splits, result: dict[str, Any], path: Path, title: str) -> None:
    """Write the page about a run of `train` or `transfer`."""
    import numpy as np

    from headstart.report import run_report
    from headstart.strategies import layer_aucs

    shown = splits.test or splits.valid
    separation = None
    if shown is not None:
        scores = model.score_rows(shown)
        separation = {
            "labels": np.asarray(shown.labels).tolist(),
            "probabilities": [float(p) for p in scores.probabilities],
            "names": list(model.predictor_.label_names),
            "threshold": model.predictor_.threshold,
        }
    facts = model.predictor_.run
    gain = None if shown is None or "test_as_is" not in result else _gain(model, shown)
    layers = None
    labelled = splits.train.labels is not None
    if shown is not None and labelled and model.predictor_.scorer.kind in ("network", "layers"):
        layers = layer_aucs(
            model.predictor_, splits.train, shown, random_state=model.predictor_.estimator["random_state"]
        )
    run_report(
        {
            "title": title,
            "command": f"headstart {facts.get('command', '')}",
            "epochs": result["epochs"],
            "valid": result["valid"],
            "test": result["test"],
            "test_as_is": result.get("test_as_is"),
            "gain": gain,
            "training": facts.get("training"),
            "separation": separation,
            "layers": layers,
            "counts": {**(result["counts"] or {}), "texts of the training rows": result["train_counts"]},
            "labels": result["labels"],
            "options": model.predictor_.estimator,
            "versions": {name: facts[name] for name in ("python", "torch", "numpy", "threads") if name in facts},
        },
        path,
    )


def _gain(model: TextClassifier, rows: Corpus) -> dict[str, float]:
    """Return the difference of AUC to the base as it is, on the same rows, with its 95% interval."""
    import numpy as np

    from headstart.evaluation.binary import delong_test

    scores = [one.score_rows(rows).probabilities for one in (model, model.base)]
    return delong_test(np.asarray(rows.labels), *scores)._asdict()


def _summary(result: dict[str, Any]) -> list[str]:
    lines = []
    for part in ("valid", "test", "test_as_is"):
        metrics = result.get(part)
        if metrics:
            figures = ("auc", "accuracy", "majority_fraction", "f1", "log_loss", "brier")
            named = ((_SHOWN.get(name, name), metrics.get(name)) for name in figures)
            shown = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in named if value is not None)
            title = {"test_as_is": "test, the base as it is"}.get(part, part)
            lines.append(f"{title}: {shown} ({metrics['n']:,} rows)")
    times = f"learnt in {result['seconds']:.1f} s, {result['total_seconds']:.1f} s in all"
    lines.append(f"model: {result['model']} (content {result['content_hash'][:12]}, {times})")
    if "report" in result:
        lines.append(f"report: {result['report']}")
    return lines
