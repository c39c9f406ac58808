"""A model as a server: JSON and streams of JSON lines in, what ``predict`` would write out, and a page to try it.

`application` is an ASGI application for any server, or to mount in another; `headstart.serve.running` and
`headstart.serve.workers` are what ``headstart serve`` starts. The extra ``[serve]`` brings what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headstart.serve.asgi import application
    from headstart.serve.limits import Limits

__all__ = ["Limits", "application"]


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: a process that only minds workers needs none."""
    if name == "application":
        from headstart.serve.asgi import application

        return application
    if name == "Limits":
        from headstart.serve.limits import Limits

        return Limits
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
