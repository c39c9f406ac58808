from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headstart.errors import DataError
from headstart.metrics import auc, expected_calibration_error
from headstart.report import calibration_curve, score_separation


def test_shares_are_of_the_labels_own_rows() -> None:
    figure = score_separation([0, 0, 0, 1], [0.1, 0.1, 0.9, 0.9], ["no", "yes"], n_bins=2)
    yes, no = figure.panels[0].series
    assert (yes.name, no.name) == ("yes (1 rows)", "no (3 rows)")
    np.testing.assert_allclose(no.y, [2 / 3, 1 / 3])
    np.testing.assert_allclose(yes.y, [0, 1])
    assert figure.panels[0].strips[1].text == "Probability 0.5 to 1\nyes 1 rows (100.0%)\nno 1 rows (33.3%)"


def test_the_note_says_auc_and_both_errors_at_the_cut(scored: tuple[list[int], list[float]]) -> None:
    said = score_separation(*scored, threshold=0.3).description
    assert f"AUC {auc(*scored):.4f}." in said
    assert "“positive” rows are missed" in said and "“negative” rows pass" in said


@pytest.mark.parametrize("labels", [[1, 1], [0, 0]])
def test_one_label_alone_can_be_drawn(labels: list[int]) -> None:
    assert "AUC" not in score_separation(labels, [0.2, 0.8]).description
    assert len(calibration_curve(labels, [0.2, 0.8]).rows) == 2


def test_calibration_agrees_with_the_metric(scored: tuple[list[int], list[float]]) -> None:
    figure = calibration_curve(*scored)
    assert f"{expected_calibration_error(*scored):.3f}" in figure.description
    assert sum(row["n"] for row in figure.rows) == 600
    assert all(row["low"] <= row["share"] <= row["high"] for row in figure.rows)


def test_wilson_interval_of_a_known_bin() -> None:
    """8 of 10: .490 to .943 (Wilson, 1927; any table of it)."""
    (row,) = calibration_curve([1] * 8 + [0] * 2, [0.7] * 10).rows
    assert (round(row["low"], 3), round(row["high"], 3)) == (0.49, 0.943)


@pytest.mark.parametrize("draw", [score_separation, calibration_curve])
@pytest.mark.parametrize(
    ("labels", "probabilities", "match"),
    [
        ([0, 1], [0.5], r"labels of shape \(2,\) and probabilities of shape \(1,\)"),
        ([], [], "one or more rows"),
        ([0, 2], [0.1, 0.2], r"labels \[0, 2\], but it compares two"),
        ([0, 1], [-3.0, 3.0], "from -3 to 3.*If these are logits"),
        ([0, 1], [float("nan"), 0.5], "without NaN"),
    ],
)
def test_scores_that_do_not_fit(draw: Any, labels: list[int], probabilities: list[float], match: str) -> None:
    with pytest.raises(DataError, match=match):
        draw(labels, probabilities)
