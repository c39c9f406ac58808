"""The command `serve`: models behind HTTP."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import typer

from headstart.artifact import inspect
from headstart.cli import console
from headstart.cli.commands import Serve
from headstart.errors import MissingDependencyError, OptionError
from headstart.serve.limits import Limits
from headstart.serve.logs import log_as_json
from headstart.serve.setup import Setup, bound

_VARIABLE = "HEADSTART_TOKEN"
_PACKAGES = ("starlette", "uvicorn", "httptools", "prometheus_client")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(options: Serve) -> None:
    """Serve until a signal ends it; its exit code is 128 more than the signal's number."""
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError(package.replace("_", "-"), "serve", "`headstart serve`")
    models = [_named(given) for given in options.models]
    for _, path in models:
        inspect(path)  # a wrong path is told before anything heavy is imported
    token = _token(options.token_file)

    limits = Limits(
        body_bytes=options.max_body,
        rows=options.max_rows,
        characters=options.max_characters,
        seconds=options.max_seconds,
        waiting_rows=options.max_waiting,
        batch_rows=options.batch_rows,
        batch_wait=options.batch_wait / 1000,
    )
    setup = Setup(
        models=tuple((name, str(path)) for name, path in models),
        token=token,
        engine=options.engine,
        log_texts=options.log_texts,
        watch=options.watch,
        limits=limits,
    )
    with bound(options.host, options.port) as listener:
        host, port = listener.getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        if options.host not in _LOOPBACK and token is None:
            console.warn(
                f"anybody who can reach {options.host} may use this server; set {_VARIABLE} or give --token-file"
            )

        def tell(versions: list[str]) -> None:
            result = {"url": url, "models": versions, "workers": options.workers}
            console.emit(result, as_json=options.as_json, lines=[f"serving {', '.join(versions)} at {url}"])

        log_as_json()
        if options.workers == 1:
            from headstart.serve.running import serve_here

            number = serve_here(setup, listener, tell)
        else:
            from headstart.serve.workers import supervise

            number = supervise(setup, listener, options.workers, tell)
    raise typer.Exit(128 + number)


def _named(given: str) -> tuple[str, Path]:
    """Return a name and a folder: ``NAME=FOLDER``, or a folder that is called as the model."""
    name, equals, path = given.partition("=")
    if equals and name and path and "/" not in name and not Path(given).is_dir():
        return name, Path(path)
    return Path(given).resolve().name, Path(given)


def _token(file: Path | None) -> str | None:
    """Return the token of a file, or of the environment; None where neither is given.

    Raises:
        OptionError: one that is none.
    """
    try:
        token = os.environ.get(_VARIABLE) if file is None else file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise OptionError(
            f"--token-file {file} cannot be read: {reason}; give a file that holds the token alone."
        ) from error
    if token is None:
        return None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        source = f"--token-file {file}" if file is not None else _VARIABLE
        raise OptionError(f"{source} holds no token; expected one line of ASCII characters without spaces.")
    return token
