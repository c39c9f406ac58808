"""How rows are divided over processes, and how each cuts batches of its own that fit those of the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.arrays import Places
from headstart.batches import Batches, Examples
from headstart.errors import OptionError
from headstart.train.world import World

_MOST_TOGETHER = 4096


def shard_rows(n_rows: int, size: int) -> list[Places]:
    """Return the rows of each of `size` processes, ascending: groups of rows in turn, the last of them row by row.

    Rows that stand together stay together, as they do in the row groups of a file, and the processes' numbers of rows differ by one
    at most.
    """
    together = max(1, min(_MOST_TOGETHER, n_rows // (16 * size)))
    rows = np.arange(n_rows)
    whole = n_rows - n_rows % (together * size)
    owner = np.where(rows < whole, rows // together % size, (rows - whole) % size)
    return [np.flatnonzero(owner == rank) for rank in range(size)]


class ShardBatches(Batches):
    """Batches of one process's rows, as many as every other process has, and of like length.

    All plan the same batches of places, and every process has its rows in the order of their length: what stands in a place is
    about as long in each of them, so that none waits for another, and nothing of the rows need be told.

    Args:
        shard: this process's rows.
        n_rows: of all processes.
        world: the processes.
        options: of `Batches`, for the batches of all together.

    Raises:
        OptionError: an order of its own, which several processes cannot keep.
    """

    def __init__(self, shard: Examples, n_rows: int, world: World, **options: Any) -> None:
        other = {**options, "order": options.get("order", "shuffled")}
        if other["order"] != "shuffled" or other.get("equal_lengths") or other.get("max_batch_tokens"):
            raise OptionError(
                "batches with an order, equal lengths or a number of tokens of their own came, and several processes cut theirs by "
                "rows; train on one device, or leave these options out."
            )
        share = max(1, int(other["batch_size"]) // world.size)
        super().__init__(shard, **{**other, "batch_size": share})
        self._by_length = np.argsort(self.lengths, kind="stable")
        n_places = -(-n_rows // world.size)
        self._places = Batches(Examples(fields={"place": np.zeros(n_places)}), **{**other, "batch_size": share})
        self._places.lengths = np.arange(n_places)

    def plan(self, number: int) -> list[Places]:
        """Return the rows of every batch of epoch `number`, each int64 [rows]."""
        return [self._by_length[places[places < len(self._by_length)]] for places in self._places.plan(number)]
