from __future__ import annotations

import pytest
from scipy import stats

from headstart.evaluation.student import t_quantile, t_tail


@pytest.mark.parametrize("degrees", [1.0, 1.37, 2.0, 5.5, 30.0, 1234.5, 1e6])
@pytest.mark.parametrize("t", [-40.0, -2.3, -0.01, 0.0, 0.4, 3.36, 25.0])
def test_tails_are_scipys(t: float, degrees: float) -> None:
    assert t_tail(t, degrees) == pytest.approx(stats.t.sf(t, degrees), rel=1e-7, abs=1e-300)


@pytest.mark.parametrize("degrees", [1.0, 2.4, 7.0, 500.0])
@pytest.mark.parametrize("share", [0.005, 0.5, 0.9, 0.975, 0.995, 0.9999])
def test_quantiles_are_scipys(share: float, degrees: float) -> None:
    assert t_quantile(share, degrees) == pytest.approx(stats.t.ppf(share, degrees), rel=1e-9, abs=1e-9)
