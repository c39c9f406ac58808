"""How each family of encoders spells its options and its weights; here they become one spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
import torch
from torch import Tensor

from headstart.errors import ArtifactError
from headstart.foreign.hf.folder import Weights
from headstart.plain import Facts, Json
from headstart.records import Fraction, Name, decoded


class _Config(msgspec.Struct):
    """What is looked at of a ``config.json``; it holds much else."""

    model_type: Name | None = None
    layer_norm_eps: Fraction = 0.0
    pad_token_id: Annotated[int, msgspec.Meta(ge=0, le=2**30)] | None = None


_ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "relu": "relu"}
_HARMLESS = ("pooler.", "embeddings.position_ids", "embeddings.token_type_ids")


@dataclass(frozen=True)
class Family:
    """One spelling.

    Attributes:
        options: our option -> the key of ``config.json``.
        layers: what stands before the number of a layer in a tensor's name.
        parts: our part of a layer -> its name there; the three of attention's input in one tuple.
        epsilon: of the layer norms, where the config names none.
        places_from: number of the first place that a text uses, from the config.
        distance: the tensor of what attention adds for the distance of two tokens, the same in all layers; None without one.
    """

    options: Mapping[str, str]
    layers: str
    parts: Mapping[str, str | tuple[str, ...]]
    epsilon: float = 1e-12
    places_from: Callable[[Facts], int] = lambda config: 0
    distance: str | None = None


_BERT = Family(
    {
        "size": "hidden_size", "inner_size": "intermediate_size", "n_layers": "num_hidden_layers",
        "n_heads": "num_attention_heads", "activation": "hidden_act",
    },
    "encoder.layer.",
    {
        "query_key_value": ("attention.self.query", "attention.self.key", "attention.self.value"),
        "mix": "attention.output.dense", "mix_norm": "attention.output.LayerNorm",
        "widen": "intermediate.dense", "narrow": "output.dense", "narrow_norm": "output.LayerNorm",
    },
)  # fmt: skip
_DISTILBERT = Family(
    {
        "size": "dim", "inner_size": "hidden_dim", "n_layers": "n_layers", "n_heads": "n_heads",
        "activation": "activation",
    },
    "transformer.layer.",
    {
        "query_key_value": ("attention.q_lin", "attention.k_lin", "attention.v_lin"),
        "mix": "attention.out_lin", "mix_norm": "sa_layer_norm",
        "widen": "ffn.lin1", "narrow": "ffn.lin2", "narrow_norm": "output_layer_norm",
    },
)  # fmt: skip


def _behind_padding(config: Facts) -> int:
    """RoBERTa numbers places from behind the padding's own number, a habit of fairseq."""
    number = config.get("pad_token_id")
    return 2 if number is None else int(number) + 1


_ROBERTA = Family(_BERT.options, _BERT.layers, _BERT.parts, 1e-5, _behind_padding)

_MPNET = Family(
    _BERT.options,
    _BERT.layers,
    {
        "query_key_value": ("attention.attn.q", "attention.attn.k", "attention.attn.v"),
        "mix": "attention.attn.o", "mix_norm": "attention.LayerNorm",
        "widen": "intermediate.dense", "narrow": "output.dense", "narrow_norm": "output.LayerNorm",
    },
    1e-12,
    lambda config: int(config.get("pad_token_id") or 1) + 1,
    "encoder.relative_attention_bias.weight",
)  # fmt: skip

FAMILIES = {
    "bert": _BERT,
    "distilbert": _DISTILBERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "mpnet": _MPNET,
}
"""By ``model_type`` of a ``config.json``."""


def family_of(config: Facts) -> Family:
    """Return the family that a ``config.json`` belongs to.

    Raises:
        ArtifactError: none that is read here, or a variant that computes otherwise.
    """
    decoded(_Config, config, "config.json")
    name = config.get("model_type")
    if name not in FAMILIES:
        hint = (
            " Import it with: headstart import model2vec DIR."
            if name == "model2vec" or "sif_coefficient" in config
            else ""
        )
        raise ArtifactError(
            f"config.json says that the model is of the architecture {name!s:.60}; expected an encoder of one of "
            f"{', '.join(FAMILIES)}. Choose a model of one of these.{hint}"
        )
    odd = {
        "position_embedding_type": config.get("position_embedding_type", "absolute") not in ("absolute", None),
        "is_decoder": bool(config.get("is_decoder")),
        "add_cross_attention": bool(config.get("add_cross_attention")),
    }
    for key, is_odd in odd.items():
        if is_odd:
            raise ArtifactError(
                f"config.json has {key} = {config[key]!r:.40}, a variant of {name} that is not covered; "
                "expected a plain encoder with learnt places. Choose another model."
            )
    return FAMILIES[str(name)]


