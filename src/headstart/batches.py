"""Ragged token ids in, padded batches out.

An `Examples` is the data set that a network sees: ids, labels, weights, and the fields of other inputs, row for row. `Batches`
cuts it into `Batch` values: clipped, padded on the right with 0, near in length, shuffled by a seed. The
order of every epoch is a pure function of seed and epoch number, so a resumed run needs no state from here.

Batches are NumPy; `Batch.tensors` hands the same memory to torch. A batch of 64 reviews is built in about
a hundredth of the time that a network needs for it, so there are no worker processes to start or to kill.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from headstart.arrays import Floats, Places
from headstart.errors import DataError, OptionError
from headstart.extras import learning_half
from headstart.fields import Field, Ragged, blank, padded, sizes, taken
from headstart.options import RandomState, seed_of
from headstart.plain import Facts, Json
from headstart.spill import looked_at
from headstart.text import RaggedIds

__all__ = ["Batch", "Batches", "Clip", "Examples", "clip_ids", "token_limit"]

Clip = Literal["head", "tail", "both"]
Order = Literal["rows", "length", "shuffled"]
_PAGE = 1 << 16  # bytes that looking at a row brings in, with what the system reads around it


def _no_ids() -> RaggedIds:
    return RaggedIds(np.zeros(0, np.int32), np.zeros(1, np.int64))


@dataclass(frozen=True)
class Batch:
    """Some rows of a data set, padded to a rectangle; every field NumPy arrays, or every field tensors.

    Attributes:
        ids: token ids, int32 [rows, tokens], 0 beyond each row's length. At least one token wide. None without texts.
        lengths: true tokens (or steps of a series) of each row, int64 [rows]; 0 for an empty text.
        labels: class codes, float32 [rows], or None.
        weights: row weights, float32 [rows], or None.
        fields: what other inputs hold, by name, each [rows, ...], zeros beyond each row's length.
        rows: positions of these rows in the data set, int64 [rows].
    """

    ids: Any
    lengths: Any
    labels: Any = None
    weights: Any = None
    fields: Facts = field(default_factory=dict)
    rows: Any = None

    def __len__(self) -> int:
        return len(self.lengths)

    def tensors(self, device: object = "cpu") -> Batch:
        """Return the same batch as torch tensors on `device`; on the CPU they share this batch's memory."""
        torch: Any = learning_half("torch", "A batch of tensors")

        def move(value: object) -> Any:
            if isinstance(value, np.ndarray) and value.dtype != object:
                value = torch.from_numpy(value)
            return value.to(device, non_blocking=True) if isinstance(value, torch.Tensor) else value

        moved = {one.name: move(getattr(self, one.name)) for one in fields(self) if one.name != "fields"}
        return Batch(**moved, fields={name: move(value) for name, value in self.fields.items()})

    def field(self, name: str) -> Any:
        """Return ``ids``, ``lengths`` or a field of another input.

        Raises:
            DataError: these rows do not hold it.
        """
        found = self.fields.get(name, {"ids": self.ids, "lengths": self.lengths}.get(name))
        if found is None:
            held = ", ".join([*(() if self.ids is None else ("ids",)), "lengths", *self.fields])
            raise DataError(
                f"the network reads {name!r}, and these rows hold {held}; give it rows of the kind that it reads."
            )
        return found


