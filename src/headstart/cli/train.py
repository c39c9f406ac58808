"""The command `train`: a base network, learnt from labelled texts."""

from __future__ import annotations

from headstart.cli import reading
from headstart.cli.commands import Train
from headstart.cli.deciding import decisions
from headstart.cli.fitting import estimator_of, fit_and_save, short_name
from headstart.cli.settings import column_types, estimator_options
from headstart.estimators import ModelPlace
from headstart.plain import Json
from headstart.predictor.card import read_card


def train(options: Train) -> None:
    """Train a base network and write it to a folder."""
    data = options.data
    encoder = None if options.encoder is None else reading.model_files(options.encoder)
    inputs = (data, options.valid, options.test, options.unlabelled, options.config, options.costs, encoder)
    place = ModelPlace(options.out, inputs, options.force, options.report)
    place.check()
    columns = reading.column_list(options.columns)
    card = None if options.card is None else read_card(options.card)
    given = estimator_options(options.config, options.set_)
    names = ("net", "epochs", "coverage", "metric", "encoder")
    named = {name: getattr(options, name) for name in names}
    given |= {name: value for name, value in named.items() if value is not None} | decisions(options)
    if options.workers != 1:
        given["trainer_options"] = {**given.get("trainer_options", {}), "workers": options.workers}
    defaults: Json = {
        "random_state": options.seed,
        "device": options.device,
        "text": options.text,
        "groups": options.group,
        "strategy": "scratch",
        **(
            {"columns": columns, "column_types": column_types(options.column_types)}
            if columns or options.column_types
            else {}
        ),
    }
    rows = reading.data_options(options, columns=columns, group=options.group, weight=options.weight)
    splits = reading.read_splits(rows, data, reading.split_options(options))
    defaults["unlabelled"] = reading.read_unlabelled(rows, options.unlabelled, splits)
    model = estimator_of(splits.train.task, rows.rows, {**defaults, **given})
    fit_and_save(model, splits, place, card=card, title=f"Training on {short_name(data)}", as_json=options.as_json)
