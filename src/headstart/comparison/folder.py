"""The folder of a comparison: whose it is, who works in it, and what in it is ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headstart.artifact import check_target
from headstart.errors import ArtifactError, OptionError
from headstart.outputs import RESUMES, check_folder, check_own, failed_writes, locked, own_folder, remove_own

_NAMES = ("fitted", "model", "plan.json", "report.html", "rows.jsonl", "scores", "verdict.json", "work")
_WITHOUT_PLAN = ("model", "scores")  # of these nobody knows whose they are


def check_place(out: Path, inputs: Iterable[Any]) -> None:
    """Refuse a folder in which a comparison would overwrite what is not its own; call it before anything is read.

    Args:
        out: the comparison's folder, which need not be there.
        inputs: what is read: the base, files of rows; tables and None are passed over.

    Raises:
        OptionError, OutputError: what stands there, and what to do.
    """
    check_folder(out, inputs, option="--out", names=_NAMES)
    begun = any((out / name).exists() for name in ("plan.json", "rows.jsonl"))
    for name in ("work", "fitted"):
        check_own(out / name)
    for name in _NAMES:
        found = out / name
        if found.is_symlink() or (not begun and name in _WITHOUT_PLAN and found.exists()):
            what = "is a link" if found.is_symlink() else "was not made by a comparison"
            raise OptionError(
                f"{str(found)!r} {what}, and would be written over; move it away, or give --out another folder."
            )


@contextmanager
def reserved(out: Path) -> Iterator[None]:
    """Reserve the folder for this process, and say it in a sentence if a write fails; ``work`` is removed at the end.

    Raises:
        OptionError: if another process works there.
        OutputError: if something cannot be written.
    """
    busy = f"another comparison is at work in {str(out)!r}; wait until it is done, or give --out another folder."
    kept = f"Fits that were done are kept: {RESUMES}."
    with locked(out, busy), failed_writes(out, "the comparison", after=kept):
        try:
            yield
        finally:
            remove_own(out / "work")
            remove_own(out / "fitted", if_empty=True)


def make_working_folders(out: Path) -> None:
    """Make ``work``, empty, and ``fitted``, with what an earlier run left in it."""
    own_folder(out / "work")
    own_folder(out / "fitted", keep=True)


def check_shipped(out: Path, run: str) -> None:
    """Refuse to replace a model in the folder that the comparison with the digest `run` did not write.

    Raises:
        OptionError: another model, or something else, stands there.
    """
    try:
        check_target(out / "model", force=False, run=run)
    except ArtifactError as error:
        raise OptionError(
            f"{str(out / 'model')!r} was not written by this comparison, and would be replaced; move it away, or give "
            f"--out another folder ({error})"
        ) from error
