"""The command `evaluate`: a model measured on labelled texts."""

from __future__ import annotations

from headstart.cli import console, reading
from headstart.cli.commands import Evaluate
from headstart.cli.deciding import decided_by
from headstart.cli.measuring import chance_sentence, measured, warn_of_quality
from headstart.plain import Facts, Json
from headstart.predictor import Predictor

_MOST_ACROSS = 15


def evaluate(options: Evaluate) -> None:
    """Measure a model on labelled texts, and print every metric."""
    predictor = decided_by(Predictor.load(options.model, engine=options.engine), options)
    rows = reading.data_options(options, predictor, columns=predictor.columns)
    corpus = reading.read_labelled(rows.of(predictor.answers), options.data)
    result = {
        **measured(predictor, corpus, options.device, details=True),
        **reading.label_facts(predictor.task),
        "counts": corpus.counts,
    }
    warn_of_quality(result, predictor)
    if sentence := chance_sentence(result, predictor.answers):
        console.warn(sentence)
    if n_none := result.get("n_abstained"):
        console.note(
            f"{n_none:,} of {result['n']:,} rows have no prediction, their probability being below "
            f"{predictor.rule.abstain_below:g}; they are measured by what would have been predicted"
        )
    shown = [{"metric": name, "value": value} for name, value in result.items() if isinstance(value, int | float)]
    if undefined := result.get("undefined"):
        console.note(undefined)
    console.emit(result, as_json=options.as_json, lines=[*console.table(shown), *_details(result)])


def _details(result: Facts) -> list[str]:
    """Return the tables under the metrics: each class or label, what was taken for what, how far numbers are off."""
    lines: list[str] = []
    if classes := result.get("classes"):
        lines += ["", *console.table(classes)]
    if confusion := result.get("confusion"):
        lines += ["", *console.table(_confusion(confusion))]
    if residuals := result.get("residuals"):
        rows = [{"predicted less true": _share(name), "value": value} for name, value in residuals.items()]
        lines += ["", *console.table(rows)]
    return lines


def _confusion(confusion: Facts) -> list[Json]:
    """Return the rows of a confusion table; of many classes the pairs that are confused most."""
    names, counts = confusion["labels"], confusion["counts"]
    if counts is None or len(names) > _MOST_ACROSS:
        return list(confusion["most_confused"])
    return [
        {"label": name, **{f"as {other}": n for other, n in zip(names, row, strict=True)}}
        for name, row in zip(names, counts, strict=True)
    ]


def _share(name: str) -> str:
    return f"{name}% lie below" if name.isdecimal() else {"rmse": "root mean square"}.get(name, name)
