"""Smooth activations that NumPy has no function for."""

from __future__ import annotations

from functools import partial

import numpy as np

from headstart.arrays import Floats
from headstart.kernels import workers
from headstart.kernels.compiling import compiled

_ROOT_HALF = np.float32(np.sqrt(0.5))
_LEAST = 1 << 15  # fewer values than this are not worth another thread


@compiled
def _gelu(values: Floats, start: int, stop: int, found: Floats) -> None:
    """The error function is a quotient of polynomials, right to float32's last digits; beyond 4 it is 1."""
    for i in range(start, stop):
        value = values[i]
        x = min(max(value * _ROOT_HALF, np.float32(-4.0)), np.float32(4.0))
        s = x * x
        p = np.float32(-2.72614225801306e-10)
        p = p * s + np.float32(2.77068142495902e-08)
        p = p * s + np.float32(-2.10102402082508e-06)
        p = p * s + np.float32(-5.69250639462346e-05)
        p = p * s + np.float32(-7.34990630326855e-04)
        p = p * s + np.float32(-2.95459980854025e-03)
        p = p * s + np.float32(-1.60960333262415e-02)
        q = np.float32(-1.45660718464996e-05)
        q = q * s + np.float32(-2.13374055278905e-04)
        q = q * s + np.float32(-1.68282697438203e-03)
        q = q * s + np.float32(-7.37332916720468e-03)
        q = q * s + np.float32(-1.42647390514189e-02)
        found[i] = np.float32(0.5) * value * (np.float32(1.0) + x * p / q)


def gelu(values: Floats) -> Floats:
    """Return ``x * P(normal <= x)`` of each value, float32 in the same shape."""
    flat = np.ascontiguousarray(values, np.float32).reshape(-1)
    found = np.empty_like(flat)
    cuts = workers.shares(len(flat), workers.n_threads(), _LEAST)
    workers.run([partial(_gelu, flat, cut.start, cut.stop, found) for cut in cuts])
    return found.reshape(np.shape(values))
