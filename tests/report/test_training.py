from __future__ import annotations

import math
from typing import Any

import pytest

from headstart.errors import DataError
from headstart.report import Chart, layer_auc, learning_curves


def test_panels_series_and_hovering(epochs: list[Any]) -> None:
    figure = learning_curves(epochs)
    assert [panel.title for panel in figure.panels] == ["Loss", "AUC"]
    assert [[series.name for series in panel.series] for panel in figure.panels] == [["train", "valid"]] * 2
    assert figure.panels[0].strips[3].text == "Epoch 3\ntrain 0.2070\nvalid 0.2548"
    assert "best validation AUC is 0.9646, after epoch 4" in figure.description


@pytest.mark.parametrize("missing", [None, math.nan])
def test_what_was_not_measured_is_left_out(missing: float | None) -> None:
    rows = [{"epoch": k, "train_loss": 0.5 - k / 10, "valid_auc": missing} for k in (1, 2)]
    figure = learning_curves(rows)
    assert [panel.title for panel in figure.panels] == ["Loss"]
    assert "valid" not in figure.description


def test_a_near_start_stays_in_the_panel() -> None:
    rows = [{"epoch": k, "valid_auc": auc} for k, auc in enumerate((0.832, 0.86, 0.88))]
    panel = learning_curves(rows).panels[0]
    assert panel.y.low < 0.832
    assert panel.note == "best valid 0.8800, epoch 2"


@pytest.mark.parametrize("rows", [[], [{"epoch": 0}], [{"epoch": 1, "valid_auc": None}]])
def test_nothing_to_draw_is_said(rows: list[Any]) -> None:
    with pytest.raises(DataError, match=rf"got {len(rows)} rows without a value of train_loss"):
        learning_curves(rows)


def test_layers_keep_their_order_and_heads_their_markers() -> None:
    rows = [{"layer": layer, "head": head, "auc": auc} for layer, head, auc in LAYERS]
    figure = layer_auc(rows, reference=0.8)
    assert isinstance(figure, Chart)
    panel = figure.panels[0]
    assert panel.x.texts == ("pooled", "dense0")
    assert [(series.name, series.look) for series in panel.series] == [("catboost", 0), ("linear", 1)]
    assert panel.series[0].texts[0] == "pooled with catboost\nAUC 0.8500"
    assert figure.description == "dense0 with linear is best, with an AUC of 0.9000."
    assert "Low" not in figure.columns.values()


LAYERS = [
    ("pooled", "catboost", 0.85),
    ("pooled", "linear", 0.84),
    ("dense0", "catboost", 0.86),
    ("dense0", "linear", 0.9),
]


def test_a_layer_with_an_interval() -> None:
    (series,) = layer_auc([{"layer": "out", "auc": 0.8, "low": 0.7, "high": 0.9}]).panels[0].series
    assert (series.low, series.high) == ((0.7,), (0.9,))
    assert series.texts == ("out\nAUC 0.8000 [0.7000, 0.9000]",)


def test_no_layers_is_an_error() -> None:
    with pytest.raises(DataError, match="one row a layer, but there are no rows"):
        layer_auc([])
