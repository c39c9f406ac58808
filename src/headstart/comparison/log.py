"""``rows.jsonl``: one line a finished fit, on disk before the next begins, so that a killed run goes on.

Each line carries a digest of the plan, of the row and of the file of scores that belongs to it. What was
damaged or edited since is noticed, told in a warning, and fitted again.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from pathlib import Path

from headstart.artifact import Parts, read
from headstart.comparison.fits import Fit, score_path
from headstart.errors import ArtifactError, HeadstartWarning, OptionError
from headstart.outputs import atomic_write
from headstart.plain import Facts, Json

_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError)
"""What a damaged line or file may raise."""


class RowLog:
    """The rows of a comparison in a folder.

    ``plan.json`` next to them says what they are rows of: a folder with another plan is refused. Budgets, seeds
    and candidates may differ, since each row says its own.

    Args:
        folder: of the comparison; made if need be.
        plan: what decides whether rows are comparable; JSON-able.

    Raises:
        OptionError: the folder holds rows of another plan, or something that is no file where a file belongs.
    """

    def __init__(self, folder: Path, plan: Facts) -> None:
        self.folder, self.path = folder, folder / "rows.jsonl"
        self.rows: dict[Fit, Json] = {}
        self._lines: dict[Fit, bytes] = {}
        self._plan = _canonical(plan)
        folder.mkdir(parents=True, exist_ok=True)
        for path in (self.path, folder / "plan.json"):
            if path.exists() and not path.is_file():
                raise OptionError(
                    f"{path} is no regular file, and rows of a comparison would go there. "
                    "Give --out another folder, or remove it."
                )
        raw = self.path.read_bytes() if self.path.exists() else b""
        n_bad = self._read(raw)
        self._check_plan(folder / "plan.json", unknown_rows=bool(raw) and not self.rows)
        if b"".join(self._lines.values()) != raw:
            self._rewrite()
        if n_bad:
            warnings.warn(
                f"{n_bad} of the {n_bad + len(self.rows)} rows in {self.path}, or their files of scores, are not as this "
                "version of headstart wrote them (damaged, edited, or older); these fits are done again.",
                HeadstartWarning,
                stacklevel=2,
            )

    def add(self, row: Facts) -> None:
        """Store a row whose scores are written, in place of an earlier one of the same fit; return once it is on disk.

        Raises:
            FileNotFoundError: its scores are not there.
        """
        task = Fit(row["strategy"], row["budget"], row["seed"])
        line = json.dumps({**row, "digest": self._digest(task, row)}, allow_nan=False).encode() + b"\n"
        again = task in self.rows
        self.rows[task], self._lines[task] = dict(row), line
        if again:
            self._rewrite()
            return
        with self.path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    @property
    def plan_digest(self) -> str:
        """The SHA-256 of the plan, in hex."""
        return hashlib.sha256(self._plan).hexdigest()

    def model_path(self, task: Fit) -> Path:
        """Return where the fit's model lies, if it was kept."""
        return self.folder / "fitted" / task.strategy

    def model(self, task: Fit) -> Parts | None:
        """Return the fit's model as its row says it was written, or None where there is no such model."""
        try:
            parts = read(self.model_path(task))
        except (ArtifactError, OSError):
            return None
        return parts if parts.content_hash == self.rows[task].get("content_hash") else None

    def _read(self, raw: bytes) -> int:
        """Take in the rows that are as they were written; return how many are not. A last line may be cut off."""
        n_bad = 0
        for line in raw[: raw.rfind(b"\n") + 1].splitlines(keepends=True):
            try:
                row = json.loads(line)
                digest = row.pop("digest")
                task = Fit(row["strategy"], row["budget"], row["seed"])
                whole = self._digest(task, row) == digest
            except _UNREADABLE:
                whole = False
            if whole:
                self.rows[task], self._lines[task] = row, line
            else:
                n_bad += 1
        return n_bad

    def _digest(self, task: Fit, row: Facts) -> str:
        path = score_path(self.folder, task)
        if not path.is_file():  # opening a pipe would wait for ever
            raise FileNotFoundError(f"{path} is not there, and a row needs its scores")
        with path.open("rb") as file:
            scores = hashlib.file_digest(file, "sha256").digest()
        return hashlib.sha256(self._plan + b"\n" + _canonical(row) + b"\n" + scores).hexdigest()

    def _check_plan(self, path: Path, *, unknown_rows: bool) -> None:
        """Refuse another plan's folder. Where the plan is lost or damaged, rows that fit this one prove it."""
        try:
            found = json.loads(path.read_bytes())
        except _UNREADABLE:
            found = None
        plan = json.loads(self._plan)
        if isinstance(found, dict):
            differ = sorted(name for name in {*found, *plan} if found.get(name) != plan.get(name))
            if differ:
                raise OptionError(
                    f"{self.folder} holds a comparison that differs from this one in: {', '.join(differ)}. "
                    "Give --out another folder, or delete that one to begin anew."
                )
            return
        if unknown_rows:
            raise OptionError(
                f"{self.path} stands there without the plan.json that says what its rows are of. "
                "Give --out another folder, or delete that file."
            )
        _replace(path, json.dumps(plan, indent=1).encode())

    def _rewrite(self) -> None:
        _replace(self.path, b"".join(self._lines.values()))


def _canonical(value: Facts) -> bytes:
    return json.dumps(value, sort_keys=True, allow_nan=False).encode()


def _replace(path: Path, raw: bytes) -> None:
    """Write a file in one move."""
    with atomic_write(path) as unfinished:
        unfinished.write_bytes(raw)
