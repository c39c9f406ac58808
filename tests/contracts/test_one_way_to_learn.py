"""Law 9: the model that `compare` ships is, to the bit, the one that the same rows, seed and stored choices give outside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart import TextClassifier
from headstart.artifact import read
from headstart.comparison.fits import Fit, perform
from headstart.comparison.planning import chosen, every_strategy
from headstart.comparison.problem import assemble
from headstart.comparison.workspace import Workspace, prepare
from headstart.estimators import labelled
from headstart.predictor import Predictor
from headstart.strategies import STRATEGIES

COLUMNS = ("stars", "device")
AVAILABLE = ("text", "rows", "answers", "labels", "network", "beginning", "ngrams", "layers", "source", "columns")
RUNNING = chosen(list(every_strategy()), available=AVAILABLE)[0]
BUDGET = 110  # enough that what trains in epochs holds rows out


@pytest.fixture(scope="module")
def source(blend_base: Any, draw_reviews: Any) -> Any:
    drawn = draw_reviews(120, seed=8)
    return labelled(drawn.texts, drawn.labels, names=blend_base.predictor_.label_names)


@pytest.fixture(scope="module")
def workspace(blend_base: Any, draw_reviews: Any, source: Any, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    target = draw_reviews(200, seed=7)
    frame = target.frame()
    frame = frame.append_column("hotel", [np.array([f"h{i // 5}" for i in range(200)])])
    data = labelled(
        frame, target.labels, text="text", columns=(*COLUMNS, "hotel"), names=blend_base.predictor_.label_names
    )
    problem = assemble(data, 0.3, columns=COLUMNS, group="hotel", source=source)
    return prepare(problem, blend_base.predictor_, source, tmp_path_factory.mktemp("work") / "rows")


def test_every_strategy_has_a_fit_here() -> None:
    of_texts = {name for name, one in STRATEGIES.items() if not {"series", "image"} & set(one.needs)}
    assert {name.removesuffix("+columns") for name in RUNNING} == of_texts


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", list(RUNNING))
def test_what_is_shipped_is_what_transfer_gives(
    name: str, seed: int, workspace: Workspace, blend_base: Any, source: Any, tmp_path: Path
) -> None:
    strategy = RUNNING[name]
    if seed and strategy.unlabelled:
        pytest.skip("it has one fit")
    fit = Fit(name, 0 if strategy.unlabelled else BUDGET, seed)
    row = perform(workspace, strategy, fit, tmp_path, keep=True)
    shipped = Predictor.from_parts(read(tmp_path / "fitted" / name))
    rows = workspace.unlabelled if strategy.unlabelled else workspace.corpus(workspace.drawn(BUDGET, seed))
    options = TextClassifier().get_params()
    transferred = TextClassifier(
        base=blend_base, strategy=name, random_state=seed, device="cpu", text="text", groups="hotel",
        columns=COLUMNS if strategy.with_columns else (),
        column_types=workspace.column_types if strategy.with_columns else None, source=source if strategy.uses == "source" else None,
        unlabelled=workspace.unlabelled if strategy.reads_texts else None,
        **{choice: value for choice, value in row["choices"].items() if choice in options},
    ).fit(rows)  # fmt: skip
    own = transferred.predictor_
    assert own.calibration == shipped.calibration and own.threshold == shipped.threshold
    for stem, arrays in own.scorer.arrays().items():
        for part, array in arrays.items():
            assert array.tobytes() == shipped.scorer.arrays()[stem][part].tobytes(), (stem, part)
    assert own.scorer.blobs() == shipped.scorer.blobs()
    test = workspace.corpus(workspace.test)
    assert own.score(test).logits.tobytes() == shipped.score(test).logits.tobytes()
