"""Lines about a training, for whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headstart.plain import Facts


class TrainingLines:
    """An event for `headstart.train.Trainer` that says a line an epoch.

    A training whose epochs are not measured, such as one on pseudo-labels, gets one line at its end.

    Args:
        say: takes each line; None prints it.
    """

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self.note: Callable[[str], None] = print if say is None else say
        self._losses: list[float] = []
        self._seconds = 0.0
        self._resumes = False

    def __call__(self, name: str, trainer: Any, row: Facts) -> None:
        """Take in what has happened."""
        if name == "train_begin":
            self._losses, self._seconds, self._resumes = [], 0.0, True
        elif name == "phase_begin" and self._resumes:
            self._resumes = False
            if trainer.resumed_from is not None:
                epoch, step = trainer.resumed_from
                self.note(f"going on from the checkpoint: {epoch} epochs and {step} steps are done")
        elif name == "epoch_end":
            self._end_epoch(row)
        elif name == "train_end" and self._losses:
            first, last = self._losses[0], self._losses[-1]
            self.note(f"{len(self._losses)} epochs, mean loss {first:.4f} to {last:.4f}, {self._seconds:.1f} s")
        elif name == "guessed":
            how = "learns anew, from these too" if row["anew"] else "learns on, from these"
            self.note(f"pseudo-labels of {row['n_rows']:,} texts; the recurrent branch {how}")

    def _end_epoch(self, row: Facts) -> None:
        measured = [
            f"{name.replace('_', ' ')} {value:.4f}"
            for name, value in row.items()
            if name.startswith(("train_", "valid_")) and value is not None
        ]
        if measured:
            self.note(", ".join([f"epoch {row['epoch']}", *measured, f"{row['seconds']:.1f} s"]))
        elif row.get("running_loss") is not None:
            self._losses.append(row["running_loss"])
            self._seconds += row["seconds"]
