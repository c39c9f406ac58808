"""What a reader is asked to take from a file."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from headstart.corpus.columns import check_columns


@dataclass
class Request:
    """Which columns to take, and what was met on the way.

    Args:
        needed: columns that must be there, the text column first.
        wanted: columns to return besides; None for all.
        batch_rows: the most rows in a batch.
        counts: grows while reading (``n_bad_encoding``).
    """

    needed: tuple[str, ...]
    wanted: tuple[str, ...] | None
    batch_rows: int
    counts: Counter[str] = field(default_factory=Counter)

    def select(self, present: Sequence[str], where: str) -> list[str]:
        """The columns to read, in the file's order.

        Raises:
            DataError: one of them is missing, or stands there twice.
        """
        asked = (*self.needed, *(present if self.wanted is None else self.wanted))
        check_columns(asked, present, where)
        chosen = set(asked)
        return [name for name in present if name in chosen]
