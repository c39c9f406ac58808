"""The command `train`: a base network, learnt from labelled texts."""

from __future__ import annotations

from headstart.cli import reading
from headstart.cli.commands import Train
from headstart.cli.deciding import decisions
from headstart.cli.fitting import estimator_of, fit_and_save, short_name
from headstart.cli.settings import estimator_options
from headstart.estimators import ModelPlace

__all__ = ["train"]


def train(options: Train) -> None:
    """Train a base network and write it to a folder."""
    data = options.data
    inputs = (data, options.valid, options.test, options.unlabelled, options.config, options.costs)
    place = ModelPlace(options.out, inputs, options.force, options.report)
    place.check()
    given = estimator_options(options.config, options.set_)
    named = {"net": options.net, "epochs": options.epochs, "coverage": options.coverage}
    given |= {name: value for name, value in named.items() if value is not None} | decisions(options)
    defaults = {
        "random_state": options.seed,
        "device": options.device,
        "text": options.text,
        "groups": options.group,
        "strategy": "scratch",
    }
    rows = reading.data_options(options, group=options.group, weight=options.weight)
    splits = reading.read_splits(rows, data, reading.split_options(options))
    model = estimator_of(splits.train.task)(**{**defaults, **given})
    model.set_params(unlabelled=reading.read_unlabelled(rows, options.unlabelled, splits))
    fit_and_save(model, splits, place, title=f"Training on {short_name(data)}", as_json=options.as_json)
