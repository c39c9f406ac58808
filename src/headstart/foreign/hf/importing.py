"""A folder that transformers, sentence-transformers or model2vec saved -> an encoder with its tokenizer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from headstart.artifact import checked_tokenizer
from headstart.batches import Batch
from headstart.engines.options import POOLED_BY
from headstart.errors import ArtifactError, OptionError, unknown_name
from headstart.foreign.hf.families import family_of, options_of, weights_of
from headstart.foreign.hf.folder import (
    Weights,
    check_numbers,
    checked_folder,
    file_sums,
    opened_weights,
    read_json,
    read_rules,
    to_file,
)
from headstart.kernels.tokens import FIRST_WORD_ID
from headstart.layers import Network
from headstart.nets import STORED
from headstart.plain import Facts, Json, Row
from headstart.text import PretrainedTokenizer
from headstart.text.rules import Vocabulary, bare_rules

_PREFIX_OF = ("embeddings.word_embeddings.weight",)
_PROBED = 64  # pieces of the text that an encoder is tried on
_LONGEST_STATIC = 512  # pieces: what model2vec cuts texts to where its config names nothing
# sentence-transformers' older and newer names for a way of pooling
_POOLINGS = {
    "pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max", "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "last", "cls": "cls", "max": "max", "mean": "mean", "lasttoken": "last",
}  # fmt: skip
_OTHER_POOLINGS = ("pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens")


@dataclass(frozen=True)
class ImportedEncoder:
    """An encoder with all that turning a text into vectors takes.

    Attributes:
        net: the network, in evaluation mode.
        name: of the network, in `headstart.nets.STORED`.
        options: what it was built from.
        tokenizer: its text step.
        max_tokens: texts are cut to so many pieces, those around the text included; None for no limit.
        source: where it came from: architecture, file names, SHA-256 sums; ready for JSON.
    """

    net: Network
    name: str
    options: Json
    tokenizer: PretrainedTokenizer
    max_tokens: int | None
    source: Json


@dataclass(frozen=True)
class _Sentence:
    """What sentence-transformers puts behind an encoder and around it."""

    folder: Path
    pooling: tuple[str, ...] = ("mean",)
    normalize: bool = False
    max_tokens: int | None = None
    lower_case: bool = False
    known: bool = False


def import_hf(
    folder: str | os.PathLike[str], *, pooling: str | Sequence[str] | None = None, max_tokens: int | None = None
) -> ImportedEncoder:
    """Read a local folder of transformers or sentence-transformers: BERT and its kin, as safetensors.

    Args:
        folder: with ``config.json``, ``model.safetensors`` and ``tokenizer.json``; ``modules.json`` and what it
            names are honoured where they are there.
        pooling: how the last layer's states become one vector: of ``mean``, ``cls``, ``max``, ``last``, one or
            several. None takes what sentence-transformers would, and the mean where the folder does not say.
        max_tokens: cut texts to so many pieces; None takes the model's own limit.

    Raises:
        ArtifactError: a file is missing, damaged, or holds what is not covered; it says what to do.
        OptionError: an option does not fit the model.
        MissingDependencyError: the package `tokenizers` is not installed.
    """
    top = checked_folder(folder)
    sentence = _sentence(top)
    inner = sentence.folder
    config = _object(read_json(inner / "config.json"), inner)
    family = family_of(config)
    step = _tokenizer(_rules(top, inner), lower_case=sentence.lower_case)
    pieces = step.vocabulary()
    options = {
        **options_of(family, config),
        "unknown": pieces.unknown,
        "before": list(pieces.before),
        "after": list(pieces.after),
        "pooling": list(_chosen(pooling, sentence)),
        "normalize": sentence.normalize,
    }
    with opened_weights(inner, _PREFIX_OF) as weights:
        state = weights_of(family, config, options, weights)
    limit = _limit(max_tokens, sentence, top, options, pieces)
    net = _filled("transformer", options, state, pieces)
    files = [inner / "config.json", inner / "model.safetensors", to_file(top, "tokenizer.json")]
    source = {"format": "hf", "architecture": str(config["model_type"]), **_facts(sentence), "files": _sums(files)}
    return ImportedEncoder(net, "transformer", options, step, limit, source)


def import_model2vec(folder: str | os.PathLike[str], *, max_tokens: int | None = None) -> ImportedEncoder:
    """Read a local folder of model2vec: static vectors, as it saves them itself or for sentence-transformers.

    Args:
        folder: with ``model.safetensors`` (``embeddings``, and perhaps ``mapping`` and ``weights``),
            ``tokenizer.json`` and ``config.json``; or with these in ``0_StaticEmbedding``.
        max_tokens: cut texts to so many pieces; None takes the model's own limit, 512 where it names none.

    Raises:
        ArtifactError: a file is missing, damaged, or holds what is not covered; it says what to do.
        OptionError: an option does not fit the model.
        MissingDependencyError: the package `tokenizers` is not installed.
    """
    top = checked_folder(folder)
    inner = top / "0_StaticEmbedding" if (top / "0_StaticEmbedding").is_dir() else top
    config_path = to_file(top, "config.json", "config_sentence_transformers.json")
    config = _object(read_json(config_path), top)
    step = _tokenizer(read_rules(inner), framed=False)
    pieces = step.vocabulary()
    with opened_weights(inner) as weights:
        table = _static_table(weights, pieces)
    options = {"size": int(table.shape[1]), "normalize": _normalizes(config, top)}
    own = config.get("max_length", _LONGEST_STATIC)
    if max_tokens is None and not (own is None or (type(own) is int and own > 0)):
        raise ArtifactError(f"{config_path.name} has max_length = {own!r:.40}; expected a number of pieces. Mend it.")
    net = _filled("static", options, {"embeddings.word": table}, pieces)
    files = [config_path, inner / "model.safetensors", inner / "tokenizer.json"]
    source = {"format": "model2vec", "architecture": "static", "files": _sums(files)}
    limit = _positive(max_tokens) if max_tokens is not None else own
    return ImportedEncoder(net, "static", options, step, limit, source)


def _tokenizer(raw: bytes, *, framed: bool = True, lower_case: bool = False) -> PretrainedTokenizer:
    """Return the text step of a ``tokenizer.json`` that was checked, and tried out in a process of its own."""
    rules = bare_rules(raw, lower_case=lower_case)
    checked_tokenizer(rules.encode())
    return PretrainedTokenizer(rules, framed=framed)


def _filled(name: str, options: Json, state: dict[str, Tensor], pieces: Vocabulary) -> Network:
    n_rows = len(state["embeddings.word"])
    if pieces.n_pieces > n_rows:
        raise ArtifactError(
            f"tokenizer.json knows {pieces.n_pieces:,} pieces, and the model has vectors for {n_rows:,}: "
            "the files do not belong together. Copy the model again, whole."
        )
    net = STORED[name](n_rows + FIRST_WORD_ID, options, state)
    net.load_state_dict(state, assign=True)
    _check_vectors(net.eval(), min(n_rows, options.get("n_positions", n_rows), _PROBED))
    return net


def _check_vectors(net: Network, n_pieces: int) -> None:
    """Refuse a network whose vector of a text of its first pieces is no vector: its weights overflow, or do not fit."""
    ids = torch.arange(FIRST_WORD_ID, FIRST_WORD_ID + n_pieces)[None]
    with torch.no_grad():
        found = net.outputs(Batch(ids=ids, lengths=torch.tensor([n_pieces])), ["pooled"])["pooled"]
    if not torch.isfinite(found).all():
        raise ArtifactError(
            "this encoder gives no finite numbers for a text of its own pieces: its weights overflow, or its options do "
            "not fit them. Copy the model again, whole."
        )


def _sentence(top: Path) -> _Sentence:
    """Return what ``modules.json`` and the files that it names say; a folder without it is one of transformers."""
    modules = read_json(top / "modules.json", missing=[])
    kinds = [str(one.get("type", "")).rpartition(".")[2] if isinstance(one, dict) else "" for one in modules]
    if not kinds:
        return _Sentence(top)
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        hint = " Import it with: headstart import model2vec DIR." if "StaticEmbedding" in kinds else ""
        raise ArtifactError(
            f"modules.json puts {', '.join(kinds)} one behind another; expected Transformer, Pooling and perhaps "
            f"Normalize, without which the vectors would be others than the model's. Choose such a model.{hint}"
        )
    paths = [_below(top, one.get("path", "")) for one in modules[:2]]
    settings = _object(read_json(paths[0] / "sentence_bert_config.json", missing={"max_seq_length": None}), paths[0])
    around = _object(read_json(top / "config_sentence_transformers.json", missing={"prompts": {}}), top)
    if around.get("default_prompt_name") is not None:
        raise ArtifactError(
            f"this model puts the prompt {around['default_prompt_name']!r:.60} before every text by default, which is "
            "not covered; set default_prompt_name to null in config_sentence_transformers.json and prompt texts yourself."
        )
    limit = settings.get("max_seq_length")
    return _Sentence(
        paths[0],
        _saved_pooling(_object(read_json(paths[1] / "config.json"), paths[1])),
        "Normalize" in kinds,
        limit if type(limit) is int and limit > 0 else None,
        settings.get("do_lower_case") is True,
        True,
    )


def _below(top: Path, path: Any) -> Path:
    parts = PurePosixPath(path).parts if isinstance(path, str) and len(path) <= 200 and "\0" not in path else ("..",)
    if ".." in parts or PurePosixPath(path).is_absolute():
        raise ArtifactError(
            f"modules.json names the folder {path!r:.60} outside of the model's own; expected one in it. Copy it again, whole."
        )
    return top.joinpath(*parts)


def _saved_pooling(config: Facts) -> tuple[str, ...]:
    mode = config.get("pooling_mode")
    named = [mode] if isinstance(mode, str) else mode if isinstance(mode, list) else None
    if named is None:
        named = [key for key in (*_POOLINGS, *_OTHER_POOLINGS) if config.get(key) is True] or ["mean"]
    unknown = [name for name in named if name not in _POOLINGS]
    if unknown:
        raise ArtifactError(
            f"the model pools by {unknown[0]!s:.60}; expected one of {', '.join(POOLED_BY)}. "
            "Choose another model, or one of these with --pooling after deleting modules.json."
        )
    return tuple(_POOLINGS[name] for name in named)


def _chosen(pooling: str | Sequence[str] | None, sentence: _Sentence) -> tuple[str, ...]:
    if pooling is None:
        return sentence.pooling
    kinds = (pooling,) if isinstance(pooling, str) else tuple(pooling)
    for kind in kinds or ("",):
        if kind not in POOLED_BY:
            raise unknown_name("pooling", kind, POOLED_BY)
    return kinds


def _limit(max_tokens: int | None, sentence: _Sentence, top: Path, options: Facts, pieces: Vocabulary) -> int:
    """Return how many pieces of a text the encoder reads."""
    places = int(options["n_positions"])
    least = len(pieces.before) + len(pieces.after) + 1
    if max_tokens is not None and not least <= _positive(max_tokens) <= places:
        raise OptionError(
            f"max_tokens is {max_tokens}; this model reads texts of {least} to {places} pieces, those around the text "
            "included. Choose a number between, or leave it out for the model's own limit."
        )
    saved = _object(read_json(top / "tokenizer_config.json", missing={"model_max_length": None}), top)
    own = saved.get("model_max_length")
    limits = [max_tokens, sentence.max_tokens, own if type(own) is int and own > 0 else None]
    return max(least, min(places, next((limit for limit in limits if limit is not None), places)))


def _positive(max_tokens: int) -> int:
    if type(max_tokens) is not int or max_tokens < 1:
        raise OptionError(f"max_tokens is {max_tokens!r}; expected a number of pieces such as 256, or None.")
    return max_tokens


def _rules(top: Path, inner: Path) -> bytes:
    return read_rules(top if (top / "tokenizer.json").is_file() else inner)


def _object(found: object, folder: Path) -> Json:
    if not isinstance(found, dict):
        raise ArtifactError(f"a configuration file in {str(folder)!r} holds a list, not an object; copy it again.")
    return found


def _facts(sentence: _Sentence) -> Json:
    return {"sentence_transformers": sentence.known}


def _sums(paths: Sequence[Path]) -> list[Row]:
    return file_sums(*(path for path in paths if path.is_file()))


def _normalizes(config: Facts, top: Path) -> bool:
    if "normalize" in config:
        return config["normalize"] is True
    modules = read_json(top / "modules.json", missing=[])
    return any(isinstance(one, dict) and str(one.get("type", "")).endswith("Normalize") for one in modules)


def _static_table(weights: Weights, pieces: Vocabulary) -> Tensor:
    """Return one vector a piece [pieces, size]: what mapping and weights say is carried out."""
    name = "embeddings" if "embeddings" in weights else "embedding.weight"
    table = weights.take(name)
    if table.dim() != 2:
        raise ArtifactError(
            f"{name} in model.safetensors has {table.dim()} axes; expected pieces by size. Copy it again."
        )
    if "mapping" in weights:
        mapping = weights.take("mapping", whole=True)
        if mapping.dim() != 1 or not len(mapping) or int(mapping.min()) < 0 or int(mapping.max()) >= len(table):
            raise ArtifactError(
                f"the mapping in model.safetensors does not point into its {len(table):,} vectors; copy the model again."
            )
        table = table[mapping]
    if "weights" in weights:
        scale = weights.take("weights")
        if scale.shape != (len(table),):
            raise ArtifactError(
                f"model.safetensors holds {list(scale.shape)} weights for {len(table):,} pieces; copy the model again."
            )
        table = table * scale[:, None]
        check_numbers(table, "the table of vectors, each times its weight,")
    if len(table) != pieces.n_pieces:
        raise ArtifactError(
            f"tokenizer.json knows {pieces.n_pieces:,} pieces, and model.safetensors has vectors for {len(table):,}: "
            "the files do not belong together. Copy the model again, whole."
        )
    return torch.as_tensor(table)
