"""A folder for ONNX held against the model that it was made of, on a thousand texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa

from headstart.arrays import Array, Doubles
from headstart.corpus import Corpus
from headstart.engines import HeldNetwork
from headstart.errors import ArtifactError
from headstart.foreign.onnx.score import Model
from headstart.inputs import text_input_of
from headstart.plain import Json
from headstart.predictor import Predictor
from headstart.tasks import Task
from headstart.text.rules import opened_rules
from headstart.text.vocabulary import SPECIALS

N_TEXTS = 1000
TOLERANCE = 1e-5
"""Of probabilities; of predicted numbers, as a share of their range; of vectors, as a share of the largest value."""

_SHAPES = (1, 2, 3, 8, 64, 256)
"""Rows of a batch: the texts are scored in batches of each size in turn."""
_LONG, _FEW = 1000, 8
_SURROGATE = re.compile("[\ud800-\udfff]")
_ODD = (
    "", " ", "\n\t \r", "\x00", "a", "I", "!", "...", "'", "don't", "Don’t´s `tis", "naïve façade Ångström Straße", "x" * 5000,
    "<br />", "a<br>b</p>c<notatag", "<" + "x" * 120 + ">",
    "<" + "y" * 98 + ">", "<" + "y" * 97 + "></" + "z" * 97 + "></" + "z" * 96 + ">",
    "a<b and c>d", "\U0001f600", "\U0001f469\u200d\U0001f467 family \u2764\ufe0f!", "caf\u00e9 cafe\u0301 CAFE\u0301", "\u0301a",
    "a\u0301\u0327\u0301", "\u092a\u094d\u0930\u0936\u0902\u0938\u093e", "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22",
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab", "\u65e5\u672c\u8a9e\u3068English\u6df7\u305c", "\uff21\uff22\uff23 \uff76\uff9e \u3000",
    "\u2460 \U0001f100 \U0001f100a", "\u0130stanbul I\u0307 \u00df \u1e9e \u03a3\u03a3 \u039f\u03a3", "\u212a\u212b \ufb01 \u01c5",
    "zero\u200bwidth\u200cjoin\u200der\ufeff", "right \u202eto\u202c left \u05d0\u05b8", "snake_case __init__ a_1 3.14 1,000 50%",
    "ha" * 300 + "!" * 50, "\ud800 lone", "\udfff\udfff", "[CLS] [SEP] [UNK] <unk> [PAD]##ing", "\u3007\u3005\u30fc\u309d",
    "\u00ad soft\u00adhyphen \u2028 \u0085 \x1c x", "\U000e0101\ufe0e \u20e3 1\ufe0f\u20e3", "\uff9e\uff9f\u30ab\uff9e",
)  # fmt: skip
_PIECES = (
    "",
    "",
    "",
    "!",
    "?",
    ", ",
    "...",
    "'s",
    "\u0301",
    "\U0001f600",
    "\u65e5",
    "<br />",
    "é",
    "\u200d",
    "_",
    "Zq9",
    "\u3000",
    "İ",
    "K",
)


class Difference(NamedTuple):
    """How far two ways of scoring lie apart.

    Attributes:
        largest: the largest difference; see `TOLERANCE`.
        n_labels: rows whose predictions differ though no score stands at a border.
    """

    largest: float
    n_labels: int


def known_words(predictor: Predictor) -> list[str]:
    """Return the words, pieces or terms that a model knows, of itself: what its reader was told may be wrong."""
    text = text_input_of(predictor.inputs)
    if text.pieces is not None:
        return sorted(opened_rules(text.pieces.rules).get_vocab())
    if text.words is not None:
        return list(text.words.vocabulary[len(SPECIALS) :].to_pylist())
    return list(getattr(predictor.scorer.head, "ngrams", ()))


def odd_texts(words: Sequence[str], n: int = N_TEXTS, longest: int | None = None, seed: int = 0) -> list[str]:
    """Return texts of a model's own words, from none to many, and odd strings between them.

    Args:
        words: that the model knows.
        n: how many texts.
        longest: where the model cuts its texts, in tokens; some texts are longer.
        seed: of what is drawn.
    """
    rng = np.random.default_rng(seed)
    known = [word for word in words if word] or ["word"]
    found = list(_ODD[:n])
    very_long = min(2 * (longest or 600), 3000)
    while len(found) < n:
        n_words = very_long if len(found) % 250 == 0 else int(rng.geometric(1 / (3 if len(found) % 3 else 60))) - 1
        words_of_it = (known[i] for i in rng.integers(len(known), size=n_words))
        ends, cases = (rng.integers(size, size=n_words) for size in (40 * len(_PIECES), 20))
        parts = []
        for word, end, case in zip(words_of_it, ends, cases, strict=True):
            cased = word.upper() if case == 0 else word.title() if case < 3 else word
            parts.append(cased + _PIECES[end % len(_PIECES)] + (" " if end >= len(_PIECES) else ""))
        found.append("".join(parts))
    return found


def check_agreement(folder: Any, predictor: Predictor, texts: Sequence[str], layers: Sequence[str] = ()) -> Json:
    """Score texts with the folder and with the model, and refuse a folder that does not agree.

    Returns:
        ``n_texts``, ``largest_difference`` and ``tolerance``.

    Raises:
        ArtifactError: it does not.
    """
    model = Model(folder, threads=1)
    _check_ids(model, predictor, texts)
    found = difference(model, predictor, texts, layers)
    if not found.largest <= TOLERANCE or found.n_labels:
        raise ArtifactError(
            f"the ONNX folder does not agree with the model: of {len(texts):,} texts {found.n_labels} get another label, and the "
            f"largest difference is {found.largest:.1e} where at most {TOLERANCE:g} was expected. Nothing was written; predict with "
            "headstart itself, and please report this."
        )
    return {"n_texts": len(texts), "largest_difference": found.largest, "tolerance": TOLERANCE}


def _check_ids(model: Model, predictor: Predictor, texts: Sequence[str]) -> None:
    """Refuse a reader that reads a text otherwise than the model does."""
    if predictor.steps is None:
        return
    ids = predictor.rows(_corpus(texts)).examples.ids
    for row, text in enumerate(texts):
        if not np.array_equal(model.reader.ids(text), ids[row]):
            raise ArtifactError(
                f"the reader of the ONNX folder cuts the text {text!r:.80} otherwise than the model does. Nothing was written; "
                "predict with headstart itself, and please report this."
            )


def difference(model: Model, predictor: Predictor, texts: Sequence[str], layers: Sequence[str] = ()) -> Difference:
    """Return how far a folder's outputs lie from a predictor's."""
    ours = _ours(predictor, texts, layers)
    theirs = _joined([_pooled(model, texts[at], layers) for at in _batches(texts)])
    if predictor.task is None:
        return Difference(max(_apart(theirs[name], ours[name]) for name in ours), 0)
    largest = max([0.0, *(_apart(theirs[name], ours[name]) for name in layers)])
    task, wanted = predictor.task, ours["probabilities"]
    if task.kind == "regression":
        ends = np.array(predictor.rule.values or getattr(task, "knots", (0.0, 1.0)))
        scale = max(1e-300, float(np.ptp(ends)))
        return Difference(max(largest, float(np.abs(theirs["number"] - wanted).max() / scale)), 0)
    both = wanted if wanted.ndim > 1 else np.stack([1 - wanted, wanted], axis=1)
    largest = max(largest, float(np.abs(theirs["probabilities"] - both).max()))
    return Difference(largest, _n_labels(task, predictor, wanted, theirs["decision"]))


def _batches(texts: Sequence[str]) -> Iterator[slice]:
    """Yield batches of every size in turn, until all rows are in one; very long texts come in small ones, for memory's sake."""
    start = turn = 0
    while start < len(texts):
        size = _SHAPES[turn % len(_SHAPES)]
        if max(map(len, texts[start : start + size])) > _LONG:
            size = min(size, _FEW)
        yield slice(start, min(start + size, len(texts)))
        start, turn = start + size, turn + 1


