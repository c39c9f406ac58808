"""Student's t for any degrees of freedom, whole or not, without SciPy.

The tail is the regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.7.1 and
26.5.8; evaluated as by Lentz, Applied Optics 15:668-671, 1976).
"""

import math
from functools import lru_cache

_TINY = 1e-300
_CLOSE = 1e-15
_MOST_STEPS = 20_000


def t_tail(t: float, degrees: float) -> float:
    """Return the probability of a value above `t`."""
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    half = 0.5 * _beta_ratio(0.5 * degrees, 0.5, degrees / (degrees + t * t))
    return half if t >= 0 else 1.0 - half


@lru_cache(maxsize=4096)
def t_quantile(share: float, degrees: float) -> float:
    """Return the value that so large a share lies below."""
    if share < 0.5:
        return -t_quantile(1 - share, degrees)
    low, high = 0.0, 1.0
    while t_tail(high, degrees) > 1 - share:
        low, high = high, 2 * high
    while high - low > 1e-12 * max(1.0, high):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if t_tail(middle, degrees) > 1 - share else (low, middle)
        if middle in (low, high) and 0.5 * (low + high) in (low, high):
            break
    return 0.5 * (low + high)


def _beta_ratio(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 / _away(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _MOST_STEPS):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _away(1 + step * d)
            c = _away(1 + step / c)
            found *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return found


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
