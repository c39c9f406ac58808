"""Fitting without a network: folds and hold-outs, logistic regression, calibration. Nothing here knows a strategy."""