@dataclass(frozen=True)
class Examples:
    """A data set with what belongs to each row: token ids, or fields of other inputs, or both.

    Attributes:
        ids: `RaggedIds` of n rows, or n lists of ids, which become that; of none where there are no texts.
        labels: class codes, float32 [n], or None.
        weights: row weights, float32 [n], or None.
        fields: what other inputs hold, by name, each of n rows; see `headstart.fields`.
    """

    ids: RaggedIds = field(default_factory=_no_ids)
    labels: Floats | None = None
    weights: Floats | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given: Any = self.ids
        if not isinstance(given, RaggedIds):
            object.__setattr__(self, "ids", RaggedIds.from_lists(given))
        for name in ("labels", "weights"):
            if isinstance(getattr(self, name), list | tuple):
                object.__setattr__(self, name, np.asarray(getattr(self, name), np.float32))
        ids = {"ids": self.ids} if len(self.ids) else {}
        parts = {**ids, "labels": self.labels, "weights": self.weights, **self.fields}
        for name, part in parts.items():
            if part is not None and len(part) != len(self):
                what = "texts" if len(self.ids) else "rows"
                raise DataError(
                    f"{name!r} has {len(part):,} rows next to {len(self):,} {what}; pass one value for every {what[:-1]}."
                )

    def __len__(self) -> int:
        return len(self.ids) or max(map(len, self.fields.values()), default=0)

    @property
    def lengths(self) -> Places:
        """How long each row is: its tokens or steps, or the points of an image; 1 of what has no length, int64 [n]."""
        if len(self.ids) or not self.fields:
            return self.ids.lengths
        ragged = [one for one in self.fields.values() if isinstance(one, Ragged)]
        return sizes(ragged[0]) if ragged else np.max([sizes(one) for one in self.fields.values()], axis=0)

    def blank_row(self) -> Examples:
        """Return one row of nothing, in the shape of these rows."""
        nothing = RaggedIds(np.zeros(0, np.int32), np.zeros(2, np.int64))
        return Examples(nothing, fields={name: blank(value) for name, value in self.fields.items()})

    def __getitem__(self, index: int | slice | NDArray[np.integer]) -> Examples:
        """Return the chosen rows (an integer gives one row) as `Examples`."""
        if isinstance(index, int | np.integer):
            index = np.array([range(len(self))[index]])
        elif isinstance(index, slice):
            index = np.arange(len(self))[index]
        rows = np.asarray(index)
        rows = rows.nonzero()[0] if rows.dtype == bool else rows.astype(np.int64)
        return replace(
            self,
            ids=self.ids.take(rows) if len(self.ids) else self.ids,
            labels=None if self.labels is None else self.labels[rows],
            weights=None if self.weights is None else self.weights[rows],
            fields={name: taken(value, rows) for name, value in self.fields.items()},
        )


def token_limit(lengths: Places, max_tokens: int | str | None) -> int | None:
    """Turn `max_tokens` into a number: itself, or a percentile of the training lengths such as ``"95%"``.

    Raises:
        OptionError: if it is neither a positive number, a percentage between 0 and 100, nor None.
    """
    if max_tokens is None:
        return None
    if isinstance(max_tokens, str) and max_tokens.endswith("%"):
        try:
            share = float(max_tokens[:-1])
        except ValueError:
            share = -1.0
        if 0 < share <= 100:
            return max(1, int(np.ceil(np.percentile(lengths, share)))) if len(lengths) else 1
    elif not isinstance(max_tokens, bool) and str(max_tokens).isdecimal() and int(max_tokens) > 0:
        return int(max_tokens)
    raise OptionError(
        f"max_tokens is {max_tokens!r}; expected a positive number of tokens such as 400, "
        "a percentile of the training lengths such as '95%', or None for no limit."
    )


