"""The default base: small models of one pass over the ids, added up.

    ids -> ngrams --------------------------------\\
    ids -> tail -----------------------------------\\
    ids -> clusters --------------------------------> output
    ids -> embedding -> encoder -> pooled -> deep --/
    (vectors -> vector -> sentence ----------------/)

``ngrams`` weighs listed words, pairs and triples, and ``tail`` those of the last quarter once more, where
reviewers sum up; ``clusters`` does the same with words replaced by the cluster
that they belong to, so that it generalises to words that are rare; ``deep`` is a recurrent network; ``sentence``
weighs the vectors of an encoder that others trained, where there is one (`headstart.inputs.EncoderInput`). Each alone
is known to the field, and each is wrong elsewhere: docs/log.md has what every part adds, on the source and on
texts never seen. Every part is a stage whose output can be taken, frozen and fine-tuned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from headstart.engines.options import checked_heads, checked_vectors, target_names
from headstart.errors import OptionError
from headstart.layers import NgramLogit, Pooling, Recurrent, Stage, StageGraph, TokenEmbedding, xavier

PARTS = ("ngrams", "clusters", "deep", "tail")
_TAIL = 0.25
MOST_NGRAMS = 4_000_000
"""Beyond what 25,000 long reviews have; a million and more would fill memory, and the model, with what is rare."""


class Blend(nn.Module):
    """Adds the parts, each by its own weight.

    Attributes:
        weight: of each part, float32 [parts]; trained in fine-tuning.
        bias: float32 [outputs].
    """

    def __init__(self, n_parts: int, n_outputs: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_parts))
        self.bias = nn.Parameter(torch.zeros(n_outputs))

    def forward(self, *parts: Tensor) -> Tensor:
        """Map parts of [rows, outputs] each to [rows, outputs]."""
        if len(self.bias) == 1:
            return torch.cat(parts, dim=1) @ self.weight[:, None] + self.bias
        return torch.stack(parts, dim=-1) @ self.weight + self.bias


class NewHead(nn.Module):
    """What a transfer to other labels puts behind a base: its pooled states and its answers, weighed, next to n-grams.

    Attributes:
        linear: of the states and answers.
    """

    def __init__(self, n_states: int, n_answers: int, n_outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_states + n_answers, n_outputs)

    def forward(self, pooled: Tensor, answers: Tensor, ngrams: Tensor, *vectors: Tensor) -> Tensor:
        """Map states [rows, states], answers [rows, answers] and sums of n-grams [rows, outputs] to [rows, outputs]; vectors of an
        encoder count as further states.
        """
        out: Tensor = self.linear(torch.cat([pooled, *vectors, answers], dim=1)) + ngrams
        return out


def blend(
    n_words: int,
    *,
    n_outputs: int = 1,
    n_ngrams: int = 1,
    n_cluster_ngrams: int = 1,
    n_tail_ngrams: int = 1,
    n_target_ngrams: int | Sequence[int] = 0,
    max_ngrams: int = MOST_NGRAMS,
    new_heads: Sequence[Sequence[int]] = (),
    vector_size: int = 0,
    embedding_size: int = 100,
    hidden_size: int = 64,
    pooling: Sequence[str] = ("mean", "max", "last"),
    dropout: float = 0.5,
    embedding_dropout: float = 0.2,
    word_dropout: float = 0.1,
    type_dropout: float = 0.3,
) -> StageGraph:
    """Build the network; training lists the n-grams and clusters and sets their weights.

    Args:
        n_words: rows of the embedding, padding and unknown included.
        n_outputs: logits a row; 1 for two classes, ordered classes and numbers.
        n_ngrams: length of the list of n-grams; found in training.
        n_cluster_ngrams: length of the list of n-grams of clusters; found in training.
        n_tail_ngrams: length of the list of words and pairs for the last quarter; found in training.
        n_target_ngrams: lengths of the lists of targets' own n-grams: every transfer adds one; 0 or () for none.
        max_ngrams: the longest that training makes any list; of more n-grams those that stand in the most texts.
        new_heads: a pair for each transfer to other labels: its logits a row, and the length of its list of n-grams. Each puts
            a new head behind what was the output before.
        vector_size: of the vectors of an encoder, which are weighed next to the words; 0 without one.
        embedding_size: size of a word's vector.
        hidden_size: size of a recurrent state, of each direction.
        pooling: which of ``last``, ``mean``, ``max`` of the states to put side by side.
        dropout: share of the pooled states set to zero.
        embedding_dropout: share of each vector's values set to zero.
        word_dropout: share of the words replaced by the unknown word.
        type_dropout: share of a batch's distinct words that are not seen at all.
    """
    if max_ngrams < 1:
        raise OptionError(f"max_ngrams is {max_ngrams}; expected 1 or more: the n-grams that a list may hold.")
    embedding = TokenEmbedding(
        n_words, embedding_size, dropout=embedding_dropout, word_dropout=word_dropout, type_dropout=type_dropout
    )

    def ngrams(length: int, **options: Any) -> Stage:
        return Stage(NgramLogit(length, n_outputs=n_outputs, **options), ("ids", "lengths"), ("rows", n_outputs))

    encoder = Recurrent(embedding_size, hidden_size)
    states = encoder.output_size
    pooled = len(tuple(pooling)) * states
    table = {
        "ngrams": ngrams(n_ngrams),
        "clusters": ngrams(n_cluster_ngrams, n_words=n_words),
        "tail": ngrams(n_tail_ngrams, longest=2, last=_TAIL),
        "embedding": Stage(embedding, ("ids",), ("rows", "tokens", embedding_size)),
        "encoder": Stage(encoder, ("embedding", "lengths"), ("rows", "tokens", states)),
        "pooled": Stage(Pooling(pooling, dropout=dropout), ("encoder", "lengths"), ("rows", pooled)),
        "deep": Stage(nn.Linear(pooled, n_outputs), ("pooled",), ("rows", n_outputs)),
    }
    vector = ("vector",) if checked_vectors(vector_size) else ()
    if vector:
        table["vector"] = Stage(nn.Identity(), ("vectors",), ("rows", vector_size))
        table["sentence"] = Stage(nn.Linear(vector_size, n_outputs), vector, ("rows", n_outputs))
    targets = target_names(n_target_ngrams)
    for name, length in targets.items():
        table[name] = ngrams(length, longest=2)
    parts = (*PARTS, *(("sentence",) if vector else ()), *targets)
    answers = "output" if not new_heads else "answers"
    table[answers] = Stage(Blend(len(parts), n_outputs), parts, ("rows", n_outputs))
    for i, (width, length) in enumerate(checked_heads(new_heads)):
        own, before = f"own{i or ''}", answers
        answers = "output" if i == len(new_heads) - 1 else f"answers{i + 1}"
        table[own] = Stage(NgramLogit(length, longest=2, n_outputs=width), ("ids", "lengths"), ("rows", width))
        head = NewHead(pooled + vector_size, int(table[before].shape[1]), width)
        table[answers] = Stage(head, ("pooled", before, own, *vector), ("rows", width))
    for name in ("encoder", "deep"):
        xavier(table[name].module)
    with torch.no_grad():
        embedding.weight.uniform_(-0.1, 0.1)
    embedding.reset_padding()
    return StageGraph(table, fields=("vectors",) if vector else ())