def options_of(family: Family, config: Facts) -> Json:
    """Return the options of our encoder, but for its pooling and its tokenizer's pieces.

    Raises:
        ArtifactError: one is missing or of a kind that cannot be.
    """
    found: Json = {}
    for ours, theirs in family.options.items():
        value = config.get(theirs, "gelu" if ours == "activation" else None)
        if type(value) is not (str if ours == "activation" else int):
            raise ArtifactError(
                f"config.json has {theirs} = {value!r:.40}, where every such model has "
                f"{'a name' if ours == 'activation' else 'a whole number'}. Copy the model again, whole."
            )
        found[ours] = value
    if found["activation"] not in _ACTIVATIONS:
        raise ArtifactError(
            f"config.json asks for the activation {found['activation']:.40}; expected one of "
            f"{', '.join(_ACTIVATIONS)}. Choose another model."
        )
    epsilon = config.get("layer_norm_eps", family.epsilon)
    places = config.get("max_position_embeddings")
    if type(places) is not int or not isinstance(epsilon, float | int):
        raise ArtifactError(
            f"config.json has max_position_embeddings = {places!r:.40} and layer_norm_eps = {epsilon!r:.40}, where every "
            "such model has numbers. Copy the model again, whole."
        )
    found["activation"] = _ACTIVATIONS[found["activation"]]
    if family.distance is not None:
        found["n_distances"] = config.get("relative_attention_num_buckets", 32)
    return {**found, "epsilon": float(epsilon), "n_positions": places - family.places_from(config)}


def weights_of(family: Family, config: Facts, options: Facts, weights: Weights) -> dict[str, Tensor]:
    """Return the weights in our spelling.

    Raises:
        ArtifactError: one is missing, left over, or of another shape than the options say.
    """
    size, skipped = options["size"], family.places_from(config)
    n_words = weights.n_rows("embeddings.word_embeddings.weight", size)
    places = weights.take("embeddings.position_embeddings.weight", (options["n_positions"] + skipped, size))
    segments = "embeddings.token_type_embeddings.weight"
    found = {
        "embeddings.word": weights.take("embeddings.word_embeddings.weight", (n_words, size)),
        "embeddings.position": places[skipped:].clone(),
        "embeddings.segment": torch.zeros(size),
    }
    if segments in weights:
        found["embeddings.segment"] = weights.take(segments, (weights.n_rows(segments, size), size))[0].clone()
    for kind in ("weight", "bias"):
        found[f"embeddings.norm.{kind}"] = weights.take(f"embeddings.LayerNorm.{kind}", (size,))
        for i in range(options["n_layers"]):
            for ours, theirs in family.parts.items():
                names = (theirs,) if isinstance(theirs, str) else theirs
                shape = _shape(ours, kind, size, options["inner_size"])
                parts = [weights.take(f"{family.layers}{i}.{name}.{kind}", shape) for name in names]
                found[f"layer{i}.{ours}.{kind}"] = torch.cat(parts)
    if family.distance is not None:
        distance = weights.take(family.distance, (options["n_distances"], options["n_heads"]))
        found |= {f"layer{i}.distance": distance.clone() for i in range(options["n_layers"])}
    _check_nothing_left(family, weights)
    return found


def _shape(part: str, kind: str, size: int, inner_size: int) -> tuple[int, ...]:
    """Return the shape of one tensor of a layer, attention's three inputs not yet joined."""
    rows = inner_size if part == "widen" else size
    if kind == "bias" or part.endswith("norm"):
        return (rows,)
    return (rows, inner_size if part == "narrow" else size)


def _check_nothing_left(family: Family, weights: Weights) -> None:
    starts = ("embeddings.", family.layers.partition(".")[0])
    left = [name for name in sorted(weights.names) if name.startswith(starts) and not name.startswith(_HARMLESS)]
    left = [name for name in left if name not in weights.taken]
    if left:
        raise ArtifactError(
            f"model.safetensors holds {', '.join(left[:3])}, which the architecture in config.json does not have: "
            "without it the vectors would be wrong. Choose a plain encoder, or save this one without adapters."
        )
