"""How good predicted numbers are. Targets and scores are numbers [rows]."""

from __future__ import annotations

import numpy as np

from headstart.evaluation.metric import Metric, mean_of_rows

__all__ = ["MAE"]

MAE = Metric("mae", mean_of_rows(lambda y, p: np.abs(p - y)), higher_is_better=False, between_0_and_1=False)
"""Mean absolute error, in the target's own unit."""
