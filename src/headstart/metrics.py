"""The import path of 0.1 for `headstart.evaluation`: how good scores are, and how sure one may be."""

from headstart.evaluation.binary import (
    N_BINS,
    Difference,
    Interval,
    auc,
    auc_interval,
    delong_test,
    evaluate_scores,
    expected_calibration_error,
    mean_confidence,
    paired_bootstrap_auc,
)

__all__ = [
    "N_BINS",
    "Difference",
    "Interval",
    "auc",
    "auc_interval",
    "delong_test",
    "evaluate_scores",
    "expected_calibration_error",
    "mean_confidence",
    "paired_bootstrap_auc",
]
