"""Features that need no training, for the reference points of series and images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol, Self

import numpy as np

from headstart.arrays import Array, Doubles, Floats
from headstart.batches import Examples
from headstart.errors import ArtifactError, DataError
from headstart.fields import Ragged
from headstart.kernels.rocket import convolve, proportions
from headstart.plain import Facts, Json


class Transform(Protocol):
    """Makes numbers of encoded rows. A kind is a class like this and an entry of `TRANSFORMS`."""

    kind: str

    @classmethod
    def fit(cls, examples: Examples, random_state: int) -> Self:
        """Return the transform for rows like these."""

    def features(self, examples: Examples) -> Floats:
        """Return [rows, size]."""

    def config(self) -> Json:
        """Return what is stored next to `arrays`, JSON-able."""

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that are stored."""

    @classmethod
    def from_stored(cls, config: Facts, arrays: Mapping[str, Array]) -> Self:
        """Build it again."""


def _field(examples: Examples, name: str) -> Any:
    if name not in examples.fields:
        raise DataError(f"these rows hold no {name}; give the model rows of the kind that it was made for.")
    return examples.fields[name]


@dataclass(frozen=True)
class MiniRocket:
    """Proportions of steps at which random convolutions exceed biases.

    Dempster, Schmidt and Webb, "MiniRocket: A Very Fast (Almost) Deterministic Transform for Time Series Classification", KDD
    2021; here with about 2,688 features and not 9,996, for a linear model is fitted to them many times, and with zeros beyond the
    ends of every series.

    Attributes:
        dilations: of each kernel, int64 [kernels].
        channels: which channels each sums, ended by -1, int64 [kernels, most + 1].
        biases: float32 [kernels, biases].
    """

    dilations: Array
    channels: Array
    biases: Array

    kind = "minirocket"

    @classmethod
    def fit(cls, examples: Examples, random_state: int) -> Self:
        """Choose dilations by the median length, channels by chance, and biases as quantiles over random rows."""
        series: Ragged = _field(examples, "series")
        rng = np.random.default_rng(random_state)
        length = max(int(np.median(series.lengths)) if len(series) else 1, 9)
        exponent = np.log2((length - 1) / 8)
        steps = np.unique(np.logspace(0, exponent, _PER_TAPS // 4, base=2).astype(np.int64))
        taps, dilations = np.tile(_TAPS, (len(steps), 1)), np.repeat(steps, len(_TAPS))
        n_channels, n_biases = series.values.shape[1], max(1, _PER_TAPS // len(steps))
        most = min(n_channels, 9)
        channels = np.full((len(taps), most + 1), -1, np.int64)
        for kernel in range(len(taps)):
            n = min(most, int(2 ** rng.uniform(0, np.log2(most + 1))))
            channels[kernel, :n] = rng.choice(n_channels, n, replace=False)
        golden = (np.arange(1, len(taps) * n_biases + 1) * (np.sqrt(5) + 1) / 2) % 1
        biases = np.zeros((len(taps), n_biases), np.float32)
        full = np.flatnonzero(series.lengths)
        out = np.zeros(int(series.lengths.max(initial=1)), np.float32)
        for kernel in range(len(taps) if len(full) else 0):
            row = int(rng.choice(full))
            n_steps = int(series.lengths[row])
            values = np.ascontiguousarray(series.values)
            convolve(values, int(series.offsets[row]), n_steps, taps[kernel], dilations[kernel], channels[kernel], out)
            biases[kernel] = np.quantile(out[:n_steps], golden[kernel * n_biases : (kernel + 1) * n_biases])
        return cls(dilations, channels, biases)

    def features(self, examples: Examples) -> Floats:
        """Return proportions, float32 [rows, kernels * biases]."""
        series: Ragged = _field(examples, "series")
        out = np.zeros((len(series), self.biases.size), np.float32)
        taps = np.tile(_TAPS, (len(self.dilations) // len(_TAPS), 1))
        values = np.ascontiguousarray(series.values)
        proportions(values, series.offsets, taps, self.dilations, self.channels, self.biases, out)
        return out

    def config(self) -> Json:
        """Return the number of channels."""
        return {"kind": self.kind, "n_channels": int(self.channels.max()) + 1}

    def arrays(self) -> dict[str, Array]:
        """Return all of it."""
        return {"dilations": self.dilations, "channels": self.channels, "biases": self.biases}

    @classmethod
    def from_stored(cls, config: Facts, arrays: Mapping[str, Array]) -> Self:
        """Build it again from checked arrays.

        Raises:
            ArtifactError: they do not fit one another.
        """
        found = [arrays.get(name, np.zeros(0)) for name in ("dilations", "channels", "biases")]
        dilations, channels, biases = found
        types = [one.dtype for one in found] == [np.int64, np.int64, np.float32]
        shapes = (
            dilations.ndim == 1 and channels.ndim == biases.ndim == 2 and len(dilations) == len(channels) == len(biases)
        )
        if not types or not shapes or not len(dilations) or len(dilations) % len(_TAPS) or dilations.min() < 1:
            raise ArtifactError(
                "this model's convolutions do not fit one another; copy the model again or train it anew."
            )
        bounds = channels.min() >= -1 and channels.max() < int(config["n_channels"]) and (channels[:, -1] == -1).all()
        if not bounds or dilations.max() > 2**31 or not np.isfinite(biases).all():
            raise ArtifactError(
                "this model's convolutions hold what no training gives; copy the model again or train it anew."
            )
        return cls(dilations, channels, biases)


_TAPS = np.array(list(combinations(range(9), 3)), np.int64)
_PER_TAPS = 32


@dataclass(frozen=True)
class Pixels:
    """The points of an image as they are, from 0 to 1."""

    kind = "pixels"

    @classmethod
    def fit(cls, examples: Examples, random_state: int) -> Self:
        """Return the transform; nothing is learnt."""
        return cls()

    def features(self, examples: Examples) -> Floats:
        """Return float32 [rows, channels * height * width]."""
        found: Floats = _field(examples, "pixels").reshape(len(examples), -1).astype(np.float32) / np.float32(255)
        return found

    def config(self) -> Json:
        """Return its kind."""
        return {"kind": self.kind}

    def arrays(self) -> dict[str, Array]:
        """Return nothing."""
        return {}

    @classmethod
    def from_stored(cls, config: Facts, arrays: Mapping[str, Array]) -> Self:
        """Build it again."""
        return cls()


class Hog(Pixels):
    """Histograms of oriented gradients: Dalal and Triggs, CVPR 2005; nine directions, cells of a seventh of the shorter side.

    Forty lines of our own and not scikit-image's, so that a model predicts without it.
    """

    kind = "hog"

    def features(self, examples: Examples) -> Floats:
        """Return float32 [rows, blocks * 36]."""
        grey = _field(examples, "pixels").mean(1, dtype=np.float32)  # [rows, height, width]
        cell = max(2, min(grey.shape[1:]) // 7)
        n_down, n_across = (max(1, side // cell) for side in grey.shape[1:])
        padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
        down, across = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1], padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
        size, turn = np.hypot(down, across), np.arctan2(down, across) / np.pi % 1 * _DIRECTIONS
        lower = np.floor(turn)
        histograms = np.zeros((len(grey), n_down, n_across, _DIRECTIONS), np.float32)
        for direction in range(_DIRECTIONS):
            share = np.where(lower % _DIRECTIONS == direction, 1 - (turn - lower), 0)
            share += np.where((lower + 1) % _DIRECTIONS == direction, turn - lower, 0)
            votes = (size * share)[:, : n_down * cell, : n_across * cell]
            shape = (len(grey), n_down, votes.shape[1] // n_down, n_across, votes.shape[2] // n_across)
            histograms[..., direction] = votes.reshape(shape).sum((2, 4))
        return _normalised(histograms).reshape(len(grey), -1)


_DIRECTIONS = 9


def _normalised(histograms: Floats) -> Floats:
    """Return blocks of 2 x 2 cells, each of length 1, and again once what stands out is cut, [rows, down, across, 4 * directions]."""
    down, across = (min(2, side) for side in histograms.shape[1:3])
    n_down, n_across = histograms.shape[1] - down + 1, histograms.shape[2] - across + 1
    parts = [histograms[:, i : i + n_down, j : j + n_across] for i in range(down) for j in range(across)]
    blocks: Doubles = np.concatenate(parts, axis=3).astype(np.float64)
    for most in (0.2, 1.0):
        blocks = np.minimum(blocks / np.sqrt((blocks**2).sum(3, keepdims=True) + 1e-4), most)
    return blocks.astype(np.float32)


TRANSFORMS: Json = {one.kind: one for one in (MiniRocket, Pixels, Hog)}
"""Every kind of transform that a model file may name; see `Transform`."""


def transform_from_stored(config: Facts, arrays: Mapping[str, Array]) -> Transform:
    """Build a transform again.

    Raises:
        ArtifactError: of a kind that is not known here, or its parts do not fit one another.
    """
    if config["kind"] not in TRANSFORMS:
        raise ArtifactError(
            f"this model reads features of the kind {config['kind']!r:.60}, which this version does not know; upgrade headstart."
        )
    found: Transform = TRANSFORMS[config["kind"]].from_stored(config, arrays)
    return found
