"""Ctrl-C between two steps, so that what was trained can be kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


class Interrupts:
    """Signals that end a program wait while a step is taken, and do what they do once it is done.

    Only those are held that raise an error here, as Ctrl-C does; a signal that ends the process at once still does,
    and so does a second one. In a thread of its own, where Python lets nobody see signals, nothing is held.
    """

    def __init__(self) -> None:
        self._held: tuple[int, Any] | None = None
        self._holding = False
        self._former: dict[int, Any] = {}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take over the signals while the block lasts."""
        if threading.current_thread() is threading.main_thread():
            for name in _ENDING:
                number = getattr(signal, name, None)
                if number is not None and callable(handler := signal.getsignal(number)):
                    self._former[number] = handler
                    signal.signal(number, self._receive)
        try:
            yield
        finally:
            for number, handler in self._former.items():
                signal.signal(number, handler)
            self._former.clear()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let signals wait for the end of the block."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._held is not None:
            (number, frame), self._held = self._held, None
            self._former[number](number, frame)

    def _receive(self, number: int, frame: object) -> None:
        if self._holding and self._held is None:
            self._held = number, frame
        else:
            self._former[number](number, frame)
