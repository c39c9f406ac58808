"""A transformer encoder: BERT and its kin, with a head of ours where it has learnt labels.

    ids -> embeddings -> layer0 -> ... -> layerN -> pooled (-> output)

Ids are ours: 0 is padding, 1 the unknown piece, and piece ``i`` of the model is ``i + 2``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.engines.options import check_encoder, distance_kinds
from headstart.errors import DataError
from headstart.kernels.tokens import FIRST_WORD_ID
from headstart.layers import Stage, StageGraph, pool, with_output
from headstart.plain import Options

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "gelu_tanh": partial(functional.gelu, approximate="tanh"),
    "relu": functional.relu,
}


class Encoder(StageGraph):
    """Stages that lead to one vector a text, and take long to compute."""

    cpu_batch_tokens: int | None = 2048
    keep_outputs = True


class Embeddings(nn.Module):
    """Pieces, their places, and the segment (always the first one), added and normalised.

    A text that was cut to the limit has lost the pieces that belong around it; they are put back in place of what
    stands there, so that a cut text looks as the model has learnt it. Texts that were not cut have them already.

    Attributes:
        before: the pieces in front of every text.
        after: the pieces behind it.
    """

    def __init__(self, n_words: int, options: Options) -> None:
        super().__init__()
        size = options["size"]
        self.word = nn.Parameter(torch.zeros(n_words - FIRST_WORD_ID, size))
        self.position = nn.Parameter(torch.zeros(options["n_positions"], size))
        self.segment = nn.Parameter(torch.zeros(size))
        self.norm = nn.LayerNorm(size, eps=options["epsilon"])
        self.unknown = options["unknown"] or 0
        self.before, self.after = tuple(options["before"]), tuple(options["after"])
        self.dropout = options.get("dropout", 0.0)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Map ids and lengths [rows, tokens], [rows] to states [rows, tokens, size]."""
        n_tokens = ids.shape[1]
        if n_tokens > len(self.position):
            raise DataError(
                f"a text of {n_tokens} pieces came to an encoder that has learnt {len(self.position)} places; "
                f"cut the texts: import the model again with --max-tokens {len(self.position)}."
            )
        pieces = torch.where(ids == 1, self.unknown, ids.long() - FIRST_WORD_ID).clamp_min(0)
        place = torch.arange(n_tokens, device=ids.device)
        for i, piece in enumerate(self.before):
            pieces = torch.where((place == i) & (lengths[:, None] > i), piece, pieces)
        for i, piece in enumerate(reversed(self.after)):
            pieces = torch.where(place == lengths[:, None] - 1 - i, piece, pieces)
        states: Tensor = self.norm(functional.embedding(pieces, self.word) + self.segment + self.position[:n_tokens])
        return functional.dropout(states, self.dropout, self.training)


class TransformerLayer(nn.Module):
    """Attention and a dense block, each added to its input and normalised: Vaswani et al., NIPS 2017; BERT's order."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        size, inner, epsilon = options["size"], options["inner_size"], options["epsilon"]
        self.n_heads = options["n_heads"]
        self.query_key_value = nn.Linear(size, 3 * size)
        self.mix = nn.Linear(size, size)
        self.mix_norm = nn.LayerNorm(size, eps=epsilon)
        self.widen = nn.Linear(size, inner)
        self.narrow = nn.Linear(inner, size)
        self.narrow_norm = nn.LayerNorm(size, eps=epsilon)
        if options.get("n_distances"):
            self.distance = nn.Parameter(torch.zeros(options["n_distances"], self.n_heads))
        self._activation = _ACTIVATIONS[options["activation"]]
        self.dropout, self.attention_dropout = options.get("dropout", 0.0), options.get("attention_dropout", 0.0)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Map states [rows, tokens, size] to the same shape; padding is not looked at."""
        rows, n_tokens, size = states.shape
        joint = self.query_key_value(states).view(rows, n_tokens, 3, self.n_heads, size // self.n_heads)
        query, key, value = joint.permute(2, 0, 3, 1, 4)
        # A row without tokens looks at its first place: of nothing at all there would be no mean.
        real = (torch.arange(n_tokens, device=states.device) < lengths.clamp_min(1)[:, None])[:, None, None, :]
        unseen = self.attention_dropout if self.training else 0.0
        mask = real if not hasattr(self, "distance") else self._by_distance(n_tokens).masked_fill(~real, -torch.inf)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=unseen)
        mixed = self._dropped(self.mix(seen.transpose(1, 2).reshape(rows, n_tokens, size)))
        states = self.mix_norm(states + mixed)
        output: Tensor = self.narrow_norm(states + self._dropped(self.narrow(self._activation(self.widen(states)))))
        return output

    def _by_distance(self, n_tokens: int) -> Tensor:
        """Return what each head adds for the distance of two tokens [1, heads, tokens, tokens]."""
        kinds = torch.from_numpy(distance_kinds(n_tokens, len(self.distance))).to(self.distance.device)
        place = torch.arange(n_tokens, device=self.distance.device)
        added: Tensor = self.distance[kinds[place[None, :] - place[:, None] + n_tokens - 1]]
        return added.permute(2, 0, 1)[None]

    def _dropped(self, values: Tensor) -> Tensor:
        return functional.dropout(values, self.dropout, self.training)


class Pooled(nn.Module):
    """Token states to one vector a text, several ways side by side, of length 1 where asked.

    Args:
        kinds: of `headstart.engines.options.POOLED_BY`.
        normalize: whether each vector is brought to length 1.
    """

    def __init__(self, kinds: Sequence[str], *, normalize: bool) -> None:
        super().__init__()
        self.kinds, self.normalize = tuple(kinds), normalize

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Pool states [rows, tokens, size] to [rows, len(kinds) * size]."""
        parts = [
            states[:, 0] * (lengths > 0)[:, None] if kind == "cls" else pool(states, lengths, kind)
            for kind in self.kinds
        ]
        vectors = torch.cat(parts, dim=1)
        return functional.normalize(vectors, dim=1) if self.normalize else vectors


def transformer_encoder(n_words: int, options: Options) -> Encoder:
    """Build the network from options, its weights zero.

    Raises:
        ArtifactError: an option is missing, unknown, out of bounds, or does not fit the others.
    """
    check_encoder(n_words, options)
    size = options["size"]
    tokens = ("rows", "tokens", size)
    table = {"embeddings": Stage(Embeddings(n_words, options), ("ids", "lengths"), tokens)}
    last = "embeddings"
    for i in range(options["n_layers"]):
        table[f"layer{i}"] = Stage(TransformerLayer(options), (last, "lengths"), tokens)
        last = f"layer{i}"
    kinds = options["pooling"]
    table["pooled"] = Stage(
        Pooled(kinds, normalize=options["normalize"]), (last, "lengths"), ("rows", size * len(kinds))
    )
    return Encoder(with_output(table, options))
