"""Learning from a target's texts by one's own pseudo-labels: the base teaches students that read the target's words.

It goes in two steps, the first and the third, with labels between them where there are any:

1. `adapt_to_texts`: the base gets to know the target's words, and its recurrent part learns the pseudo-labels of the whole.
2. Fine-tuning (`headstart.strategies.blend.ridge_fine_tuning`), if the target has labels.
3. `self_train`: what came of that teaches a student of n-grams, and its recurrent part once more.

The student of n-grams: probabilities, sharpened, stand in for labels. A logistic regression learns them from the
target's n-grams and from the base's n-grams and clusters, so it finds out which of the target's words keep company with
what the base takes for praise or blame; its score is then added to the base's. Such training on one's own pseudo-labels goes
back to Scudder, "Probability of error of some adaptive pattern-recognition machines", IEEE Trans. Inf. Theory 1965;
that a student helps where it sees other features than its teacher is the argument of co-training (Blum and Mitchell,
COLT 1998). A teacher that has seen labels teaches better than one that has not, which is why they come before the
student of n-grams and not after it. What it is worth, on which sets: docs/log.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from headstart.corpus import Corpus, duplicates
from headstart.errors import DataError
from headstart.evaluation import sigmoid
from headstart.fitting.logistic import fit_dual
from headstart.inference import network_logits
from headstart.predictor import Predictor, without, words_of
from headstart.strategies.blend.distillation import distil
from headstart.strategies.blend.fit_branches import list_ngrams, ngram_features
from headstart.strategies.blend.linear_branch import MOVING, Linear, add_linear, blend_of, is_blend, moving_features
from headstart.strategies.blend.vocabulary import extend_vocabulary
from headstart.strategies.inputs import examples_of

LEAST_TEXTS = 50
"""Fewer texts than this teach nothing about a target's words."""

NOTHING_LEARNT = "nothing was learnt from these texts: the base says the same of all of them, or they hold no words, so it is unchanged"
_SHARPEN = 3.0
_SHARE = 0.4
_LABELLED = 500
"""Of texts whose labels the teacher has seen, so many halve the student's share: it knows them by heart."""
_COST = 30.0
_MANY = 4000

OF_SELF_TRAINING = ("n_unlabelled", "n_words_of_unlabelled", "n_self_trained", "label_types")
"""Facts that a taught base has of its own; what else it knows is about the base that it was."""
_MEASURED = ("n_valid", "valid", "test")


def adapt_to_texts(base: Predictor, texts: Corpus, *, words_alone: bool = False, **training: Any) -> Predictor:
    """Return the base after it has read texts without labels: it knows their words, and the recurrent part of a `blend`
    has learnt the whole's pseudo-labels of them.

    What has no words of ours stays as it is; so does that part where there are fewer than `LEAST_TEXTS`.

    Args:
        base: left as it is.
        texts: of the target.
        words_alone: move no weight of the base's; what is to be frozen afterwards is not to move before.
        training: options of the `Trainer` of the recurrent part.
    """
    if words_of(base) is None:
        return base
    known = _with_words(base, texts)
    if words_alone or not is_blend(known) or len(texts) < LEAST_TEXTS:
        return known
    taught = distil(known, examples_of(known, texts), **training)
    return known if taught is known else _of_its_own(taught, len(texts))


def with_own_texts(train: Corpus, unlabelled: Corpus | None) -> Corpus:
    """Return the texts of `train`, and those without labels that do not stand among them and are there, without any label."""
    if unlabelled is None:
        return Corpus(train.texts)
    there = unlabelled.texts.is_valid().to_numpy(zero_copy_only=False)
    other = np.flatnonzero(there & ~duplicates(unlabelled.texts, train.texts).in_a)
    return Corpus(pa.concat_arrays([train.texts, unlabelled.take(other).texts]))


def _with_words(base: Predictor, texts: Corpus) -> Predictor:
    found = extend_vocabulary(base, texts)
    # How many texts it was taught on before is no fact about these.
    known = replace(found.predictor, info=without(base.info, ("n_self_trained",)))
    return known.with_facts(n_unlabelled=len(texts), n_words_of_unlabelled=found.n_new_words)


def self_train(base: Predictor, texts: Corpus, *, n_labelled: int = 0, **training: Any) -> Predictor:
    """Return the base with a student of the target's texts added; no label is looked at.

    The student of n-grams counts for .4 of the base's spread of scores, for less where the base has learnt the labels of
    the texts, and the sum is brought back to the base's mean and spread on these texts, so that the base stays as sure
    as it was.

    Args:
        base: a predictor over a `blend` network; left as it is.
        texts: of the target, at least `LEAST_TEXTS`.
        n_labelled: of how many of them it has learnt the labels.
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
    pseudo_labels = sigmoid(_SHARPEN * logits)
    least = (2, 3) if len(texts) >= _MANY else (1, 2)
    listed, scale = list_ngrams(examples.ids, pseudo_labels.astype(np.float32), 2, least)
    if not len(listed):
        return base
    blocks = [ngram_features(listed, scale, examples.ids, 2), *moving_features(net, examples.ids)]
    score, weights = _student(sp.hstack(blocks, format="csr").astype(np.float32, copy=False), pseudo_labels)
    spread = float(logits.std())
    if spread < 1e-6 or float(score.std()) < 1e-6:
        return base
    seen = _LABELLED * n_labelled / len(texts)
    share = _SHARE * len(texts) / (len(texts) + seen) * spread / float(score.std())
    together = logits + share * score
    kept = spread / float(together.std())
    own, *moved = np.split(weights * np.float32(kept * share), np.cumsum([block.shape[1] for block in blocks])[:-1])
    bias = float(logits.mean() - kept * together.mean())
    changes = dict(zip(MOVING, moved, strict=True))
    taught = add_linear(base, Linear(listed, scale, own, changes, kept=kept, bias=bias))
    return _of_its_own(distil(taught, examples, **training), len(texts))


def _of_its_own(taught: Predictor, n_texts: int) -> Predictor:
    """Return a taught base with what is known of it; what was measured was another model."""
    return replace(taught, info={**without(taught.info, _MEASURED), "n_self_trained": n_texts})


def _student(features: Any, pseudo_labels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the student's scores [rows], without their constant, and its weights [size]."""
    used = np.unique(features.indices)
    found, _ = fit_dual(features[:, used], pseudo_labels, _COST)
    weights = np.zeros(features.shape[1], np.float32)
    weights[used] = found
    return np.asarray(features @ weights, np.float64), weights
