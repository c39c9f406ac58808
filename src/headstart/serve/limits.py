"""What a server takes, and what it refuses: every bound in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The bounds of a server.

    Attributes:
        body_bytes: largest body of a request.
        rows: most rows of a request; a stream may have any number.
        characters: longest text.
        seconds: for a request to arrive, and for its rows to be scored.
        waiting_rows: most rows that wait to be scored; beyond them, requests are answered with 503.
        held_bytes: most bytes of all bodies that are being received or scored at a time.
        connections: most open connections of a worker.
        batch_rows: most rows that are scored at once; larger requests are scored in turns with others.
        batch_wait: seconds that a batch waits at most for as many rows as the one before it held.
    """

    body_bytes: int = 8 << 20
    rows: int = 10_000
    characters: int = 100_000
    seconds: float = 30.0
    waiting_rows: int = 20_000
    held_bytes: int = 256 << 20
    connections: int = 1_000
    batch_rows: int = 64
    batch_wait: float = 0.002

    @property
    def line_bytes(self) -> int:
        """Longest line of a stream: the longest text, every character of it escaped, with room for columns."""
        return min(self.body_bytes, 12 * self.characters + (1 << 16))


class Refusal(Exception):
    """A request that is answered with a status from 400 on and a sentence.

    Attributes:
        status: of the answer.
        headers: to send with it.
    """

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.headers = status, dict(headers or {})

    @classmethod
    def busy(cls, sentence: str) -> Refusal:
        """Return a refusal that says to come again in a second."""
        return cls(503, sentence, {"Retry-After": "1"})
