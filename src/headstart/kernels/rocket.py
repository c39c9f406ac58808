"""MiniRocket's convolutions: kernels of nine taps that weigh -1, but three of them 2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.kernels.compiling import compiled

_TAPS = 9
_Floats = NDArray[np.float32]
_Ints = NDArray[np.int64]


@compiled(part=True)
def _convolve(
    values: _Floats, first: int, n_steps: int, taps: _Ints, dilation: int, channels: _Ints, out: _Floats
) -> None:
    for step in range(n_steps):
        total = np.float32(0)
        for channel in channels:
            if channel < 0:
                break
            for tap in range(_TAPS):
                at = step + (tap - 4) * dilation
                if 0 <= at < n_steps:
                    weight = np.float32(-1)
                    if tap == taps[0] or tap == taps[1] or tap == taps[2]:  # Numba has no such test
                        weight = np.float32(2)
                    total += weight * values[first + at, channel]
        out[step] = total


@compiled
def convolve(
    values: _Floats, first: int, n_steps: int, taps: _Ints, dilation: int, channels: _Ints, out: _Floats
) -> None:
    """Write the convolution of one row with one kernel into `out` [steps]; what lies beyond the row's ends is zero.

    Args:
        values: all rows' steps [steps, channels].
        first: where the row begins.
        n_steps: of the row.
        taps: which three weigh 2 [3].
        dilation: steps from tap to tap.
        channels: which are summed, ended by -1.
        out: as long as the row or longer.
    """
    _convolve(values, first, n_steps, taps, dilation, channels, out)


@compiled
def proportions(
    values: _Floats,
    offsets: _Ints,
    taps: _Ints,
    dilations: _Ints,
    channels: _Ints,
    biases: _Floats,
    out: _Floats,
) -> None:
    """Write, of every row, the proportion of steps at which each kernel's convolution is above each of its biases.

    Args:
        values: all rows' steps [steps, channels].
        offsets: where rows begin and end [rows + 1].
        taps: of each kernel, which three weigh 2 [kernels, 3].
        dilations: of each kernel [kernels].
        channels: of each kernel, ended by -1 [kernels, most channels + 1].
        biases: of each kernel [kernels, biases].
        out: [rows, kernels * biases].
    """
    longest = 1
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    found = np.empty(longest, np.float32)
    for row in range(len(offsets) - 1):
        n_steps = offsets[row + 1] - offsets[row]
        for kernel in range(len(taps)):
            _convolve(values, offsets[row], n_steps, taps[kernel], dilations[kernel], channels[kernel], found)
            for bias in range(biases.shape[1]):
                above = 0
                for step in range(n_steps):
                    if found[step] > biases[kernel, bias]:
                        above += 1
                out[row, kernel * biases.shape[1] + bias] = above / max(n_steps, 1)
