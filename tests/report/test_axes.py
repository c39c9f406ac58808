from __future__ import annotations

import math

import pytest

from headstart.report.axes import count_axis, linear_axis, log_axis, name_axis, said


@pytest.mark.parametrize(
    ("values", "limits", "texts"),
    [
        ((0.5, 0.96), {"ceiling": 1.0}, ("0.5", "0.6", "0.7", "0.8", "0.9")),
        ((0.0, 1.0), {"floor": 0.0, "ceiling": 1.0}, ("0.0", "0.2", "0.4", "0.6", "0.8", "1.0")),
        ((0.893, 0.991), {"ceiling": 1.0}, ("0.90", "0.92", "0.94", "0.96", "0.98")),
        ((0.0, 1300.0), {"floor": 0.0}, ("0", "250", "500", "750", "1,000", "1,250")),
        ((0.9, 0.9), {"ceiling": 1.0}, ("0.86", "0.88", "0.90", "0.92", "0.94")),
        ((math.nan,), {}, ("0.00", "0.25", "0.50", "0.75", "1.00")),
        ((-3.0, 4.0), {}, ("-2", "0", "2", "4")),
    ],
)
def test_linear_ticks_are_round_and_inside(
    values: tuple[float, ...], limits: dict[str, float], texts: tuple[str, ...]
) -> None:
    axis = linear_axis(values, "x", **limits)
    assert axis.texts == texts
    assert all(axis.low - 1e-9 <= tick <= axis.high + 1e-9 for tick in axis.ticks)
    assert all(0 <= axis.at(value) <= 1 for value in values if math.isfinite(value))


@pytest.mark.parametrize(("last", "texts"), [(0, ["0"]), (3, ["0", "1", "2", "3"]), (30, ["0", "5", "10"])])
def test_count_ticks_are_whole(last: int, texts: list[str]) -> None:
    axis = count_axis([0, last], "epoch")
    assert list(axis.texts[:4])[: len(texts)] == texts
    assert len(axis.ticks) <= 13


def test_log_axis_has_a_tick_at_each_value_and_equal_ratios_apart() -> None:
    axis = log_axis([100, 1000, 10_000, 100], "labels")
    assert axis.texts == ("100", "1,000", "10,000")
    first, second, third = (axis.at(tick) for tick in axis.ticks)
    assert second - first == pytest.approx(third - second)
    assert log_axis([500], "labels").at(500) == pytest.approx(0.5)


def test_names_stand_at_whole_numbers() -> None:
    axis = name_axis(["a", "b", "c"])
    assert axis.ticks == (0.0, 1.0, 2.0)
    assert 0 < axis.at(0) < axis.at(2) < 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.12345, "0.123"), (1.0, "1.000"), (0.0, "0.000"), (13766.0, "13,766"), (math.nan, "–"), (1234.5, "1,234.500")],
)
def test_said(value: float, text: str) -> None:
    assert said(value) == text
