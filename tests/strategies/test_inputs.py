"""What training rows ask for, and which of them nothing can be learnt from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headstart.corpus import Corpus
from headstart.errors import DataError
from headstart.strategies.inputs import require_goals, task_of


def rows(labels: Any, names: tuple[str, ...] = (), kind: str = "") -> Corpus:
    return Corpus(pa.nulls(len(labels), pa.large_string()), labels=np.array(labels), label_names=names, kind=kind)


@pytest.mark.parametrize(
    ("train", "goals"),
    [
        (rows([0, 1], ("no", "yes")), [0, 1]),
        (rows([2, 0], ("a", "b", "c")), [[0, 0, 1], [1, 0, 0]]),
        (rows([2, 0, 1], ("1", "2", "3"), "ordinal"), [1, 0, 0.5]),
        (rows([[1, 0], [0, 0]], ("a", "b"), "multilabel"), [[1, 0], [0, 0]]),
        (rows([3.0, -1.0, 3.0, 7.0], (), "regression"), [0.5, 0.125, 0.5, 0.875]),
    ],
)
def test_goals_of_every_task(train: Corpus, goals: Any) -> None:
    found = require_goals(train)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, goals)
    assert found.tobytes() == require_goals(train, task_of(train)).tobytes()


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (Corpus(pa.nulls(2, pa.large_string())), "learning needs labels, and none came"),
        (rows([1, 1], ("a", "b")), "hold only the label 'b'; training needs rows of at least two classes"),
        (rows([1, 1], ("a", "b", "c")), "hold only the label 'b'; training needs rows of at least two classes"),
        (rows([2, 2], ("1", "2", "3"), "ordinal"), "hold only the label '3'; training needs rows of at least two classes"),
        (rows([[0, 0]], ("a", "b"), "multilabel"), "none of the 1 rows of the data has a label"),
        (rows([2.5, 2.5], (), "regression"), "all 2 rows of the data hold the target 2.5; training needs at least two"),
        (rows([2.5, np.inf], (), "regression"), "the target of row 1 of the data .* is inf; expected a finite number"),
    ],
)  # fmt: skip
def test_rows_that_nothing_can_be_learnt_from(train: Corpus, message: str) -> None:
    with pytest.raises(DataError, match=message):
        require_goals(train)
