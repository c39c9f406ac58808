"""How far texts lie from those that a model knows, and how well it will do on them, before any label is looked at.

What is compared with is stored in the model, or computed of texts that are given as the reference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.arrays import Doubles
from headstart.corpus import Corpus
from headstart.evaluation.binary import mean_confidence
from headstart.inputs import Words, text_input_of
from headstart.plain import Facts, Json
from headstart.predictor import Predictor, words_of
from headstart.text import Encoded, encode

_PERCENTILES = (5, 25, 50, 75, 95)
_FEWEST_TEXTS = 30
_KOLMOGOROV = 1.36
"""Times the root of 1/n: the distance that a sample of n rows keeps from its own source in 95% of draws."""

FACTOR = 1.44
"""What an estimate moves by for each point that the confidence falls, by which it falls too little (`benchmarks/drift.py`)."""
UNCERTAINTY = {"accuracy": 0.071, "auc": 0.045}
"""Root mean square of what is true less what was estimated, over 48 pairs of a base and a set (`benchmarks/drift.py`)."""
LEVEL = 0.9
_QUANTILE = 1.86
"""Of Student's t at `LEVEL`, for nine sets."""

WORTH = {
    "vocabulary": "ranked by unknown words, sets stood in nearly no order of accuracy (rank correlation -.45), and by how "
    "far apart the words' distributions are in even less (-.24)",
    "confidence": "such an estimate was off by .028 on average, and mostly too high, by .020; it ranked sets much as "
    "their accuracy does (rank correlation .75)",
}
"""What each figure has been worth as a predictor of as-is accuracy: two bases trained on IMDB on eight other sets of
reviews (benchmarks/gap.py; docs/compare.md has the table)."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """From where on texts count as moved.

    Attributes:
        unknown: rise of the fraction of tokens that the model does not know.
        words: bits between the distributions of words, beyond what as many words drawn from the source would show.
        length: ratio of the median lengths, either way.
        scores: largest difference of the scores' cumulative distributions, beyond what as many rows of the source would show.
        accuracy: fall of the estimated accuracy.
    """

    unknown: float = 0.05
    words: float = 0.1
    length: float = 2.0
    scores: float = 0.1
    accuracy: float = 0.05


def drift(
    predictor: Predictor,
    target: Corpus,
    reference: Corpus | None = None,
    *,
    thresholds: Thresholds | None = None,
    device: str = "cpu",
) -> Json:
    """Return whether texts have moved away from what a model knows.

    Args:
        predictor: the model.
        target: the texts; labels are not looked at.
        reference: texts to compare with; with labels, accuracy and AUC begin from what is measured on them. None takes the
            figures that were stored when the model was trained.
        thresholds: from where on they count as moved.
        device: where to compute.

    Returns:
        ``n_texts``, ``moved``, ``figures`` (each with ``name``, ``value``, ``reference``, ``change``, ``threshold`` and
        ``exceeded``), ``accuracy`` and ``auc`` (``estimate``, ``low``, ``high``, ``level``, ``reference``; None where they
        cannot be told), the parts of `familiarity`, and ``left_out``.
    """
    bounds = thresholds or Thresholds()
    logits = None if predictor.task is None else predictor.score(target, device=device).logits
    no_texts = predictor.steps is None or target.input != "text"
    encoded = None if no_texts else encode(predictor.steps, target.texts)
    found = familiarity(predictor, target, logits=logits, encoded=encoded)
    known = _stored(predictor) if reference is None else _measured(predictor, reference, device)
    left_out = list(found["left_out"])
    figures = [
        *_word_figures(predictor, encoded, found, known, bounds),
        *_length_figure(found, known, bounds),
        *_score_figure(predictor, logits, known, bounds, left_out),
    ]
    estimates = _estimates(predictor, logits, known, left_out) if found["confidence"] else {}
    if accuracy := estimates.get("accuracy"):
        fall = accuracy["reference"] - accuracy["estimate"]
        figures.append(
            _figure("estimated accuracy", accuracy["estimate"], accuracy["reference"], -fall, bounds.accuracy, fall)
        )
    if len(target) < _FEWEST_TEXTS:
        left_out.append(f"{len(target)} texts are too few to tell a move from chance; give {_FEWEST_TEXTS} or more")
        figures = [{**one, "exceeded": False} for one in figures]
    return {
        **found,
        "moved": any(one["exceeded"] for one in figures),
        "figures": figures,
        "accuracy": estimates.get("accuracy"),
        "auc": estimates.get("auc"),
        "compared_with": "figures stored in the model" if reference is None else "the reference",
        "left_out": left_out,
    }


def _figure(name: str, value: float, reference: float, change: float, threshold: float, amount: float) -> Json:
    return {
        "name": name,
        "value": value,
        "reference": reference,
        "change": change,
        "threshold": threshold,
        "exceeded": bool(amount > threshold),
    }


# --- what is known of the source ------------------------------------------------------------------------


def _stored(predictor: Predictor) -> Json:
    info = predictor.info
    source: Facts = info.get("source") or {}
    valid = info.get("valid") or {}
    words = words_of(predictor)
    lengths: Facts = source.get("length_percentiles") or {}
    scores = info.get("held_out_scores")
    return {
        "unknown_token_rate": source.get("unknown_token_rate"),
        "counts": None if words is None else np.asarray(words.counts, np.float64),
        "median_length": lengths.get("50"),
        "scores": None if not scores else np.asarray(scores, np.float64),
        "accuracy": valid.get("accuracy"),
        "auc": valid.get("auc"),
        "confidence": valid.get("confidence", valid.get("accuracy")),
    }


def _measured(predictor: Predictor, reference: Corpus, device: str) -> Json:
    known: Json = dict.fromkeys(_stored(predictor))
    if predictor.steps is not None:
        encoded = encode(predictor.steps, reference.texts)
        known["unknown_token_rate"] = encoded.n_unknown / max(1, encoded.n_tokens)
        known["median_length"] = float(np.median(encoded.ids.lengths)) if len(reference) else None
        words = words_of(predictor)
        if words is not None:
            known["counts"] = counts_of(encoded, words)
    if predictor.task is None or not len(reference):
        return known
    probabilities = predictor.probabilities(predictor.score(reference, device=device).logits)
    stored = _stored(predictor)
    known |= {name: stored[name] for name in ("accuracy", "auc")}
    known |= {"scores": np.sort(scores_of(probabilities)), "confidence": confidence_of(probabilities)}
    task = reference.task
    if task is not None and (task.kind, task.names) == (predictor.task.kind, predictor.task.names):
        measured = task.measure(np.asarray(reference.labels), probabilities, predictor.rule)
        known |= {name: measured.get(name) for name in ("accuracy", "auc")}
    elif stored["accuracy"] is not None:
        known["accuracy"] = stored["accuracy"] + FACTOR * (
            known["confidence"] - (stored["confidence"] or known["confidence"])
        )
    return known


def scores_of(probabilities: Doubles) -> Doubles:
    """Return one number a row [rows]: of two labels the probability of the second, of several that of the likeliest."""
    return probabilities if probabilities.ndim == 1 else np.asarray(probabilities.max(1))


def confidence_of(probabilities: Doubles) -> float:
    """Return the mean probability of the likeliest answer."""
    return mean_confidence(probabilities) if probabilities.ndim == 1 else float(probabilities.max(1).mean())


# --- figures --------------------------------------------------------------------------------------------


def _word_figures(
    predictor: Predictor, encoded: Encoded | None, found: Json, known: Json, bounds: Thresholds
) -> list[Json]:
    words, indexer = found["vocabulary"], words_of(predictor)
    if words is None or indexer is None or encoded is None:
        return []
    figures = []
    rate, before = words["unknown_token_rate"], known["unknown_token_rate"]
    if before is not None:
        figures.append(_figure("unknown tokens", rate, before, rate - before, bounds.unknown, rate - before))
    if known["counts"] is not None:
        counts, theirs = known["counts"][1:], counts_of(encoded, indexer)[1:]
        distance, by_chance = _jensen_shannon(counts, theirs), _distance_by_chance(counts, int(theirs.sum()))
        figures.append(
            _figure("distance of words", distance, by_chance, distance - by_chance, bounds.words, distance - by_chance)
        )
    return figures


def _distance_by_chance(counts: Doubles, n: int) -> float:
    """Return the distance that `n` words drawn from the source keep from it."""
    if not n or not counts.sum():
        return 0.0
    drawn = np.random.default_rng(0).multinomial(n, counts / counts.sum())
    return _jensen_shannon(counts, drawn.astype(np.float64))


def _length_figure(found: Json, known: Json, bounds: Thresholds) -> list[Json]:
    before = known["median_length"]
    if found["lengths"] is None or not before:
        return []
    middle = found["lengths"]["target"]["50"]
    ratio = middle / before
    return [_figure("median length", middle, before, ratio, bounds.length, max(ratio, 1 / max(ratio, 1e-9)))]


def _score_figure(
    predictor: Predictor, logits: Doubles | None, known: Json, bounds: Thresholds, left_out: list[str]
) -> list[Json]:
    if logits is None or not len(logits) or predictor.answers.kind == "regression":
        return []
    before = known["scores"]
    if before is None:
        left_out.append(
            "the model was stored without its scores on held-out rows, so scores are not compared (--reference)"
        )
        return []
    now = np.sort(scores_of(predictor.probabilities(logits)))
    places = np.concatenate([before, now])
    below = [np.searchsorted(one, places, "right") / len(one) for one in (before, now)]
    distance = float(np.abs(below[0] - below[1]).max())
    by_chance = _KOLMOGOROV / np.sqrt(len(now))
    return [
        _figure("distance of scores", distance, by_chance, distance - by_chance, bounds.scores, distance - by_chance)
    ]


# --- estimates ------------------------------------------------------------------------------------------


def _estimates(predictor: Predictor, logits: Doubles | None, known: Json, left_out: list[str]) -> dict[str, Json]:
    """Return accuracy and, of two labels, AUC: what was measured on held-out rows, less what the model says that it lost.

    The difference of confidences (Guillory et al., ICCV 2021) for accuracy; for AUC the same of the AUC that calibrated
    probabilities expect of themselves.
    """
    if logits is None or not len(logits):
        return {}
    probabilities = predictor.probabilities(logits)
    n, found = len(probabilities), {}
    if known["accuracy"] is None or known["confidence"] is None:
        left_out.append("the model was stored without its accuracy on held-out rows, so no accuracy is estimated")
        return {}
    change = confidence_of(probabilities) - known["confidence"]
    # A model that is surer of other texts than of its own is no better on them: rows of long texts after short ones.
    estimate = float(np.clip(known["accuracy"] + FACTOR * min(change, 0.0), 0, 1))
    found["accuracy"] = _interval("accuracy", estimate, known["accuracy"], estimate * (1 - estimate) / n)
    if probabilities.ndim == 1 and known["auc"] is not None and known["scores"] is not None:
        change = expected_auc(probabilities) - expected_auc(known["scores"])
        estimate = float(np.clip(known["auc"] + FACTOR * change, 0.5, 1))
        few = max(1.0, min(probabilities.sum(), (1 - probabilities).sum()))
        found["auc"] = _interval("auc", estimate, known["auc"], estimate * (1 - estimate) / few)
    return found


def _interval(name: str, estimate: float, reference: float, sampling: float) -> Json:
    reach = _QUANTILE * np.sqrt(UNCERTAINTY[name] ** 2 + sampling)
    low, high = np.clip([estimate - reach, estimate + reach], 0, 1).tolist()
    return {"estimate": estimate, "low": low, "high": high, "level": LEVEL, "reference": reference}


def expected_auc(probabilities: Doubles) -> float:
    """Return the AUC that calibrated probabilities expect of themselves: of a pair of a positive and a negative row, each
    counted by how likely it is one, how often the positive one has the higher probability.
    """
    values, inverse = np.unique(probabilities, return_inverse=True)
    positive = np.bincount(inverse, probabilities, len(values))
    negative = np.bincount(inverse, 1 - probabilities, len(values))
    below = np.cumsum(negative) - negative
    pairs = positive.sum() * negative.sum()
    return float(np.sum(positive * (below + negative / 2)) / pairs) if pairs > 0 else 0.5


def drift_lines(found: Facts) -> list[str]:
    """Return what `drift` found in sentences."""
    lines = []
    for one in found["figures"]:
        mark = "MOVED" if one["exceeded"] else "fine"
        lines.append(f"{one['name']}: {one['value']:.4g}, compared with {one['reference']:.4g} ({mark})")
    for name, title in (("accuracy", "accuracy"), ("auc", "AUC")):
        if sure := found[name]:
            lines.append(
                f"Estimated {title}: {sure['estimate']:.3f} [{sure['low']:.3f}, {sure['high']:.3f}] with {sure['level']:.0%} "
                f"confidence; {sure['reference']:.3f} on held-out rows of the source."
            )
    lines += [f"Left out: {why}." for why in found["left_out"]]
    lines.append(
        f"{found['n_texts']:,} texts, compared with {found['compared_with']}: "
        + ("they have moved." if found["moved"] else "they have not moved beyond the thresholds.")
    )
    return lines


# --- how familiar texts are ------------------------------------------------------------------------------


def familiarity(
    base: Predictor, target: Corpus, *, logits: Doubles | None = None, encoded: Encoded | None = None
) -> Json:
    """Return what a model alone can say of texts.

    Args:
        base: the model.
        target: the texts; labels are not looked at.
        logits: what the model says of them, where that is known [rows] or [rows, outputs].
        encoded: their tokens, where these are known.

    Returns:
        ``n_texts``; ``vocabulary`` (None for a model without token ids), ``lengths``, ``confidence``, ``worth`` (see
        `WORTH`), ``left_out``: sentences on what is missing and why.
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
    if text_input_of(base.inputs).pieces is not None:
        left_out.append("the base cuts words into pieces and came without their counts, so words are not compared")
    unsure = _why_no_confidence(base, target)
    if unsure:
        left_out.append(f"{unsure}, so its confidence is not looked at")
    words = words_of(base)
    if encoded is None and texts and base.steps is not None:
        encoded = encode(base.steps, target.texts)
    return {
        "n_texts": len(target),
        "vocabulary": None if words is None or encoded is None else _vocabulary(base, words, encoded),
        "lengths": None if encoded is None else _lengths(base, encoded),
        "confidence": None if unsure else _confidence(base, target, logits),
        "worth": WORTH,
        "left_out": left_out,
    }


