"""The command `warm`: machine code made before it is needed."""

from __future__ import annotations

import importlib
from typing import Any

from headstart.cli import console
from headstart.cli.commands import Warm
from headstart.kernels import compiling
from headstart.outputs import failed_writes


def warm(options: Warm) -> None:
    """Compile what a model, or any, needs to predict, into a folder that a later process finds."""
    if options.to is not None:
        with failed_writes(options.to):
            options.to.mkdir(parents=True, exist_ok=True)
        compiling.keep_in(options.to)
    # Imported here: a loop is kept where it was to be kept when it was imported.
    predictor: Any = importlib.import_module("headstart.predictor")
    warming: Any = importlib.import_module("headstart.predictor.warming")
    model = None if options.model is None else predictor.Predictor.load(options.model)
    result = warming.warm(model)
    lines = [f"{result['n_compiled']} functions were compiled; their code is in {', '.join(result['folders'])}"]
    if options.to is not None:
        lines.append(f"a process finds it by NUMBA_CACHE_DIR={options.to.absolute()}, also where it cannot write there")
    console.emit(result, as_json=options.as_json, lines=lines)
