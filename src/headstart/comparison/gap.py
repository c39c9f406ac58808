"""How far the target lies from the source, before any label of the target is looked at.

What needs only the artifact (its vocabulary with counts, its texts' lengths, its own scores) is always there;
what needs the source's texts comes with ``source=`` and is left out, and said, without it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.corpus import Corpus
from headstart.evaluation.binary import mean_confidence
from headstart.fitting.logistic import logistic_path
from headstart.fitting.vectorizing import vectorizer_of
from headstart.inputs import Words, text_input_of
from headstart.plain import Facts, Json
from headstart.predictor import Predictor, words_of
from headstart.strategies.inputs import strings_of
from headstart.strategies.shared import SPACES
from headstart.text import encode

__all__ = ["WORTH", "domain_gap"]

_MOST_ROWS = 2000
_SHARES = (5, 25, 50, 75, 95)

WORTH = {
    "vocabulary": "ranked by unknown words, sets stood in nearly no order of accuracy (rank correlation -.45), and by how "
    "far apart the words' distributions are in even less (-.24)",
    "confidence": "such an estimate was off by .028 on average, and mostly too high, by .020; it ranked sets much as "
    "their accuracy does (rank correlation .75)",
}
"""What each figure has been worth as a predictor of as-is accuracy: two bases trained on IMDB on eight other sets of
reviews (benchmarks/gap.py; docs/compare.md has the table)."""


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
        ``n_texts``; ``vocabulary`` (None for a base without token ids), ``lengths``, ``confidence``,
        ``proxy_a_distance`` (None without the source), ``worth`` (see `WORTH`), ``left_out``: sentences on what is
        missing and why.
    """
    left_out, texts = [], target.input == "text"
    if not texts:
        left_out.append(
            "the rows are no texts, so words and lengths are not compared, nor is anything trained to tell the two apart"
        )
    elif base.steps is None:
        left_out.append(
            "the base reads bare texts and has no vocabulary with counts, so words and lengths are not compared"
        )
    words = words_of(base)
    if text_input_of(base.inputs).pieces is not None:
        left_out.append("the base cuts words into pieces and came without their counts, so words are not compared")
    unsure = _why_no_confidence(base, target)
    if unsure:
        left_out.append(f"{unsure}, so its confidence is not looked at")
    if source is None and texts:
        left_out.append(
            "the source's texts were not given (--source), so no classifier was trained to tell the two apart"
        )
    return {
        "n_texts": len(target),
        "vocabulary": None if words is None else _vocabulary(base, words, target),
        "lengths": None if base.steps is None else _lengths(base, target),
        "confidence": None if unsure else _confidence(base, target, logits),
        "proxy_a_distance": None if source is None or not texts else proxy_a_distance(source, target, seed=seed),
        "worth": WORTH,
        "left_out": left_out,
    }


def _why_no_confidence(base: Predictor, target: Corpus) -> str:
    """Return why the base's confidence foretells nothing here; empty where it does."""
    if base.task is None:
        return "the base has learnt no labels"
    if base.task.kind not in ("binary", "multiclass", "ordinal"):
        return f"the base answers no classes ({base.task.said()})"
    if target.task is not None and (target.task.kind, target.task.names) != (base.task.kind, base.task.names):
        return f"the base gives other answers ({base.task.said()}) than the labels ask for ({target.task.said()})"
    return ""


def _vocabulary(base: Predictor, words: Words, target: Corpus) -> Json:
    """Compare words: rates of unknown tokens, overlap by frequency, and the distance of the two distributions."""
    encoded = encode(base.steps, target.texts)
    source_counts = np.asarray(words.counts, np.float64)
    counts = np.bincount(encoded.ids.values, minlength=len(source_counts)).astype(np.float64)
    known = np.argsort(-source_counts[2:], kind="stable") + 2  # the source's words, commonest first
    n_tokens = max(1.0, counts.sum())
    overlap = {f"share_of_target_in_top_{n}": float(counts[known[:n]].sum() / n_tokens) for n in (100, 1000, 10_000)}
    met = counts[known] > 0
    seen = {f"share_of_top_{n}_in_target": met[:n].sum() / max(1, len(met[:n])) for n in (100, 1000, 10_000)}
    of_source = base.info.get("source", {}).get("unknown_token_rate")
    return {
        "unknown_token_rate": encoded.n_unknown / max(1, encoded.n_tokens),
        "unknown_token_rate_of_source": of_source,
        **overlap,
        **seen,
        "jensen_shannon": _jensen_shannon(source_counts[1:], counts[1:]),
    }


