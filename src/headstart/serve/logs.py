"""What a server tells of itself: a line of JSON an event, on standard error."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from headstart.plain import Json

LOG = logging.getLogger("headstart.serve")


def log(event: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Write an event with its facts to the log."""
    LOG.log(level, event, extra={"facts": facts})


def log_as_json() -> None:
    """Have everything logged as a line of JSON on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    for logger in (LOG, logging.getLogger("uvicorn")):
        logger.handlers, logger.propagate = [handler], False
    LOG.setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


class _JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: Json = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
