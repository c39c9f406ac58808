"""Learning from a target's texts without any of its labels: the base teaches a student that reads the target's words.

The base's own probabilities, sharpened, stand in for labels. A logistic regression learns them from the target's
n-grams and from the base's n-grams and clusters, so it finds out which of the target's words keep company with what
the base takes for praise or blame; its score is then added to the base's. Such training on one's own guesses goes
back to Scudder, "Probability of error of some adaptive pattern-recognition machines", IEEE Trans. Inf. Theory 1965;
that a student helps where it sees other features than its teacher is the argument of co-training (Blum and Mitchell,
COLT 1998). What it is worth, on which sets: docs/log.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from headstart.corpus import Corpus
from headstart.errors import DataError
from headstart.inference import network_logits
from headstart.predictor import Predictor
from headstart.strategies.blending import list_ngrams, ngram_features
from headstart.strategies.calibration import measured
from headstart.strategies.guesses import with_student
from headstart.strategies.logistic import solve_dual
from headstart.strategies.scratch import carried, examples_of, law_counts, needed
from headstart.strategies.settings import Learnt, Settings
from headstart.strategies.target import MOVING, Linear, add_linear, blend_of, is_blend, moving_features
from headstart.strategies.vocabulary import extend_vocabulary
from headstart.text import TokenIndexer, encode

__all__ = ["LEAST_TEXTS", "read_beforehand", "self_train", "self_training"]

LEAST_TEXTS = 50
"""Fewer texts than this teach nothing about a target's words."""

_NOTHING_LEARNT = "nothing was learnt from these texts: the base says the same of all of them, or they hold no words, so it is unchanged"
_SHARPEN = 3.0
_SHARE = 0.4
_PENALTY = 30.0
_MANY = 4000

_OWN = ("n_unlabelled", "n_words_of_unlabelled", "n_self_trained", "label_types")
"""Facts that a taught base has of its own; what else it knows is about the base that it was."""
_MEASURED = ("n_valid", "valid")


def self_training(train: Corpus, valid: Corpus | None, base: Predictor | None, settings: Settings) -> Learnt:
    """The strategy ``self-train``: the base, taught by itself on the texts of `train` and those that came without labels.

    No label of them is looked at. Those of `valid` are, to measure by, once nothing is left to learn.
    """
    base = needed(base)
    blend_of(base)
    texts = train if settings.unlabelled is None else _both(train, settings.unlabelled)
    taught = self_train(_with_words(base, texts), texts, **settings.guessing)
    counts = law_counts(encode(base.steps, train.texts), base.max_tokens)
    info = {name: taught.info[name] for name in _OWN if name in taught.info}
    info |= {**carried(base), "n_train": len(train), "train_counts": counts}
    info |= measured(taught, valid, settings.device)
    notes = () if "n_self_trained" in taught.info else (_NOTHING_LEARNT,)
    return Learnt(replace(taught, info=info, run={}), notes=notes)


def read_beforehand(base: Predictor, texts: Corpus, **training: Any) -> Predictor:
    """Return the base after it has read texts without labels: it knows their words, and a `blend` has taught itself.

    What has no words of ours stays as it is; so does a `blend` itself where there are fewer than `LEAST_TEXTS`.
    """
    if base.steps is None or not isinstance(base.steps[-1], TokenIndexer):
        return base
    known = _with_words(base, texts)
    if not is_blend(known) or len(texts) < LEAST_TEXTS:
        return known
    return self_train(known, texts, **training)


def _both(some: Corpus, more: Corpus) -> Corpus:
    return Corpus(pa.concat_arrays([some.texts, more.texts]))


def _with_words(base: Predictor, texts: Corpus) -> Predictor:
    found = extend_vocabulary(base, texts)
    facts = {"n_unlabelled": len(texts), "n_words_of_unlabelled": found.n_new_words}
    return replace(found.predictor, info={**base.info, **facts})


def self_train(base: Predictor, texts: Corpus, **training: Any) -> Predictor:
    """Return the base with a student of the target's texts added; no label is looked at.

    The student of n-grams counts for .4 of the base's spread of scores, and the sum is brought back to the base's mean and
    spread on these texts, so that the base stays as sure as it was.

    Args:
        base: a predictor over a `blend` network; left as it is.
        texts: of the target, at least `LEAST_TEXTS`.
        training: options of the `Trainer` of its recurrent part.

    Raises:
        DataError: fewer texts than that.
        OptionError: another network.
    """
    if len(texts) < LEAST_TEXTS:
        raise DataError(
            f"{len(texts)} texts came to learn the target's words from, without labels; expected {LEAST_TEXTS} or more. "
            "Pass more texts, or use the base as it is."
        )
    net, _ = blend_of(base)
    examples = examples_of(base, texts)
    slope, intercept = base.calibration
    logits = (slope * network_logits(net, examples)[:, 0] + intercept).astype(np.float64)
    guesses = 1 / (1 + np.exp(-np.clip(_SHARPEN * logits, -80, 80)))
    least = (2, 3) if len(texts) >= _MANY else (1, 2)
    listed, scale = list_ngrams(examples.ids, guesses.astype(np.float32), 2, least)
    if not len(listed):
        return base
    blocks = [ngram_features(listed, scale, examples.ids, 2), *moving_features(net, examples.ids)]
    score, weights = _student(sp.hstack(blocks, format="csr").astype(np.float32), guesses)
    spread = float(logits.std())
    if spread < 1e-6 or float(score.std()) < 1e-6:
        return base
    share = _SHARE * spread / float(score.std())
    together = logits + share * score
    kept = spread / float(together.std())
    own, *moved = np.split(weights * np.float32(kept * share), np.cumsum([block.shape[1] for block in blocks])[:-1])
    bias = float(logits.mean() - kept * together.mean())
    changes = dict(zip(MOVING, moved, strict=True))
    taught = add_linear(base, Linear(listed, scale, own, changes, kept=kept, bias=bias))
    taught = with_student(taught, examples, **training)
    facts = {name: value for name, value in base.info.items() if name not in _MEASURED}  # another model now
    return replace(taught, info={**facts, "n_self_trained": len(texts)})


def _student(features: Any, guesses: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the student's scores [rows], without their constant, and its weights [size]."""
    used = np.unique(features.indices)
    found, _ = solve_dual(features[:, used], guesses, penalty=_PENALTY)
    weights = np.zeros(features.shape[1], np.float32)
    weights[used] = found
    return np.asarray(features @ weights, np.float64), weights
