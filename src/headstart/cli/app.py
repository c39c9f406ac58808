"""The application: its commands, and the one place where errors become sentences and exit codes.

Exit codes: 0 done; 2 a mistake of the user's, told in one sentence; 1 a fault of ours, with a traceback to send us; 3 done,
and `drift` found that texts have moved; 130, 143 and 129 interrupted by Ctrl-C, SIGTERM or SIGHUP.
"""

from __future__ import annotations

import inspect
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from headstart import __version__
from headstart.cli import commands, console
from headstart.cli.process import discard, flush, open_streams, signals_interrupt
from headstart.errors import HeadstartError
from headstart.extras import learning_half
from headstart.kernels.workers import threads, wanted_threads
from headstart.outputs import RESUMES, system_fault

_COMMANDS = {
    "train": (commands.Train, "headstart.cli.train:train"),
    "transfer": (commands.Transfer, "headstart.cli.transfer:transfer"),
    "distil": (commands.Distil, "headstart.cli.distil:distil"),
    "evaluate": (commands.Evaluate, "headstart.cli.evaluate:evaluate"),
    "predict": (commands.Predict, "headstart.cli.predict:predict"),
    "drift": (commands.Drift, "headstart.cli.drift:drift"),
    "serve": (commands.Serve, "headstart.cli.serve:serve"),
    "embed": (commands.Embed, "headstart.cli.embed:embed"),
    "demo": (commands.Demo, "headstart.cli.demo:demo"),
    "layers": (commands.Layers, "headstart.cli.layers:layers"),
    "inspect": (commands.Inspect, "headstart.cli.inspect:inspect"),
    "map": (commands.Map, "headstart.cli.map:draw_map"),
    "compare": (commands.Compare, "headstart.cli.compare:compare"),
    "warm": (commands.Warm, "headstart.cli.warm:warm"),
    "options": (commands.Options, "headstart.cli.options:options"),
}
_IMPORTS = {
    "mxnet": (commands.ImportMxnet, "headstart.cli.import_:mxnet"),
    "hf": (commands.ImportEncoder, "headstart.cli.import_:hf"),
    "model2vec": (commands.ImportVectors, "headstart.cli.import_:model2vec"),
    "efficientnet": (commands.ImportImages, "headstart.cli.import_:efficientnet"),
}

_EXPORTS = {"onnx": (commands.ExportOnnx, "headstart.cli.export:onnx")}

app = typer.Typer(
    name="headstart",
    help="Train a text network where you have labels, transfer it to where you do not, and learn whether it helped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"headstart {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if os.environ.get("HEADSTART_THREADS"):
        context.with_resource(threads(wanted_threads() or 1))


def _deferred(options: type, home: str) -> Callable[..., None]:
    """Return a command that takes the fields of `options`, and hands them on in one object.

    What runs it, ``"module:function"``, is imported when it runs, so that ``--help`` answers at once.
    """

    def command(**given: Any) -> None:
        module, _, function = home.partition(":")
        getattr(learning_half(module, "This command"), function)(options(**given))

    fields = inspect.signature(options).parameters
    nearest_first = dict.fromkeys(name for owner in options.__mro__ for name in inspect.get_annotations(owner))
    required_first = sorted(nearest_first, key=lambda name: fields[name].default is not inspect.Parameter.empty)
    command.__doc__ = options.__doc__
    command.__signature__ = inspect.Signature([fields[name] for name in required_first])  # type: ignore[attr-defined]
    command.__annotations__ = {name: fields[name].annotation for name in fields}
    return command


def _add_all(group: typer.Typer, table: Mapping[str, tuple[type, str]]) -> None:
    for name, (options, home) in table.items():
        group.command(name)(_deferred(options, home))


_imports = typer.Typer(help="Bring in a model that another tool saved.", no_args_is_help=True)
_add_all(_imports, _IMPORTS)
_add_all(app, _COMMANDS)
app.add_typer(_imports, name="import")
_exports = typer.Typer(help="Write a model for another program.", no_args_is_help=True)
_add_all(_exports, _EXPORTS)
app.add_typer(_exports, name="export")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit the process with its code."""
    open_streams()
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with console.printed_warnings():
        code, message = _outcome(given)
    if message:
        console.fail(message, code, as_json="--json" in given)
    return code


def _outcome(given: list[str]) -> tuple[int, str]:
    """Return the exit code and, unless all went well, a sentence."""
    with signals_interrupt() as received:
        try:
            code = _invoked(given)
            flush(sys.stdout)
        except KeyboardInterrupt as interrupt:
            kept = RESUMES if RESUMES in getattr(interrupt, "__notes__", ()) else "nothing is kept of this run"
            return 128 + (received or [signal.SIGINT])[0], f"interrupted; {kept}."
        except (BrokenPipeError, SystemExit) as error:  # help that goes to `head`, of which rich makes an exit
            if not isinstance(error.__context__ or error, BrokenPipeError):
                raise
            discard(sys.stdout)
            return 0, ""
        except Exception as error:
            return _explained(error)
        return code, ""


def _invoked(given: list[str]) -> int:
    """Run the command and return its exit code. Calling `app` would take any reader's EOFError for an interrupt."""
    console.COMMAND.set(shlex.join(["headstart", *given]))
    try:
        with typer.main.get_command(app).make_context("headstart", given) as context:
            context.command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    return 0


def _explained(error: Exception) -> tuple[int, str]:
    if isinstance(error, HeadstartError):
        return 2, str(error)
    format_message = getattr(error, "format_message", None)  # typer's errors about the command line itself
    if format_message is not None:
        context = getattr(error, "ctx", None)
        hint = f" See: {context.command_path} --help" if context is not None else ""
        message = format_message()
        return 2, f"{message}{hint}" if message else ""
    if reason := system_fault(error):
        return 2, f"{reason}; check the path, its permissions and the free space."
    for line in traceback.format_exc().splitlines():
        console.note(line)
    return 1, f"{type(error).__name__}: {error}. This is a fault of headstart; please report it with the lines above."
