"""What readers of another library's tutorial type out of habit works, or is answered with what to type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import headstart as hs
from headstart.batches import Batches, Examples, clip_ids
from headstart.nets import build
from headstart.text import RaggedIds

IDS = RaggedIds.from_lists([[2, 3], [4], [5, 6, 7], [2]])
ROWS = Examples(IDS, np.array([0, 1, 0, 1], np.float32))


def net() -> torch.nn.Module:
    return build("gru", 10, {"embedding_size": 4, "hidden_size": 4})


def test_plain_lists_make_examples() -> None:
    found = Examples([[2, 3], [4], [5, 6, 7], [2]], [0, 1, 0, 1])  # type: ignore[arg-type]
    assert found.ids == IDS and found.labels is not None and found.labels.dtype == np.float32
    np.testing.assert_array_equal(Batches(found)[0].ids, Batches(ROWS)[0].ids)


def test_batches_train_and_are_watched() -> None:
    trainer = hs.Trainer(net(), phases=[hs.Phase(1, learning_rate=0.01)])
    assert len(trainer.fit(Batches(ROWS, batch_size=2, order="shuffled"), Batches(ROWS))) == 2


Call = Callable[[], Any]


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        pytest.param(lambda: hs.Tok2Idx, "what you want is headstart.TokenIndexer", id="Tok2Idx"),
        pytest.param(lambda: hs.DataLoader, "what you want is headstart.batches.Batches", id="DataLoader"),
        pytest.param(lambda: Batches(IDS), r"write Batches\(Examples\(ids, labels\)\)", id="ids into Batches"),
        pytest.param(lambda: clip_ids(IDS, "90%"), "token_limit.* gives it", id="a share to clip at"),
        pytest.param(lambda: net()(Batches(ROWS)[0]), r"batch.tensors\(\)", id="a NumPy batch"),
        pytest.param(lambda: net()(torch.ones(2, 3)), r"net\(batch.tensors\(\)\)", id="bare ids"),
        pytest.param(lambda: hs.Trainer(net().parameters()), "takes the network itself", id="parameters"),
        pytest.param(lambda: hs.Trainer(net(), phases=[{"epochs": 1}]), "expected a Phase", id="a dict for a phase"),
        pytest.param(lambda: hs.submodel(net(), "pooled"), r"adapt\(net\).until\(layer\)", id="a bare network"),
        pytest.param(lambda: hs.Trainer(net()).fit([1, 2]), "expected Examples or Batches", id="a list to learn from"),
    ],
)
def test_what_does_not_work_says_what_does(typed: Call, answer: str) -> None:
    with pytest.raises((AttributeError, hs.HeadstartError), match=answer):
        typed()


def test_what_is_named_in_place_of_another_is_there() -> None:
    for name in hs._IN_PLACE_OF.values():
        found: Any = hs
        for part in name.split(".")[1:]:
            found = getattr(found, part)
