"""The commands `import ...`: models that other tools saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headstart.cli import console
from headstart.cli import options as opt

__all__ = ["register"]

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
    as_json: opt.Json = False,
) -> None:
    """Read a network that Apache MXNet exported, without MXNet, and write it as a model."""
    from headstart.artifact import check_target
    from headstart.errors import OptionError
    from headstart.estimators import import_mxnet

    check_target(out)
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
        "content_hash": model.save(out),
        "labels": opt.label_facts(model.predictor_.label_names),
        "parity": parity,
        "source": model.predictor_.info["imported"],
    }
    told = "\n".join(f"  {name}: {value}" for name, value in parity.items())
    console.emit(result, as_json=as_json, text=f"model: {out}\nparity:\n{told}")


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(importing, name="import")
