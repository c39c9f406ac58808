"""The command `train`: a base network, learnt from labelled texts."""

from __future__ import annotations

from headstart.cli import reading
from headstart.cli.commands import Train
from headstart.cli.fitting import fit_and_save, short_name
from headstart.cli.settings import estimator_options
from headstart.estimators import ModelPlace, TextClassifier

__all__ = ["train"]


def train(options: Train) -> None:
    """Train a base network and write it to a folder."""
    data = options.data
    inputs = (data, options.valid, options.test, options.unlabelled, options.config)
    place = ModelPlace(options.out, inputs, options.force, options.report)
    place.check()
    given = estimator_options(options.config, options.set_)
    named = {"net": options.net, "epochs": options.epochs, "threshold": options.threshold}
    given |= {name: value for name, value in named.items() if value is not None}
    defaults = {
        "random_state": options.seed,
        "device": options.device,
        "text": options.text,
        "groups": options.group,
        "strategy": "scratch",
    }
    rows = reading.data_options(options, group=options.group, weight=options.weight)
    model = TextClassifier(**{**defaults, **given})
    splits = reading.read_splits(rows, data, reading.split_options(options))
    model.set_params(unlabelled=reading.read_unlabelled(rows, options.unlabelled, splits))
    fit_and_save(model, splits, place, title=f"Training on {short_name(data)}", as_json=options.as_json)
