"""The commands `import ...`: models that other tools saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli import console
from headstart.cli import options as opt

if TYPE_CHECKING:
    from headstart.estimators import ModelPlace, TextClassifier

__all__ = ["register"]

MaxPieces = Annotated[
    int | None,
    typer.Option(
        "--max-tokens", metavar="N", help="Cut texts to N of the model's pieces.", show_default="the model's own limit"
    ),
]
importing = typer.Typer(help="Bring in a model that another tool saved.", no_args_is_help=True)


@importing.command()
def mxnet(
    prefix: Annotated[
        Path, typer.Argument(help="PREFIX of PREFIX-symbol.json and PREFIX-0000.params.", show_default=False)
    ],
    vocab: Annotated[
        Path, typer.Option("--vocab", metavar="FILE", help="Its words, in order of their indices.", show_default=False)
    ],
    labels: Annotated[
        str, typer.Option("--labels", metavar="A,B", help="What a low and what a high score mean.", show_default=False)
    ],
    out: opt.Out,
    epoch: Annotated[
        int | None,
        typer.Option(
            "--epoch", metavar="N", help="The number in the parameter file's name.", show_default="the highest"
        ),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", metavar="N", help="Cut texts to N tokens.", show_default="no limit")
    ] = None,
    parameters: Annotated[
        Path | None, typer.Option("--parameters", metavar="FILE", help="Another parameter file.", show_default=False)
    ] = None,
    expected: Annotated[
        Path | None,
        typer.Option(
            "--expected", metavar="FILE.npz", help="MXNet's own outputs, to hold it against.", show_default=False
        ),
    ] = None,
    force: opt.Force = False,
    as_json: opt.Json = False,
) -> None:
    """Read a network that Apache MXNet exported, without MXNet, and write it as a model."""
    from headstart.errors import OptionError
    from headstart.estimators import ModelPlace, import_mxnet

    place = ModelPlace(out, (prefix, vocab, parameters, expected), force)
    place.check()
    names = [name.strip() for name in labels.split(",")]
    if len(names) != 2 or not all(names):
        raise OptionError(
            f"--labels {labels!r} must be two labels with a comma between: first what a low score means, then a high one."
        )
    model = import_mxnet(
        prefix,
        vocabulary=vocab,
        labels=names,
        epoch=epoch,
        max_tokens=max_tokens,
        parameters=parameters,
        expected=expected,
    )
    parity = model.predictor_.info["parity"]
    result = {
        "model": str(out),
        "content_hash": place.save(model),
        "labels": opt.label_facts(model.predictor_.label_names),
        "parity": parity,
        "source": model.predictor_.info["imported"],
    }
    lines = [f"model: {out}", "parity:", *(f"  {name}: {value}" for name, value in parity.items())]
    console.emit(result, as_json=as_json, lines=lines)


@importing.command()
def hf(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="A local folder of transformers or sentence-transformers, as safetensors.",
            show_default=False,
        ),
    ],
    out: opt.Out,
    pooling: Annotated[
        str | None,
        typer.Option(
            "--pooling",
            metavar="A,B",
            help="Of mean, cls, max, last; several lie side by side.",
            show_default="the model's own",
        ),
    ] = None,
    max_tokens: MaxPieces = None,
    force: opt.Force = False,
    as_json: opt.Json = False,
) -> None:
    """Read an encoder that others trained (BERT and its kin) and write it as a model to build on."""
    from headstart.estimators import ModelPlace
    from headstart.pretrained import import_hf

    place = ModelPlace(out, (folder,), force)
    place.check()
    chosen = None if pooling is None else opt.column_list(pooling)
    _write_base(import_hf(folder, pooling=chosen, max_tokens=max_tokens), place, as_json=as_json)


@importing.command()
def model2vec(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A local folder of model2vec.", show_default=False)],
    out: opt.Out,
    max_tokens: MaxPieces = None,
    force: opt.Force = False,
    as_json: opt.Json = False,
) -> None:
    """Read static vectors that model2vec made and write them as a model to build on."""
    from headstart.estimators import ModelPlace
    from headstart.pretrained import import_model2vec

    place = ModelPlace(out, (folder,), force)
    place.check()
    _write_base(import_model2vec(folder, max_tokens=max_tokens), place, as_json=as_json)


def _write_base(model: TextClassifier, place: ModelPlace, *, as_json: bool) -> None:
    from headstart.features import layer_table

    rows = layer_table(model)
    source = model.predictor_.info["imported"]
    result = {
        "model": str(place.out),
        "content_hash": place.save(model),
        "architecture": source["architecture"],
        "layers": rows,
        "size": rows[-1]["shape"][-1],
        "max_tokens": model.predictor_.max_tokens,
        "n_parameters": sum(row["parameters"] for row in rows),
        "source": source,
    }
    lines = [
        f"model: {place.out}",
        f"{result['architecture']}, {result['n_parameters']:,} parameters, vectors of size {result['size']}, "
        f"texts cut at {result['max_tokens'] or 'no'} pieces",
        f"layers: {', '.join(row['layer'] for row in rows)}",
        "next: headstart transfer MODEL DATA --strategy features, or headstart compare MODEL DATA",
    ]
    console.emit(result, as_json=as_json, lines=lines)


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(importing, name="import")
