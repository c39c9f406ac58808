"""Rows of a kind of your own: DNA strings, with an input, a network and a reference point. docs/adapt.md walks through it.

Run it: ``python examples/dna.py``. The strings are made up: promoters hold TATAAT somewhere, and half of the target's have a slip
in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import headstart as hs
from headstart.batches import Examples
from headstart.corpus import Corpus, OtherColumns, as_corpus
from headstart.estimators.other_rows import SeriesClassifier
from headstart.fields import Ragged
from headstart.heads.transforms import TRANSFORMS, Pixels
from headstart.inputs import INPUTS
from headstart.inputs.protocol import Encoded
from headstart.layers import Stage, StageGraph, pool
from headstart.nets import add_network
from headstart.strategies import STRATEGIES, Strategy
from headstart.strategies.fixed_features import fit_fixed

BASES = "ACGT"


# 1. An input: what a network reads of a row, and how it is stored.
@dataclass(frozen=True)
class DnaInput:
    """Reads a column of DNA strings as one of four bases a step."""

    column: str
    fields = ("bases", "lengths")

    @property
    def names(self) -> tuple[str, ...]:
        """The column that it reads."""
        return (self.column,)

    @classmethod
    def fit(cls, corpus: Corpus) -> DnaInput:
        """Return the input; nothing has to be learnt."""
        return cls(corpus.reads[0])

    def encode(self, corpus: Corpus) -> Encoded:
        """Return the field ``bases``."""
        rows = [
            np.array([BASES.find(base) for base in text or ""], int)
            for text in corpus.column(corpus.reads[0]).to_pylist()
        ]
        one_hot = np.vstack(
            [np.eye(4, dtype=np.float32), np.zeros(4, np.float32)]
        )  # the last is what -1 finds: no base
        counts = {"n_null": corpus.texts.null_count, "n_unknown_bases": int(sum((row < 0).sum() for row in rows))}
        field = Ragged.of([one_hot[row] for row in rows], np.zeros((0, 4), np.float32))
        return Encoded(Examples(fields={"bases": field}), counts)

    def net_options(self) -> dict[str, Any]:
        """Return what the network has to know; nothing."""
        return {}

    def config(self) -> dict[str, Any]:
        """Return what is stored."""
        return {"column": self.column}

    @classmethod
    def from_config(cls, config: Any) -> DnaInput:
        """Build it again."""
        return cls(str(config["column"]))


# 2. A network: a table of stages that reads the input's fields.
class Motifs(nn.Module):
    """Convolutions that find short motifs; nothing behind a string's end."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, size, 7, padding=3)

    def forward(self, bases: Tensor, lengths: Tensor) -> Tensor:
        """Map [rows, steps, ...] to what is found."""
        found = torch.relu(self.conv(bases.transpose(1, 2))).transpose(1, 2)
        return found * (torch.arange(found.shape[1], device=found.device) < lengths[:, None])[:, :, None]


class Strongest(nn.Module):
    """How strongly each motif is found anywhere."""

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Map [rows, steps, ...] to what is found."""
        return pool(states, lengths, "max")


def motif_net(n_words: int = 0, *, n_outputs: int = 1, size: int = 32) -> StageGraph:
    """Build the network."""
    return StageGraph(
        {
            "motifs": Stage(Motifs(size), ("bases", "lengths"), ("rows", "tokens", size)),
            "pooled": Stage(Strongest(), ("motifs", "lengths"), ("rows", size)),
            "output": Stage(nn.Linear(size, n_outputs), ("pooled",), ("rows", n_outputs)),
        },
        fields=("bases",),
    )


# 3. A reference point: features that need no training, into logistic regression.
class Triplets(Pixels):
    """How often each of the 64 triplets of bases stands in a string."""

    kind = "triplets"

    def features(self, examples: Examples) -> Any:
        """Return [rows, 64]."""
        bases = examples.fields["bases"]
        found = np.zeros((len(bases), 64), np.float32)
        for row, (a, b) in enumerate(zip(bases.offsets[:-1], bases.offsets[1:], strict=True)):
            codes = bases.values[a:b].argmax(1)
            triplets = codes[:-2] * 16 + codes[1:-1] * 4 + codes[2:]
            found[row] = np.bincount(triplets, minlength=64) / max(1, len(triplets))
        return found


# 4. The four lines that make them known.
INPUTS["dna"] = DnaInput
add_network("dna", "motifs", motif_net)
TRANSFORMS["triplets"] = Triplets
STRATEGIES["triplets"] = Strategy("triplets", fit_fixed("triplets"), "counts of triplets", needs=("dna",))


class DnaClassifier(SeriesClassifier):
    """Tells kinds of DNA strings apart."""

    _row_kind, _net = "dna", "motifs"


def strings(n: int, seed: int, slip: float = 0.0) -> tuple[list[str], list[str]]:
    """Return made-up strings, half of them with a promoter's motif."""
    rng = np.random.default_rng(seed)
    rows, labels = [], []
    for i in range(n):
        row = "".join(rng.choice(list(BASES), int(rng.integers(30, 60))))
        motif = "TATAAT" if rng.random() >= slip else "TATACT"
        at = int(rng.integers(0, len(row) - 6))
        rows.append(row[:at] + motif + row[at + 6 :] if i % 2 else row)
        labels.append("promoter" if i % 2 else "other")
    return rows, labels


def run(
    n_source: int = 600, n_target: int = 400, budgets: tuple[int, ...] = (20, 100), seeds: int = 2, **how: Any
) -> hs.Comparison:
    """Train a base, and compare all ways of using it on the target."""
    base = DnaClassifier(**how).fit(*strings(n_source, 0))
    rows, labels = strings(n_target, 1, slip=0.5)
    target = as_corpus(rows, text=OtherColumns("dna", "sequence")).with_labels(labels)
    candidates = ["as-is", "triplets", "features", "fine-tune", "scratch"]
    return hs.compare(base, target, budgets=list(budgets), seeds=seeds, candidates=candidates)


if __name__ == "__main__":
    print(run().verdict["words"])
