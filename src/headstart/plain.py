"""Names for plain values: what JSON holds, and options by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
"""An object ready for JSON."""
Row = dict[str, Any]
"""One row of a table of plain values, by column."""
Facts = Mapping[str, Any]
"""Plain values by name, that are read and not changed."""
Options = Mapping[str, Any]
"""Options by name."""
