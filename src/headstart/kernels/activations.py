"""Sigmoid and hyperbolic tangent of SIMD values, to float32 rounding."""

from __future__ import annotations

import numpy as np

from headstart.kernels.compiling import compiled
from headstart.kernels.llvm import Lanes
from headstart.kernels.simd import clamp, fill

_f32 = np.float32


@compiled(inline=True)
def tanh(x: Lanes) -> Lanes:
    """Hyperbolic tangent: absolute error below 5e-7; NaN for NaN.

    A rational approximation, odd of degree 13 over even of degree 6, on the range where float32
    differs from its limits. The coefficients are those of Eigen's ``generic_fast_tanh_float``.
    """
    x = clamp(x, _f32(7.90531110763549805))
    q = x * x
    p = fill(_f32(-2.76076847742355e-16)) * q + fill(_f32(2.00018790482477e-13))
    p = p * q + fill(_f32(-8.60467152213735e-11))
    p = p * q + fill(_f32(5.12229709037114e-08))
    p = p * q + fill(_f32(1.48572235717979e-05))
    p = p * q + fill(_f32(6.37261928875436e-04))
    p = p * q + fill(_f32(4.89352455891786e-03))
    d = fill(_f32(1.19825839466702e-06)) * q + fill(_f32(1.18534705686654e-04))
    d = d * q + fill(_f32(2.26843463243900e-03))
    d = d * q + fill(_f32(4.89352518554385e-03))
    return x * p / d


@compiled(inline=True)
def sigmoid(x: Lanes) -> Lanes:
    """Logistic function ``1 / (1 + exp(-x))``: absolute error below 3e-7; NaN for NaN."""
    half = fill(_f32(0.5))
    return half + half * tanh(half * x)
