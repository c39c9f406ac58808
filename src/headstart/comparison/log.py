"""``rows.jsonl``: one line a finished fit, on disk before the next begins, so that a killed run goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.comparison.fits import Fit, score_path
from headstart.errors import OptionError

__all__ = ["RowLog"]


class RowLog:
    """The rows of a comparison in a folder.

    ``plan.json`` beside them says what they are rows of: a folder with another plan is refused. Budgets, seeds
    and candidates may differ, since each row says its own.

    Args:
        folder: of the comparison; made if need be.
        plan: what decides whether rows are comparable; JSON-able.

    Raises:
        OptionError: the folder holds rows of another plan.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any]) -> None:
        self.folder, self.path = folder, folder / "rows.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        self._check(folder / "plan.json", json.loads(json.dumps(plan)))
        self.rows = self._read()

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row and wait until it is on disk."""
        with self.path.open("ab") as file:
            file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.rows[Fit(row["strategy"], row["budget"], row["seed"])] = dict(row)

    def _check(self, path: Path, plan: dict[str, Any]) -> None:
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            differ = sorted(name for name in {*found, *plan} if found.get(name) != plan.get(name))
            if differ:
                raise OptionError(
                    f"{self.folder} holds a comparison that differs from this one in: {', '.join(differ)}. "
                    "Give --out another folder, or delete that one to begin anew."
                )
            return
        if self.path.exists():
            raise OptionError(
                f"{self.path} stands there without the plan.json that says what its rows are of. "
                "Give --out another folder, or delete that file."
            )
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(plan, indent=1), encoding="utf-8")
        partial.replace(path)

    def _read(self) -> dict[Fit, dict[str, Any]]:
        """Return the rows whose scores are there too; a last line that was cut off is taken away."""
        if not self.path.exists():
            return {}
        raw = self.path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) < len(raw):
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        rows = {}
        for line in whole.splitlines():
            row = json.loads(line)
            task = Fit(row["strategy"], row["budget"], row["seed"])
            if score_path(self.folder, task).exists():
                rows[task] = row
        return rows
