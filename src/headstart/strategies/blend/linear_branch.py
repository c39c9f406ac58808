"""The linear part that a transfer adds to a `blend` base: the target's own n-grams, and moved weights of the base's.

What is learnt from a target's labels (`adapting`), and what its n-grams learn from pseudo-labels (`self_training`), is one linear
function of the base's logit and of n-grams, which `add_linear` puts into a copy of the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import nn

from headstart.engines.options import target_names
from headstart.errors import OptionError
from headstart.nets import build
from headstart.nets.blend import PARTS
from headstart.predictor import NetSpec, NetworkScorer, Predictor
from headstart.strategies.blend.fit_branches import branch_of, ngram_features
from headstart.text import RaggedIds

MOVING = ("ngrams", "clusters")
"""Parts of the base whose weights move."""


@dataclass(frozen=True)
class Linear:
    """``kept * logit + own @ weights + sum of moved parts + bias``, logit being the base's calibrated one.

    Attributes:
        listed: the target's n-grams, ascending [n].
        scale: what each counts for before a text is normalised [n].
        weights: of these [n].
        moved: by name of a part of the base, what is added to its weights.
        kept: factor on the base's logit.
        bias: constant.
    """

    listed: NDArray[np.int64]
    scale: NDArray[np.float32]
    weights: NDArray[np.float32]
    moved: Mapping[str, NDArray[np.float32]]
    kept: float = 1.0
    bias: float = 0.0


def is_blend(base: Predictor) -> bool:
    """Tell whether a base is a whole `blend` network of one logit, to which such a part can be added."""
    options = {} if base.scorer.spec is None else base.scorer.spec.options
    return is_any_blend(base) and not options.get("new_heads") and options.get("n_outputs", 1) == 1


def is_any_blend(base: Predictor) -> bool:
    """Tell whether a base is a whole `blend` network, with any number of logits."""
    scorer = base.scorer
    return isinstance(scorer, NetworkScorer) and scorer.spec.name == "blend" and scorer.spec.until is None


def blend_of(base: Predictor) -> tuple[nn.Module, NetSpec]:
    """Return the `blend` network of a base, and its spec.

    Raises:
        OptionError: it has none.
    """
    scorer = base.scorer
    if not isinstance(scorer, NetworkScorer) or not is_any_blend(base):
        name = None if scorer.spec is None else scorer.spec.name
        raise OptionError(
            f"a model of kind {scorer.kind!r}{f' over the network {name!r}' if name else ''} has no n-grams to adapt; pass a "
            "base made by `headstart train` with its default network, blend."
        )
    return scorer.net.to("cpu"), scorer.spec  # a prediction may have left it on a GPU, and all here is the CPU's


def moving_features(net: nn.Module, ids: RaggedIds) -> list[Any]:
    """Return what the moving parts weigh of each text, a sparse CSR [rows, listed] a part."""
    return [_part_features(net, name, ids) for name in MOVING]


def add_linear(base: Predictor, linear: Linear) -> Predictor:
    """Return the base with the function put in: its network's own logit is the new one, calibration (1, 0)."""
    net, spec = blend_of(base)
    longer, name, spec = _with_target(net, spec, len(linear.listed))
    slope, intercept = base.calibration
    longer.get_submodule(name).set_list(linear.listed, linear.scale, linear.weights)
    output = longer.output
    with torch.no_grad():
        output.weight[:-1] *= linear.kept * slope
        output.weight[-1] = 1.0
        output.bias.mul_(linear.kept * slope).add_(linear.kept * intercept + linear.bias)
        for part, change in linear.moved.items():
            # The output weighs a part's sum again; a part that counts for nothing cannot be moved.
            share = float(output.weight[PARTS.index(part)])
            if abs(share) > 1e-9:
                longer.get_submodule(part).weight.add_(torch.from_numpy(change) / share)
    return replace(base, scorer=NetworkScorer(longer, spec)).with_rule(calibration=(1.0, 0.0))


def _part_features(net: nn.Module, name: str, ids: RaggedIds) -> sp.csr_matrix:
    part = branch_of(net, name)
    seen = ids if part.group is None else ids.replaced(part.group.cpu().numpy())
    return ngram_features(part.listed.cpu().numpy(), part.scale.cpu().numpy(), seen, part.longest)


def _with_target(net: Any, spec: NetSpec, n_ngrams: int) -> tuple[Any, str, NetSpec]:
    """Return a copy of the network with one more part for a target's n-grams, its name and the spec."""
    lengths = [*target_names(spec.options.get("n_target_ngrams", 0)).values(), n_ngrams]
    options = {**spec.options, "n_target_ngrams": lengths}
    with torch.random.fork_rng(devices=[]):
        longer: Any = build("blend", spec.n_words, options)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    state["output.weight"] = torch.cat([state["output.weight"], torch.ones(1)])
    longer.load_state_dict(state, strict=False)
    return longer.eval(), list(target_names(lengths))[-1], spec.replace(options=options)