def _why_no_confidence(base: Predictor, target: Corpus) -> str:
    """Return why the base's confidence foretells nothing here; empty where it does."""
    if not len(target):
        return "there are no texts"
    if base.task is None:
        return "the base has learnt no labels"
    if base.task.kind not in ("binary", "multiclass", "ordinal"):
        return f"the base answers no classes ({base.task.said()})"
    if target.task is not None and (target.task.kind, target.task.names) != (base.task.kind, base.task.names):
        return f"the base gives other answers ({base.task.said()}) than the labels ask for ({target.task.said()})"
    return ""


def _vocabulary(base: Predictor, words: Words, encoded: Encoded) -> Json:
    """Compare words: rates of unknown tokens, overlap by frequency, and the distance of the two distributions."""
    source_counts = np.asarray(words.counts, np.float64)
    counts = counts_of(encoded, words)
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


def counts_of(encoded: Encoded, words: Words) -> Doubles:
    """Return how often each token id stands in some texts [ids]."""
    return np.bincount(encoded.ids.values, minlength=len(words.counts)).astype(np.float64)


def _jensen_shannon(some: Doubles, others: Doubles) -> float:
    """Return the divergence of two distributions of tokens in bits: 0 for equal ones, 1 for no word in common."""
    p, q = some / max(some.sum(), 1.0), others / max(others.sum(), 1.0)
    middle = (p + q) / 2

    def against(one: Doubles) -> float:
        held = one > 0
        return float(np.sum(one[held] * np.log2(one[held] / middle[held])))

    return (against(p) + against(q)) / 2


def _lengths(base: Predictor, encoded: Encoded) -> Json:
    lengths = encoded.ids.lengths
    of_source = base.info.get("source", {}).get("length_percentiles", {})
    percentiles = {str(share): float(np.percentile(lengths, share)) if len(lengths) else 0.0 for share in _PERCENTILES}
    cut = 0 if base.max_tokens is None else int((lengths > base.max_tokens).sum())
    middle, own = of_source.get("50"), percentiles["50"]
    return {
        "target": percentiles,
        "source": {name: of_source[name] for name in percentiles if name in of_source} or None,
        "ratio_of_medians": own / middle if middle else None,
        "n_truncated": cut,
        "max_tokens": base.max_tokens,
    }


def _confidence(base: Predictor, target: Corpus, logits: Doubles | None) -> Json:
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
    sure = confidence_of(probabilities)
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


def familiarity_lines(gap: Facts) -> list[str]:
    """Return what `familiarity` found in sentences."""
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
    return lines