def _ours(predictor: Predictor, texts: Sequence[str], layers: Sequence[str]) -> dict[str, Array]:
    corpus = _corpus(texts)
    found: dict[str, Array] = {}
    if predictor.task is not None:
        found["probabilities"] = np.asarray(predictor.score(corpus).probabilities, np.float64)
    names = tuple(layers) if predictor.task is not None else ("vectors", *layers)
    if names:
        engine = cast(HeldNetwork, predictor.scorer.network).engine
        stages = [engine.stages[-1] if name == "vectors" else name for name in names]
        outputs = engine.outputs(predictor.rows(corpus).examples, stages)
        found |= {name: outputs[stage] for name, stage in zip(names, stages, strict=True)}
    return found


def _corpus(texts: Sequence[str]) -> Corpus:
    """Return texts as rows, lone surrogates, which no UTF-8 has, as U+FFFD."""
    whole = [_SURROGATE.sub("\ufffd", text) for text in texts]
    return Corpus(pa.array(whole, pa.large_string()))


def _pooled(model: Model, texts: Sequence[str], layers: Sequence[str]) -> dict[str, Array]:
    outputs = model.score(texts)
    for name in layers:
        if outputs[name].ndim == 3:  # the mean over tokens, as engines have it
            lengths = np.array([len(model.reader.ids(text)) for text in texts])[:, None]
            real = np.arange(outputs[name].shape[1]) < lengths
            outputs[name] = (outputs[name] * real[:, :, None]).sum(1) / np.maximum(lengths, 1)
    return outputs


def _joined(batches: Sequence[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def _apart(one: Array, other: Array) -> float:
    return float(np.abs(one - other).max(initial=0) / max(1.0, float(np.abs(other).max(initial=0))))


def _n_labels(task: Task, predictor: Predictor, probabilities: Doubles, decisions: Array) -> int:
    """Count rows with other decisions, but for those whose decision a nudge to their probabilities would change too."""
    rule = predictor.rule
    wanted = np.asarray(task.decide(probabilities, rule), np.int64)
    if wanted.ndim == 1:
        wanted = np.where(task.abstains(probabilities, rule), -1, wanted)
    differ = np.flatnonzero((wanted != decisions).reshape(len(wanted), -1).any(1))
    return sum(not _at_border(task, predictor, probabilities[row], decisions[row]) for row in differ)


def _at_border(task: Task, predictor: Predictor, probabilities: Doubles, decision: Array) -> bool:
    rng = np.random.default_rng(0)
    nudged = probabilities + 2 * TOLERANCE * rng.uniform(-1, 1, (256, *np.shape(probabilities)))
    codes = np.asarray(task.decide(nudged, predictor.rule), np.int64)
    if codes.ndim == 1:
        codes = np.where(task.abstains(nudged, predictor.rule), -1, codes)
    return bool((codes == decision).reshape(len(codes), -1).all(1).any())
