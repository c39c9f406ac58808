"""What a server is told: models, bounds, and where it listens. Nothing heavy is imported here."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

from headstart.errors import OptionError
from headstart.serve.limits import Limits

GRACE = 30
"""Seconds that a server waits for requests that it has begun, once it was told to stop."""
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which workers find the folder that they count in together."""
TOKEN = "HEADSTART_WORKER_TOKEN"
"""The environment variable by which a worker is handed its token."""
_BACKLOG = 2048


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What is served, and how.

    Attributes:
        models: names and folders.
        token: what requests have to bring, or None.
        engine: what runs their networks.
        log_texts: whether the log holds the rows.
        watch: seconds between looks at the folders for another model; 0 for none.
        limits: bounds of each worker.
    """

    models: tuple[tuple[str, str], ...]
    token: str | None = None
    engine: str = "auto"
    log_texts: bool = False
    watch: float = 0.0
    limits: Limits = field(default_factory=Limits)


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address, port 0 for any that is free.

    Raises:
        OptionError: if it cannot be had.
    """
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(_BACKLOG)
    except (OSError, UnicodeError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or error
        raise OptionError(
            f"nothing can listen on {host} port {port}: {reason}; give another --host or --port."
        ) from error
    found.set_inheritable(True)
    return found
