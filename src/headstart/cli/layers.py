"""The command `layers`: what a network is made of."""

from __future__ import annotations

from headstart.cli import console
from headstart.cli.commands import Layers
from headstart.extras import learning_half
from headstart.named_outputs import layer_table
from headstart.plain import Json
from headstart.predictor import Predictor


def layers(options: Layers) -> None:
    """List a model's layers and parameters."""
    predictor = Predictor.load(options.model)
    outputs = layer_table(predictor)
    parameters: list[Json] = [
        {"parameter": name, "shape": list(array.shape), "size": int(array.size)}
        for name, array in predictor.network.weights.items()
    ]
    result = {
        "layers": outputs,
        "parameters": parameters,
        "n_parameters": sum(row["parameters"] for row in outputs),
    }
    if options.match is not None:
        freezing = learning_half("headstart.freezing", "A freezing pattern")
        chosen = set(freezing.selected_parameters(predictor.net, options.match))
        for row in parameters:
            row["selected"] = row["parameter"] in chosen
        result["selected"] = [row["parameter"] for row in parameters if row["selected"]]
    tables = [console.table([_for_reading(row) for row in rows]) for rows in (outputs, parameters)]
    lines = [*tables[0], "", *tables[1], "", f"{result['n_parameters']:,} parameters"]
    console.emit(result, as_json=options.as_json, lines=lines)


def _for_reading(row: Json) -> Json:
    shown = {**row, "shape": "[" + ", ".join(map(str, row["shape"])) + "]"}
    return shown | ({"selected": "yes" if row["selected"] else ""} if "selected" in row else {})
