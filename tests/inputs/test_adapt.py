"""The example of docs/adapt.md: a kind of rows of one's own goes through compare, the verdict and the model's folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import headstart as hs
from headstart.estimators.by_rows import ESTIMATORS
from headstart.heads.transforms import TRANSFORMS
from headstart.inputs import INPUTS
from headstart.nets import OTHER_NETS, STORED
from headstart.strategies import STRATEGIES

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def dna(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    tables: tuple[dict[Any, Any], ...] = (INPUTS, TRANSFORMS, OTHER_NETS, STORED, STRATEGIES, ESTIMATORS)
    before = [dict(table) for table in tables]
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import dna

    yield dna
    for table, kept in zip(tables, before, strict=True):
        table.clear()
        table.update(kept)
    sys.modules.pop("dna")


def test_it_is_compared_saved_and_short(dna: Any, tmp_path: Path) -> None:
    lines = [line for line in (EXAMPLES / "dna.py").read_text().splitlines() if line.strip()]
    assert len(lines) <= 150
    found = dna.run(60, 60, (20,), 1, epochs=1)
    assert {row["strategy"] for row in found.rows} == {"as-is", "triplets", "features", "fine-tune", "scratch"}
    assert found.verdict["words"] and found.predictor is not None
    model = dna.DnaClassifier(epochs=1).fit(*dna.strings(40, 2))
    model.save(tmp_path / "model")
    again = hs.load(tmp_path / "model")
    assert isinstance(again, dna.DnaClassifier)
    rows = dna.strings(5, 3)[0]
    assert (again.predict_proba(rows) == model.predict_proba(rows)).all()
