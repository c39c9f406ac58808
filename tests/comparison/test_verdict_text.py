"""What the verdict says where a difference is likely and not certain."""

from __future__ import annotations

from typing import Any

import pytest

from headstart.comparison.verdict_text import _base

UNSURE: dict[str, Any] = {
    "answer": "cannot be told", "budget": 1600, "transfer": "fine-tune", "reference": "scratch", "difference": 0.028,
    "low": 0.007, "high": 0.049, "p_value": 0.021, "level": 0.01, "helps_up_to": None, "hurts_up_to": None,
}  # fmt: skip


@pytest.mark.parametrize(("low", "doubts"), [(0.007, True), (-0.002, False)])
def test_an_interval_beside_zero_is_explained(low: float, doubts: bool) -> None:
    said = _base({"kind": "as-is is enough", "base": {**UNSURE, "low": low}})
    assert said.startswith("Whether the base helps with all 1,600 labels cannot be told from these test rows")
    assert ("p is 0.021, and 0.01 is asked for" in said) == doubts
