"""How objects show themselves: a line in a terminal, a small table in a notebook."""

from __future__ import annotations

import html

from headstart.plain import Facts
from headstart.printing import printable

_LONGEST = 60


class Shown:
    """A class with a short ``repr`` and a table for notebooks, both of `summary`."""

    def summary(self) -> Facts:
        """Return what is shown, by name; None is left out."""
        raise NotImplementedError

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self._shown())
        return f"{type(self).__name__}({shown})"

    def _repr_html_(self) -> str:
        cells = (f"<tr><th>{html.escape(n)}</th><td>{html.escape(v)}</td></tr>" for n, v in self._shown())
        return f"<table><caption>{type(self).__name__}</caption>{''.join(cells)}</table>"

    def _shown(self) -> list[tuple[str, str]]:
        texts = ((name, printable(str(value))) for name, value in self.summary().items() if value is not None)
        return [(name, text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…") for name, text in texts]
