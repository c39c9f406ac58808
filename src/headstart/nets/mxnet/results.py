"""What the result of a graph means: logits, or probabilities made from logits by its last node."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from headstart.errors import ArtifactError
from headstart.nets.mxnet.symbol import Entry, Node, Symbol

Result = Literal["logits", "sigmoid", "softmax", "log_softmax", "values"]
"""What a graph's last node gives. ``"values"`` marks a network cut off at an inner layer: no claim is made."""

_SOFTMAX = ("softmax", "SoftmaxOutput", "SoftmaxActivation")
_SIGMOID = ("sigmoid", "LogisticRegressionOutput")
_HARMLESS = ("act_type", "axis", "grad_scale", "normalization", "dtype")


def result_of(symbol: Symbol) -> tuple[Result, Entry]:
    """Return what the graph's result means, and where its logits stand.

    Where the last node only squashes logits, they are its input: so nothing is lost to rounding, and a loss
    on logits trains the network as MXNet's own loss did. Otherwise the result itself is returned.
    """
    entry = symbol.heads[0]
    node = symbol.nodes[entry[0]]
    kind = _kind(node)
    bare = all(name.startswith("__") or name in _HARMLESS for name in node.attrs)
    return (kind, node.inputs[0]) if kind != "logits" and bare and len(node.inputs) == 1 else (kind, entry)


def _kind(node: Node) -> Result:
    if node.op in _SOFTMAX:
        return "softmax"
    if node.op in _SIGMOID or (node.op == "Activation" and node.attrs.get("act_type") == "sigmoid"):
        return "sigmoid"
    return "log_softmax" if node.op == "log_softmax" else "logits"


def logits(values: Tensor, result: Result) -> Tensor:
    """Turn probabilities into logits that give them back."""
    if result == "softmax":
        return values.clamp_min(torch.finfo(values.dtype).tiny).log()
    return torch.logit(values, torch.finfo(values.dtype).eps) if result == "sigmoid" else values


def checked_result(saved: object) -> Result:
    """Return `saved` if it is a `Result`.

    Raises:
        ArtifactError: if it is not.
    """
    known: dict[object, Result] = {result: result for result in get_args(Result)}
    if not isinstance(saved, str) or saved not in known:
        raise ArtifactError(
            f"the saved graph's result is {saved!r:.60}; expected one of {', '.join(map(str, known))}. Import it again."
        )
    return known[saved]
