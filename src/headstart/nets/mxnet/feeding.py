"""How a batch of ours becomes the inputs of a graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from headstart.batches import Batch
from headstart.errors import ArtifactError, DataError
from headstart.nets.mxnet.symbol import Symbol
from headstart.plain import Facts, Json

_KINDS = ("ids", "ids_time_major", "lengths")
_PARAMETER_ENDS = ("weight", "bias", "gamma", "beta", "_mean", "_var", "alpha", "parameters")
_MOST = 2**31
_MOST_TOKENS = 65_536  # to which every text may be padded; a damaged file may name a thousand million


@dataclass(frozen=True)
class Feeding:
    """What feeds each input of a graph, and which of its vocabulary's indices stand for nothing and for the unknown.

    Attributes:
        inputs: by the input's name, ``"ids"`` (indices [rows, tokens]), ``"ids_time_major"``
            ([tokens, rows]) or ``"lengths"`` ([rows]).
        padding: index that fills a row behind its end; in the graph's own vocabulary.
        unknown: index of the unknown word there. Then a batch holds our ids: 0 padding, 1 unknown, and from 2
            on the words in the order of their indices, the unknown one left out. Where it is None a batch
            holds the graph's own indices.
        n_tokens: pad every batch to this many tokens, for graphs that take one length only; None for any.
        least_tokens: pad shorter batches to this many tokens, the fewest that the graph takes (a convolution
            may need several); 0 to find it out.
    """

    inputs: Mapping[str, str]
    padding: int = 0
    unknown: int | None = None
    n_tokens: int | None = None
    least_tokens: int = 0

    @staticmethod
    def guess(symbol: Symbol, tensors: Facts) -> Feeding:
        """Take the variables without values for inputs: token indices, and then lengths."""
        inputs = [node.name for node in symbol.nodes if node.is_variable and node.name not in tensors]
        inputs = [name for name in inputs if not name.endswith(_PARAMETER_ENDS)]
        if not 1 <= len(inputs) <= 2:
            raise ArtifactError(
                f"the graph has {len(inputs)} inputs ({', '.join(inputs[:8]) or 'none'}); expected token indices "
                "and perhaps lengths. Say what feeds each, e.g. inputs={'data0': 'ids', 'data1': 'lengths'}."
            )
        return Feeding(dict(zip(inputs, ("ids", "lengths"), strict=False)))

    def __post_init__(self) -> None:
        kinds = list(self.inputs.values())
        if not any(kind in _KINDS[:2] for kind in kinds) or any(kind not in _KINDS for kind in kinds):
            raise ArtifactError(
                f"the graph's inputs are fed by {dict(self.inputs)}; each must be one of {', '.join(_KINDS)}, "
                "and one of them ids. Set them with inputs={'data0': 'ids', 'data1': 'lengths'}."
            )

        widest = max(self.n_tokens or 0, self.least_tokens)
        if widest > _MOST_TOKENS:
            raise ArtifactError(
                f"every text would be padded to {widest:,} tokens; at most {_MOST_TOKENS:,} are allowed. "
                "The model is damaged, or n_tokens is wrong: give the length that the graph was made for."
            )

    def only(self, names: Iterable[str]) -> Feeding:
        """Return the same for a part of the graph that has these variables."""
        known = set(names)
        kept = {name: kind for name, kind in self.inputs.items() if name in known}
        if not any(kind in _KINDS[:2] for kind in kept.values()):
            raise ArtifactError(
                "the chosen output reads no token indices at all; choose a layer that depends on the text."
            )
        return replace(self, inputs=kept)

    def feed(self, batch: Batch, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return the graph's inputs for a batch. A row without tokens becomes one unknown word."""
        lengths = torch.as_tensor(batch.lengths).to(torch.int64)
        ids = self._indices(self._widened(torch.as_tensor(batch.ids)))
        place = torch.arange(ids.shape[1], device=ids.device)
        ids = torch.where(place < lengths.unsqueeze(1), ids, self.padding)
        empty = (lengths == 0).unsqueeze(1) & (place == 0)
        ids = torch.where(empty, self.padding if self.unknown is None else self.unknown, ids)
        return self.arranged(ids, lengths.clamp_min(1), dtype)

    def _widened(self, ids: Tensor) -> Tensor:
        width = self.n_tokens or max(1, self.least_tokens, ids.shape[1])
        if width < ids.shape[1]:
            raise DataError(
                f"a batch has {ids.shape[1]} tokens but this network takes {width}; "
                f"set max_tokens={width} to clip the texts."
            )
        return torch.nn.functional.pad(ids.to(torch.int64), (0, width - ids.shape[1]))

    def _indices(self, ids: Tensor) -> Tensor:
        if self.unknown is None:
            return ids
        words = ids - 2
        words = words + (words >= self.unknown)  # the unknown word has no id among the words
        return torch.where(ids >= 2, words, torch.where(ids == 1, self.unknown, self.padding))

    def arranged(self, ids: Tensor, lengths: Tensor, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return indices [rows, tokens] and lengths [rows] as the inputs. They are floats, as MXNet's loaders give them."""
        made = {"ids": ids, "ids_time_major": ids.t(), "lengths": lengths}
        return {name: made[kind].to(dtype) for name, kind in self.inputs.items()}

    def example(self, n_rows: int, n_tokens: int, dtype: torch.dtype, device: torch.device) -> dict[str, Tensor]:
        """Return inputs of these sizes, all indices 0."""
        ids = torch.zeros(n_rows, self.n_tokens or n_tokens, device=device)
        return self.arranged(ids, torch.full((n_rows,), ids.shape[1], device=device), dtype)

    def n_rows(self, feeds: Mapping[str, Tensor]) -> int:
        """Return how many texts the given inputs hold."""
        name, kind = next((name, kind) for name, kind in self.inputs.items() if kind != "lengths")
        if feeds[name].dim() != 2:
            raise DataError(
                f"the input {name!r} has the shape {tuple(feeds[name].shape)}; expected two axes, "
                f"{'tokens and rows' if kind == 'ids_time_major' else 'rows and tokens'}."
            )
        return feeds[name].shape[1 if kind == "ids_time_major" else 0]

    def to_dict(self) -> Json:
        """Return it ready for JSON."""
        return {**vars(self), "inputs": dict(self.inputs)}

    @staticmethod
    def from_dict(saved: object) -> Feeding:
        """Check what `to_dict` gave and return it.

        Raises:
            ArtifactError: if it is damaged.
        """
        names = {field.name for field in fields(Feeding)}
        whole = saved if isinstance(saved, dict) and set(saved) == names else {}
        inputs, numbers = whole.get("inputs"), [whole.get(name) for name in names - {"inputs"}]
        fits = isinstance(inputs, dict) and all(isinstance(kind, str) for kind in inputs.values())
        fits = fits and all(_is_number(number) for number in numbers)
        fits = fits and None not in (whole["padding"], whole["least_tokens"])
        if not fits:
            raise ArtifactError(
                f"the saved graph says {saved!r:.200} of its inputs, which is damaged; "
                "copy the model again from where it was saved, or import it again."
            )
        return Feeding(**whole)


def _is_number(value: object) -> bool:
    return value is None or (type(value) is int and 0 <= value < _MOST)
