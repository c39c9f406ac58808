"""The process around a command: its standard streams, and the signals that end it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from headstart.errors import OutputError

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
_MOMENT = 0.01


def open_streams() -> None:
    """Open the null device for every standard stream that is closed (``2>&-``).

    Else the next file that is opened, perhaps a model, would get the number of the stream, and whatever a library
    prints would be written into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)  # gets the lowest number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - as long as the process


@contextmanager
def signals_interrupt() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does, so that it can clean up.

    Where a signal comes while a destructor or a callback of some library runs, Python prints what is raised and goes
    on. An interrupt there is not printed, and is raised again a moment later.

    Yields:
        The signals that came, the first of which tells the exit code.
    """
    received: list[int] = []
    repeats: list[threading.Timer] = []
    print_ignored = sys.unraisablehook

    def repeat(ignored: sys.UnraisableHookArgs) -> None:
        if not (received and issubclass(ignored.exc_type, KeyboardInterrupt)):
            print_ignored(ignored)
            return
        repeats.append(threading.Timer(_MOMENT, os.kill, (os.getpid(), received[-1])))
        repeats[-1].start()

    def interrupt(number: int, frame: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    former: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in _ENDING:
            number = getattr(signal, name, None)
            # A signal that is ignored, as nohup has it, stays so.
            if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                former[number] = signal.signal(number, interrupt)
    sys.unraisablehook = repeat
    try:
        yield received
    finally:
        sys.unraisablehook = print_ignored
        for timer in repeats:
            timer.cancel()
            timer.join()
        for number, handler in former.items():
            signal.signal(number, handler)


def flush(stream: TextIO | None) -> None:
    """Have everything written that was printed to a stream; a reader that went away, as `head` does, is no fault.

    Raises:
        OutputError: if it cannot be written: the disk that the output goes to is full.
    """
    try:
        if stream is not None:
            stream.flush()
    except BrokenPipeError:
        discard(stream)
    except OSError as error:
        discard(stream)
        raise OutputError(f"the standard output cannot be written: {error.strerror or error}.") from error


def discard(stream: TextIO | None) -> None:
    """Send what is printed to a stream from now on, and what waits to be written, nowhere."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())  # type: ignore[union-attr]
        os.close(null)
