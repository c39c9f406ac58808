"""How far the target lies from the source, before any label of the target is looked at.

What needs only the artifact (its vocabulary with counts, its texts' lengths, its own scores) is always there;
what needs the source's texts comes with ``source=`` and is left out, and said, without it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.corpus import Corpus
from headstart.drift import familiarity, familiarity_lines
from headstart.fitting.logistic import logistic_path
from headstart.fitting.vectorizing import vectorizer_of
from headstart.plain import Facts, Json
from headstart.predictor import Predictor
from headstart.strategies.inputs import strings_of
from headstart.strategies.shared import SPACES

_MOST_ROWS = 2000


def domain_gap(
    base: Predictor,
    target: Corpus,
    source: Corpus | None = None,
    *,
    logits: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> Json:
    """Return the gap as plain figures.

    Args:
        base: the trained base.
        target: texts of the target; labels are not looked at.
        source: the base's training texts, labelled or not; or None.
        logits: what the base says of the target's rows, where that is known [rows] or [rows, outputs].
        seed: of the sample and the folds of the proxy A-distance.

    Returns:
        What `headstart.drift.familiarity` gives, and ``proxy_a_distance``, None without the source.
    """
    found, texts = familiarity(base, target, logits=logits), target.input == "text"
    if source is None and texts:
        found["left_out"].append(
            "the source's texts were not given (--source), so no classifier was trained to tell the two apart"
        )
    distance = None if source is None or not texts else proxy_a_distance(source, target, seed=seed)
    return {**found, "proxy_a_distance": distance}


def proxy_a_distance(source: Corpus, target: Corpus, *, seed: int = 0) -> Json:
    """Return how well a linear model tells source texts from target texts: ``2 (1 - 2 error)``, cross-validated.

    0: not at all; 2: always (Ben-David et al., NIPS 2006). At most 2,000 texts of each, equally many; words by
    TF-IDF, five folds, the balanced error.
    """
    from sklearn.model_selection import StratifiedKFold

    n = min(_MOST_ROWS, len(source), len(target))
    parts = [strings_of(_sample(corpus, seed, n)) for corpus in (source, target)]
    texts, labels = parts[0] + parts[1], np.repeat([0, 1], n)
    if n < 10:
        return {"value": None, "n_texts_each": n, "why": "fewer than ten texts of one side"}
    errors = []
    for fit, held in StratifiedKFold(5, shuffle=True, random_state=seed).split(texts, labels):
        vectorizer = vectorizer_of(1, SPACES["words"].tokens, min_df=2)
        try:
            inputs = vectorizer.fit_transform([texts[i] for i in fit])
        except ValueError:
            errors.append(0.5)
            continue
        (line,) = logistic_path(inputs, labels[fit], (1.0,))
        said = line.logits(vectorizer.transform([texts[i] for i in held])) > 0
        errors.append(float(np.mean(said != labels[held])))
    return {"value": max(0.0, 2 * (1 - 2 * float(np.mean(errors)))), "n_texts_each": n}


def _sample(corpus: Corpus, seed: int, n: int = _MOST_ROWS) -> Corpus:
    if len(corpus) <= n:
        return corpus
    return corpus.take(np.sort(np.random.default_rng(seed).choice(len(corpus), n, replace=False)))


def gap_lines(gap: Facts) -> list[str]:
    """Return the gap in sentences."""
    lines = familiarity_lines(gap)
    if gap["proxy_a_distance"] and gap["proxy_a_distance"]["value"] is not None:
        lines.append(
            f"Proxy A-distance {gap['proxy_a_distance']['value']:.2f} (0: source and target texts cannot be told apart; 2: always)."
        )
    return lines
