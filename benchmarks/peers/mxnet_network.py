"""The tutorial's network and training in Gluon, hybridized; runs in the environment ``mxnet``.

Embedding of 64, bidirectional GRU of 50 over the padded rectangle, the states at each row's last token, dense 100,
100 and 10 with batch normalisation, ReLU and dropout, one logit. Dense Adam, sigmoid cross-entropy.
"""

from __future__ import annotations

from typing import Any

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon
from mxnet.gluon import nn, rnn

from serving import Rows, serve, timed


class Network(gluon.HybridBlock):
    """Token ids and lengths to one logit."""

    def __init__(
        self, n_words: int, vector: int = 64, hidden: int = 50, dense: tuple[int, ...] = (100, 100, 10)
    ) -> None:
        super().__init__()
        with self.name_scope():
            self.embedding = nn.Embedding(n_words, vector)
            self.encoder = rnn.GRU(hidden, layout="NTC", bidirectional=True, input_size=vector)
            self.tower = nn.HybridSequential()
            for size in dense:
                self.tower.add(nn.Dense(size), nn.BatchNorm(), nn.Activation("relu"), nn.Dropout(0.2))
            self.tower.add(nn.Dense(1))

    def hybrid_forward(self, F: Any, ids: Any, lengths: Any) -> Any:
        """Map [rows, tokens] and [rows] to [rows, 1]."""
        states = self.encoder(self.embedding(ids))
        return self.tower(F.SequenceLast(states, lengths, use_sequence_length=True, axis=1))


class Training:
    """A network, its optimizer and rows."""

    def __init__(self) -> None:
        self.loss = gluon.loss.SigmoidBinaryCrossEntropyLoss()
        self.rows: dict[str, Rows] = {}

    def load(self, n_words: int, learning_rate: float, weight_decay: float, seed: int, **paths: str) -> dict[str, Any]:
        """Make the network, and read rows by name."""
        mx.random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (MXNet's initial weights are drawn from it)
        self.rows = {name: Rows(path) for name, path in paths.items()}
        self.net = Network(n_words)
        self.net.initialize(mx.init.Xavier())
        self.net.hybridize()
        options = {"learning_rate": learning_rate, "wd": weight_decay}
        self.trainer = gluon.Trainer(self.net.collect_params(), "adam", options)
        return {"mxnet": mx.__version__, "numpy": np.__version__}

    def step(self, number: int) -> dict[str, float]:
        """Train on one batch of the rows called ``train``."""
        batch = self._batch("train", number)
        return timed(lambda: self._train(*batch))

    def epoch(self, first: int, end: int, learning_rate: float) -> dict[str, Any]:
        """Train on batches first to end, then score the rows called ``valid``, in their order."""
        self.trainer.set_learning_rate(learning_rate)
        training = timed(lambda: [self._train(*self._batch("train", i)) for i in range(first, end)])
        logits: list[Any] = []
        scoring = timed(lambda: logits.extend(self._score(i) for i in range(len(self.rows["valid"]))))
        scores = np.empty(len(self.rows["valid"].labels))
        scores[self.rows["valid"].rows] = np.concatenate(logits)
        return {"train_seconds": training["seconds"], "valid_seconds": scoring["seconds"], "logits": scores.tolist()}

    def _batch(self, name: str, number: int) -> tuple[Any, ...]:
        arrays = tuple(mx.nd.array(values, dtype=values.dtype) for values in self.rows[name].batch(number))
        mx.nd.waitall()
        return arrays

    def _train(self, ids: Any, lengths: Any, labels: Any) -> None:
        with autograd.record():
            loss = self.loss(self.net(ids, lengths), labels)
        loss.backward()
        self.trainer.step(len(labels))
        mx.nd.waitall()

    def _score(self, number: int) -> Any:
        ids, lengths, _ = self._batch("valid", number)
        return self.net(ids, lengths)[:, 0].asnumpy()


if __name__ == "__main__":
    training = Training()
    serve({"load": training.load, "step": training.step, "epoch": training.epoch})
