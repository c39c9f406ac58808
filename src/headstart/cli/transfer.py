"""The command `transfer`: a base, carried to other texts by one strategy."""

from __future__ import annotations

from dataclasses import replace

from headstart.artifact import inspect
from headstart.cli import reading
from headstart.cli.arguments import UNNAMED
from headstart.cli.commands import Transfer
from headstart.cli.deciding import decisions
from headstart.cli.fitting import estimator_of, fit_and_save, short_name
from headstart.cli.settings import column_types, estimator_options
from headstart.errors import OptionError
from headstart.estimators import ModelPlace, load
from headstart.inputs import INPUTS
from headstart.predictor.card import read_card
from headstart.strategies import STRATEGIES, read_as_is, strategy_of


def transfer(options: Transfer) -> None:
    """Transfer a trained model to other texts and write the new model to a folder."""
    data, strategy = options.data, options.strategy
    inputs = (reading.model_files(options.model), data, options.valid, options.test, options.unlabelled)
    others = (options.source, options.config, options.costs)
    place = ModelPlace(options.out, (*inputs, *others), options.force, options.report)
    place.check()
    base, taken = load(options.model), strategy_of(strategy)
    predictor, columns = base.predictor_, reading.column_list(options.columns)
    if columns and predictor.reads_kind != "columns" and not (taken.columns or taken.with_columns):
        kinds = {"text", *INPUTS} - {predictor.reads_kind, "columns"}
        able = [
            name for name, one in STRATEGIES.items() if (one.columns or one.with_columns) and not kinds & {*one.needs}
        ]
        raise OptionError(
            f"--columns {options.columns} came with --strategy {strategy}, which reads texts alone; "
            f"use one of {', '.join(able)}, or leave --columns out."
        )
    card = None if options.card is None else read_card(options.card)
    given = estimator_options(options.config, options.set_)
    given |= {
        name: value
        for name in ("layer", "freeze", "cache", "coverage", "metric")
        if (value := getattr(options, name)) is not None
    }
    given |= decisions(options)
    rows = reading.data_options(
        options, predictor, columns=predictor.columns_with(columns), group=options.group, weight=options.weight
    )
    if taken.unlabelled:
        rows = rows.of(predictor.task)
        if strategy == "as-is" and predictor.task is not None:
            rows = replace(rows, **read_as_is(predictor.task))
    elif taken.uses != "nothing" or options.label_map:  # a reference point learns the target's own labels
        rows = replace(rows, base=predictor.task)
    defaults = {
        "base": base,
        "strategy": strategy,
        "random_state": options.seed,
        "device": options.device,
        "text": options.text,
        "columns": columns,
        "column_types": column_types(options.column_types),
        "groups": options.group,
    }
    few = options.valid or options.n_labels or reading.is_share(options.test)
    if strategy == "self-train" and options.label is None and not few:
        rows = replace(rows, label=None)  # rows without a label are read as well as those with one
    splits = reading.read_splits(rows, data, reading.split_options(options), needs_labels=not taken.unlabelled)
    defaults["unlabelled"] = reading.read_unlabelled(rows, options.unlabelled, splits)
    if options.source is not None:
        of_source = reading.DataOptions(options.text, options.label or UNNAMED)
        defaults["source"] = reading.read_labelled(of_source.of(predictor.task), options.source)
    model = estimator_of(splits.train.task or predictor.task, rows.rows, {**defaults, **given})
    fit_and_save(
        model,
        splits,
        place,
        base=inspect(options.model)["content_hash"],
        card=card,
        title=f"{strategy} on {short_name(data)}",
        as_json=options.as_json,
    )