def clip_ids(ids: RaggedIds, max_tokens: int | None, clip: Clip = "head") -> tuple[RaggedIds, int]:
    """Cut rows longer than `max_tokens` and count them.

    Args:
        ids: token ids of n rows.
        max_tokens: the longest row to keep whole; None keeps all.
        clip: what of a long row is kept: its ``"head"``, its ``"tail"``, or half of each (``"both"``).

    Returns:
        The ids, and how many rows were cut.
    """
    if clip not in ("head", "tail", "both"):
        raise OptionError(f"clip is {clip!r}; expected 'head', 'tail' or 'both': the part of a long text to keep.")
    if isinstance(max_tokens, str):
        raise OptionError(
            f"max_tokens is {max_tokens!r}; expected a number. token_limit(ids.lengths, {max_tokens!r}) of the training rows "
            "gives it, so that all rows are cut at the same length."
        )
    lengths = ids.lengths
    n_cut = 0 if max_tokens is None else int((lengths > max_tokens).sum())
    if max_tokens is None or n_cut == 0:
        return ids, 0
    kept = np.minimum(lengths, max_tokens)
    head = {"head": kept, "tail": np.zeros_like(kept), "both": np.where(lengths > max_tokens, (kept + 1) // 2, kept)}[
        clip
    ]
    return ids.ends(head, kept - head), n_cut


class Batches:
    """Cuts `Examples` into batches, in a chosen order.

    Args:
        examples: the data set, clipped already where that is wanted (`clip_ids`).
        batch_size: rows in a batch, over all processes together.
        order: ``"rows"`` keeps the order of the rows; ``"length"`` sorts by length (for prediction:
            least padding; `Batch.rows` says where each row belongs); ``"shuffled"`` mixes rows of like
            length and shuffles the batches (for training).
        n_buckets: how many groups of like length ``"shuffled"`` forms. 1 ignores length; more buckets
            pad less and mix less.
        equal_lengths: a batch never holds two lengths. For networks that see padding.
        max_batch_tokens: also close a batch before ``rows x longest`` passes this; bounds the memory
            that one very long text can cost.
        random_state: seed of ``"shuffled"``.
        rank: which of `world_size` processes this is; each gets its share of every batch.
        world_size: how many processes share the work.

    A shuffled batch has two rows a process or more wherever the data set has: batch normalisation
    cannot learn from one row, so a remainder of one joins the batch before it.
    """

    def __init__(
        self,
        examples: Examples,
        *,
        batch_size: int = 64,
        order: Order = "rows",
        n_buckets: int = 32,
        equal_lengths: bool = False,
        max_batch_tokens: int | None = None,
        random_state: RandomState = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if not isinstance(examples, Examples):
            raise DataError(
                f"Batches are cut of Examples, and a {type(examples).__name__} came; write Batches(Examples(ids, labels))."
            )
        if batch_size < 1 or n_buckets < 1:
            raise OptionError(
                f"batch_size is {batch_size} and n_buckets is {n_buckets}; both must be 1 or more. Set them to e.g. 64 and 32."
            )
        if order not in ("rows", "length", "shuffled"):
            raise OptionError(f"order is {order!r}; expected 'rows', 'length' or 'shuffled'.")
        self.examples = examples
        self.batch_size = batch_size
        self.order = order
        self.n_buckets = n_buckets
        self.equal_lengths = equal_lengths
        self.max_batch_tokens = max_batch_tokens
        self.random_state = seed_of(random_state)
        self.rank = rank
        self.world_size = world_size
        self.lengths = examples.lengths
        self._ids = Ragged(examples.ids.values, examples.ids.offsets) if len(examples.ids) else None

    @property
    def options(self) -> Json:
        """How the rows are cut, as the arguments say; not which process's share this is."""
        names = ("batch_size", "order", "n_buckets", "equal_lengths", "max_batch_tokens", "random_state")
        return {name: getattr(self, name) for name in names}

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self.plan(0))

    def __getitem__(self, index: int) -> Batch:
        """Return one batch of the first epoch."""
        return self.batch(self.plan(0)[index])

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of the first epoch."""
        return self.epoch(0)

    def epoch(self, number: int, *, start: int = 0) -> Iterator[Batch]:
        """Yield the batches of epoch `number`, from batch `start` on."""
        for rows in self.plan(number)[start:]:
            yield self.batch(rows)

    def plan(self, number: int) -> list[Places]:
        """Return the rows of every batch of epoch `number`, for this process, each int64 [rows]."""
        if self.order == "rows":
            batches = self._cut(np.arange(len(self.examples)))
        elif self.order == "length":
            batches = self._cut(np.argsort(self.lengths, kind="stable"))
        else:
            batches = self._shuffled(np.random.default_rng([self.random_state, number]))
        if self.world_size > 1:
            batches = [rows[self.rank :: self.world_size] for rows in batches]
        return batches

    def batch(self, rows: Places) -> Batch:
        """Build the batch of the given rows."""
        examples = self.examples
        ids = None if self._ids is None else padded(self._ids, rows)
        looked_at(_PAGE * len(rows) if ids is None else max(ids.nbytes, _PAGE * len(rows)))
        return Batch(
            ids=ids,
            lengths=self.lengths[rows],
            labels=None if examples.labels is None else examples.labels[rows],
            weights=None if examples.weights is None else examples.weights[rows],
            fields={name: padded(value, rows) for name, value in examples.fields.items()},
            rows=rows,
        )

    def _shuffled(self, rng: np.random.Generator) -> list[Places]:
        mixed = rng.permutation(len(self.examples))
        by_length = mixed[np.argsort(self.lengths[mixed], kind="stable")]
        buckets = [rng.permutation(bucket) for bucket in np.array_split(by_length, self.n_buckets)]
        batches = self._cut(np.concatenate(buckets))
        least = 2 * self.world_size
        if not self.equal_lengths and len(batches) > 1 and len(batches[-1]) < least:
            last = batches.pop()
            batches[-1] = np.concatenate([batches[-1], last])
        return [batches[i] for i in rng.permutation(len(batches))]

    def _cut(self, order: Places) -> list[Places]:
        if self.max_batch_tokens is None and not self.equal_lengths:
            return [order[i : i + self.batch_size] for i in range(0, len(order), self.batch_size)]
        starts: list[int] = []
        longest = 0
        for i, length in enumerate(np.maximum(self.lengths[order], 1)):
            size = i - starts[-1] if starts else self.batch_size
            too_many = self.max_batch_tokens is not None and (size + 1) * max(longest, length) > self.max_batch_tokens
            if size >= self.batch_size or too_many or (self.equal_lengths and length != longest):
                starts.append(i)
                longest = length
            longest = max(longest, length)
        return [order[a:b] for a, b in pairwise([*starts, len(order)])]
