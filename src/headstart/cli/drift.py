"""The command `drift`: whether texts have moved away from what a model knows."""

from __future__ import annotations

from dataclasses import replace

import typer

from headstart.cli import console, reading
from headstart.cli.commands import Drift
from headstart.drift import Thresholds, drift_lines
from headstart.drift import drift as drift_of
from headstart.predictor import Predictor

MOVED = 3
"""The exit code where a threshold is passed."""


def drift(options: Drift) -> None:
    """Compare texts with what a model was trained on; exit code 3 where they have moved."""
    predictor = Predictor.load(options.model, engine=options.engine)
    own = replace(reading.data_options(options, predictor).of(predictor.task), columns=predictor.columns, label=None)
    target = own.read(options.data)
    reading.tell_counts(target.source, target.counts)
    reference = None
    if options.reference is not None:
        labelled = replace(own, label=options.label or "label", where=())
        reference = reading.read_perhaps_labelled(labelled, options.reference)
    thresholds = Thresholds(
        unknown=options.max_unknown,
        words=options.max_words,
        length=options.max_length,
        scores=options.max_scores,
        accuracy=options.max_accuracy,
    )
    found = drift_of(predictor, target, reference, thresholds=thresholds, device=options.device)
    console.emit({**found, "counts": target.counts}, as_json=options.as_json, lines=drift_lines(found))
    if found["moved"]:
        raise typer.Exit(MOVED)
