"""Series: any number of steps of one or more channels."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Self

import numpy as np
from msgspec import Meta

from headstart.arrays import Array, Floats
from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.errors import DataError
from headstart.fields import Ragged
from headstart.inputs.protocol import Encoded, OneColumn
from headstart.plain import Facts, Json
from headstart.records import decoded

_MOST_STEPS = 4096
_LARGE = 1e30
_Mean = Annotated[float, Meta(ge=-1e38, le=1e38)]
_Scale = Annotated[float, Meta(ge=1e-38, le=1e38)]
_OfChannels = Meta(min_length=1, max_length=4096)


class SeriesInput(OneColumn, frozen=True):
    """Reads a column of series, ``list<list<float>>`` [channels][steps] a row.

    Attributes:
        means: of each channel in training, float [channels].
        scales: standard deviations likewise, above 0.
        max_steps: longer series are cut to their first so many steps.
    """

    means: Annotated[tuple[_Mean, ...], _OfChannels]
    scales: Annotated[tuple[_Scale, ...], _OfChannels]
    max_steps: Annotated[int, Meta(ge=1, le=2**31)] = _MOST_STEPS

    fields = ("series", "lengths")

    @classmethod
    def fit(cls, corpus: Corpus) -> Self:
        """Learn the number of channels, and the mean and scale of each.

        Raises:
            DataError: there is no series, or their channels differ in number.
        """
        (column,) = corpus.reads
        rows = [row for row in _rows(corpus.column(column)) if row is not None]
        if not rows:
            raise DataError(
                f"column {column!r} of {corpus.source} holds no series, all rows are null; name another column."
            )
        whole = np.concatenate([_matching(row, len(rows[0]), column) for row in rows], axis=1).astype(np.float64)
        known = np.where(np.isfinite(whole) & (np.abs(whole) < _LARGE), whole, np.nan)
        counted = [bool(np.isfinite(one).any()) for one in known]
        means = [float(np.nanmean(one)) if some else 0.0 for one, some in zip(known, counted, strict=True)]
        scales = [float(np.nanstd(one)) if some else 1.0 for one, some in zip(known, counted, strict=True)]
        return cls(column, tuple(means), tuple(scale if scale > 1e-12 else 1.0 for scale in scales))

    def encode(self, corpus: Corpus) -> Encoded:
        """Return the field ``series``, scaled, ragged [steps, channels]. What is missing within a series is the value before it.

        Counts are ``n_null``, ``n_truncated`` (series that were cut) and ``n_missing_steps``.

        Raises:
            DataError: the column is missing, or series have another number of channels than in training.
        """
        counts = {"n_null": 0, "n_truncated": 0, "n_missing_steps": 0}
        nothing = np.zeros((0, len(self.means)), np.float32)
        found: list[Floats] = []
        means, scales = np.array(self.means), np.array(self.scales)
        for row in _rows(self.cells(corpus)):
            if row is None:
                counts["n_null"] += 1
                found.append(nothing)
                continue
            steps = _matching(row, len(self.means), self.column)[:, : self.max_steps].T.astype(np.float64)
            counts["n_truncated"] += row.shape[1] > self.max_steps
            missing = ~(np.isfinite(steps) & (np.abs(steps) < _LARGE))
            counts["n_missing_steps"] += int(missing.any(1).sum())
            scaled = (steps - means) / scales
            found.append((_filled(scaled, missing) if missing.any() else scaled).astype(np.float32))
        return Encoded(Examples(fields={"series": Ragged.of(found, nothing)}), counts)

    def net_options(self) -> Json:
        """Return ``channels``."""
        return {"channels": len(self.means)}

    def config(self) -> Json:
        """Return what `from_config` takes."""
        return self.to_json()

    @classmethod
    def from_config(cls, config: Facts) -> Self:
        """Build the input again.

        Raises:
            ArtifactError: `config` is not what `config` gave.
        """
        return decoded(cls, config, "the series that this model reads")


def _rows(cells: Any) -> list[Array | None]:
    """Return each series [channels, steps], or None."""
    inner, values = cells.flatten(), cells.flatten().flatten().to_numpy(zero_copy_only=False)
    n_channels = np.asarray(cells.value_lengths().fill_null(0))
    steps = np.asarray(inner.value_lengths())
    first = np.concatenate([[0], np.cumsum(n_channels)])
    ends = np.concatenate([[0], np.cumsum(steps)])
    return [values[ends[a] : ends[b]].reshape(b - a, -1) if b > a else None for a, b in pairwise(first)]


def _matching(row: Array, n_channels: int, column: str) -> Array:
    if len(row) != n_channels:
        raise DataError(
            f"column {column!r} holds a series of {len(row)} channels, where others have {n_channels}; expected [channels][steps] "
            "with as many channels in every row."
        )
    return row


def _filled(values: Array, missing: Array) -> Array:
    """Return values [steps, channels] with the value before in each missing place; 0, the mean, where none came before."""
    place = np.where(missing, -1, np.arange(len(values))[:, None])
    place = np.maximum.accumulate(place, axis=0)
    return np.where(place >= 0, np.take_along_axis(values, np.maximum(place, 0), axis=0), 0.0)
