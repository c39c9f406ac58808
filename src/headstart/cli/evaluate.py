"""The command `evaluate`: a model measured on labelled texts."""

from __future__ import annotations

from dataclasses import replace

from headstart.cli import console, reading
from headstart.cli.commands import Evaluate
from headstart.cli.deciding import decided_by
from headstart.cli.measuring import measured, warn_of_quality
from headstart.estimators import load
from headstart.evaluation.binary import imbalance_warning

__all__ = ["evaluate"]


def evaluate(options: Evaluate) -> None:
    """Measure a model on labelled texts, and print every metric."""
    rows = reading.data_options(options)
    model = load(options.model).set_params(device=options.device)
    predictor = model.predictor_ = decided_by(model.predictor_, options)
    rows = replace(rows, columns=predictor.columns, otherwise=(predictor.text, "text"))
    corpus = reading.read_labelled(rows.of(predictor.answers), options.data)
    result = {
        **measured(model, corpus),
        **reading.label_facts(predictor.task),
        "counts": corpus.counts,
    }
    warn_of_quality(result, predictor)
    if sentence := imbalance_warning(result):
        console.warn(sentence)
    shown = [{"metric": name, "value": value} for name, value in result.items() if isinstance(value, int | float)]
    console.emit(result, as_json=options.as_json, lines=console.table(shown))