def _jensen_shannon(some: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the divergence of two distributions of tokens in bits: 0 for equal ones, 1 for no word in common."""
    p, q = some / max(some.sum(), 1.0), others / max(others.sum(), 1.0)
    middle = (p + q) / 2

    def against(one: NDArray[np.float64]) -> float:
        held = one > 0
        return float(np.sum(one[held] * np.log2(one[held] / middle[held])))

    return (against(p) + against(q)) / 2


def _lengths(base: Predictor, target: Corpus) -> Json:
    lengths = encode(base.steps, target.texts).ids.lengths
    of_source = base.info.get("source", {}).get("length_percentiles", {})
    percentiles = {str(share): float(np.percentile(lengths, share)) if len(lengths) else 0.0 for share in _SHARES}
    cut = 0 if base.max_tokens is None else int((lengths > base.max_tokens).sum())
    middle, own = of_source.get("50"), percentiles["50"]
    return {
        "target": percentiles,
        "source": {name: of_source[name] for name in percentiles if name in of_source} or None,
        "ratio_of_medians": own / middle if middle else None,
        "n_truncated": cut,
        "max_tokens": base.max_tokens,
    }


def _confidence(base: Predictor, target: Corpus, logits: NDArray[np.float64] | None) -> Json:
    """Estimate the accuracy of the base as it is from how sure it is, by two ways.

    The average confidence (Hendrycks and Gimpel, ICLR 2017) and the difference of confidences (Guillory et al.,
    ICCV 2021): the accuracy on held-out rows of the source, less what the confidence falls by from these to the
    target. Both are kept when a base is trained. The source's texts at hand are of no use here: a base is surer of the
    ones that it was trained on than of any others. A base that was stored without that confidence was calibrated on
    the same rows, so it is there about as sure as it is right, and the accuracy stands for the confidence.
    """
    scores = base.score(target).logits if logits is None else logits
    probabilities = base.probabilities(scores)
    binary = probabilities.ndim == 1
    sure = mean_confidence(probabilities) if binary else float(probabilities.max(1).mean())
    valid = base.info.get("valid") or {}
    held, measured = valid.get("accuracy"), valid.get("confidence")
    of_source = held if measured is None else measured
    positive = float(np.mean(probabilities >= base.threshold)) if binary else None
    return {
        "average_confidence": sure,
        "confidence_on_source": of_source,
        "confidence_on_source_measured": measured is not None,
        "accuracy_on_source": held,
        "difference_of_confidences": None if held is None or of_source is None else held - (of_source - sure),
        "share_predicted_positive": positive,
    }


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
    lines = []
    if words := gap["vocabulary"]:
        own, theirs = words["unknown_token_rate"], words["unknown_token_rate_of_source"]
        compared = "" if theirs is None else f" (of the source's own: {theirs:.1%})"
        lines.append(f"{own:.1%} of the target's tokens are unknown to the base{compared}.")
        lines.append(
            f"The source's 1,000 commonest words make up {words['share_of_target_in_top_1000']:.0%} of the target's text; "
            f"the distributions of words are {words['jensen_shannon']:.2f} bits apart (0 equal, 1 nothing in common)."
        )
    if lengths := gap["lengths"]:
        ratio = lengths["ratio_of_medians"]
        compared = "" if ratio is None else f", {ratio:.2f} times the source's"
        lines.append(
            f"The median text has {lengths['target']['50']:.0f} tokens{compared}; {lengths['n_truncated']:,} of "
            f"{gap['n_texts']:,} are cut at {lengths['max_tokens']} tokens."
        )
    sure = gap["confidence"] or {"difference_of_confidences": None}
    if gap["confidence"]:
        lines.append(f"The base's average confidence is {sure['average_confidence']:.1%}.")
    if sure["difference_of_confidences"] is not None:
        lines.append(
            f"By the difference of confidences, its accuracy on the target would be about {sure['difference_of_confidences']:.1%} "
            f"(over bases and sets at hand, {WORTH['confidence']})."
        )
    if gap["proxy_a_distance"] and gap["proxy_a_distance"]["value"] is not None:
        lines.append(
            f"Proxy A-distance {gap['proxy_a_distance']['value']:.2f} (0: source and target texts cannot be told apart; 2: always)."
        )
    return lines
