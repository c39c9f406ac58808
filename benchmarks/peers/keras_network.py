"""The tutorial's network in Keras 3; runs in the environment ``keras``, on the backend that KERAS_BACKEND names."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from serving import Rows, serve, timed

_MULTIPLE = 32  # every new width is compiled anew, which takes seconds


class StateAtEnd(layers.Layer):
    """Takes both directions' state at each row's last true token."""

    def call(self, states: Any, lengths: Any) -> Any:
        """Map [rows, tokens, size] and [rows] to [rows, size]."""
        return ops.take_along_axis(states, (lengths - 1)[:, None, None], axis=1)[:, 0]


def network(n_words: int, vector: int = 64, hidden: int = 50, dense: tuple[int, ...] = (100, 100, 10)) -> Any:
    """Build the network: ids [rows, tokens] and lengths [rows] to one logit."""
    ids, lengths = layers.Input((None,), dtype="int32"), layers.Input((), dtype="int32")
    states = layers.Bidirectional(layers.GRU(hidden, return_sequences=True))(layers.Embedding(n_words, vector)(ids))
    values = StateAtEnd()(states, lengths)
    for size in dense:
        values = layers.ReLU()(layers.BatchNormalization()(layers.Dense(size)(values)))
        values = layers.Dropout(0.2)(values)
    return keras.Model([ids, lengths], layers.Dense(1)(values))


class Training:
    """A network, its optimizer and rows."""

    def load(self, n_words: int, learning_rate: float, weight_decay: float, seed: int, train: str) -> dict[str, Any]:
        """Make the network, read rows, and step twice at every width, so that all of them are compiled."""
        keras.utils.set_random_seed(seed)
        self.rows = Rows(train)
        self.net = network(n_words)
        optimizer = keras.optimizers.Adam(learning_rate, weight_decay=weight_decay or None)
        self.net.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True))
        widths = {self.rows.batch(i, _MULTIPLE)[0].shape: i for i in range(len(self.rows))}
        for number in widths.values():
            self.step(number)
            self.step(number)
        backend = keras.backend.backend()
        module: Any = __import__(backend)
        return {"keras": keras.__version__, backend: module.__version__, "numpy": np.__version__}

    def step(self, number: int) -> dict[str, float]:
        """Train on one batch."""
        ids, lengths, labels = self.rows.batch(number, _MULTIPLE)
        inputs, targets = [ops.convert_to_tensor(ids), ops.convert_to_tensor(lengths)], labels[:, None]
        return timed(lambda: float(self.net.train_on_batch(inputs, targets)))


if __name__ == "__main__":
    training = Training()
    serve({"load": training.load, "step": training.step})
