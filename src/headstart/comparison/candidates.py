"""The candidates, simplest first. Another one is one more entry.

An entry's function takes the shared `Context` and a `TrainingDraw` (rows of the budget, a seed, whether columns may be
read) and gives back a `Fitted`: logits of the test rows, calibration and threshold learnt inside the draw, and a
function that builds the predictor if it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from headstart.comparison.context import Context, TrainingDraw
from headstart.comparison.fitted import Fitted
from headstart.comparison.layered import fit_columns, fit_features
from headstart.comparison.networks import (
    fit_as_is,
    fit_fine_tune,
    fit_gradual,
    fit_scratch,
    fit_self_trained_tuned,
)
from headstart.comparison.ngrams import Recipe, fit_ngrams
from headstart.comparison.unlabelled import fit_self_trained, fit_with_texts
from headstart.errors import OptionError, unknown_name

__all__ = ["ALL", "CANDIDATES", "Candidate", "chosen", "every_candidate"]

ALL = "all"
"""In a list of names: all candidates that run unnamed."""

Uses = Literal["nothing", "base", "source"]


@dataclass(frozen=True)
class Candidate:
    """One way of getting a model for the target.

    Attributes:
        name: for tables and the command line.
        fit: fits it on a draw.
        about: what it is, in a few words.
        uses: what it carries over: nothing, the trained base, or the source's texts.
        needs: what has to be there: ``"labels"`` (a base that predicts by itself), ``"network"`` (one with weights
            to train), ``"recipe"`` (one that can be built anew from its name), ``"ngrams"`` (one that can
            teach itself, and texts enough), ``"layers"``, ``"source"``, ``"columns"``, ``"texts"`` (of the n-gram space named behind
            a colon).
        columns: whether it can read tabular columns beside the text; then it also runs as ``name+columns``.
        dear: whether a fit takes long, so that it gets fewer draws.
        unlabelled: whether it looks at no label, so that one fit stands for all budgets.
        starts_from: what of the context it starts from, made beforehand and outside its seconds: ``"base"``, or
            ``"well_read"``, whose seconds are among those of `self-train`.
        seconds: a first guess at the seconds of a fit on a thousand labels, or of the one fit without labels.
        when_named: whether it runs only where it is named, since it takes long for what most will learn from it.
        reported_only: whether it has read what a model that is used has not, so that its figures are given, and
            it is neither shipped nor counted for or against the base.
    """

    name: str
    fit: Callable[[Context, TrainingDraw], Fitted]
    about: str
    uses: Uses = "nothing"
    needs: tuple[str, ...] = ()
    columns: bool = False
    dear: bool = False
    unlabelled: bool = False
    starts_from: Literal["base", "well_read"] = "base"
    seconds: float = 1.0
    when_named: bool = False
    reported_only: bool = False
    with_columns: bool = False


_TFIDF = Recipe("words", (0.3, 1.0, 3.0, 10.0, 30.0, 100.0))
_NBSVM = Recipe("punctuated", (0.3, 1.0, 3.0, 10.0, 30.0, 100.0), ratios=True)
_PRIOR = Recipe("words", (0.3, 3.0, 30.0), prior=True)

_TABLE = (
    Candidate("as-is", fit_as_is, "the base unchanged", uses="base", needs=("labels",), unlabelled=True, seconds=0.1),
    Candidate(
        "self-train", partial(fit_self_trained, of_test=False), "the base, taught by itself on your texts without labels",
        uses="base", needs=("ngrams",), unlabelled=True, seconds=10.0,
    ),
    Candidate(
        "self-train+test-texts", partial(fit_self_trained, of_test=True), "the same with the test rows' texts",
        uses="base", needs=("ngrams",), unlabelled=True, seconds=10.0, when_named=True, reported_only=True,
    ),
    Candidate("columns", fit_columns, "the tabular columns alone", needs=("columns",), seconds=0.5),
    Candidate(
        "tfidf", partial(fit_ngrams, recipe=_TFIDF), "TF-IDF of 1,2-grams, logistic regression", columns=True,
        needs=("texts:words",),
    ),
    Candidate(
        "nbsvm", partial(fit_ngrams, recipe=_NBSVM), "1-3-grams by naive Bayes' ratios", columns=True,
        needs=("texts:punctuated",), seconds=2.0,
    ),
    Candidate(
        "tfidf-prior", partial(fit_ngrams, recipe=_PRIOR), "TF-IDF, pulled towards a source model's weights",
        uses="source", needs=("source", "texts:words"), columns=True, seconds=3.0,
    ),
    Candidate(
        "features", fit_features, "a layer of the base, linear head or trees", uses="base", needs=("layers",),
        columns=True, seconds=3.0,
    ),
    Candidate(
        "fine-tune", fit_fine_tune, "the base trained on with your labels", uses="base", needs=("network",),
        dear=True, seconds=12.0,
    ),
    Candidate(
        "self-train+fine-tune", fit_self_trained_tuned, "the base, which reads your texts, learns your labels, then teaches itself",
        uses="base", needs=("ngrams",), dear=True, starts_from="well_read", seconds=14.0,
    ),
    Candidate(
        "fine-tune-gradual", fit_gradual, "the base trained on, thawed stage by stage", uses="base",
        needs=("network",), dear=True, seconds=12.0,
    ),
    Candidate(
        "as-is+texts", partial(fit_with_texts, of_test=False), "the base trained anew, with your texts but not their labels",
        uses="source", needs=("source", "recipe"), dear=True, unlabelled=True, seconds=120.0, when_named=True,
    ),
    Candidate(
        "as-is+test-texts", partial(fit_with_texts, of_test=True), "the same with the test rows' texts (not their labels)",
        uses="source", needs=("source", "recipe"), dear=True, unlabelled=True, seconds=120.0, when_named=True,
        reported_only=True,
    ),
    Candidate("scratch", fit_scratch, "the base's network from random weights", needs=("network",), dear=True, seconds=16.0),
)  # fmt: skip

CANDIDATES: dict[str, Candidate] = {candidate.name: candidate for candidate in _TABLE}
"""All candidates by name, simplest first: of equals the one that stands higher is shipped."""


def chosen(names: Sequence[str] | None, *, available: Iterable[str]) -> tuple[dict[str, Candidate], dict[str, str]]:
    """Return the candidates that run, by name, and why each of the others does not.

    Args:
        names: of those wanted; ``"all"`` among them stands for all that run unnamed, and None for that alone.
        available: what is there of what candidates need; see `Candidate`.

    Raises:
        OptionError: for an unknown name, or if nothing is left that could be shipped.
    """
    there = set(available)
    known = every_candidate()
    unnamed = [name for name, one in known.items() if not one.when_named]
    named = [_known(name, known) for name in names or () if name != ALL]
    everything = names is None or ALL in names
    wanted = {*named, *(unnamed if everything else ())}
    running: dict[str, Candidate] = {}
    left_out: dict[str, str] = {}
    for name in known:
        missing = [need for need in known[name].needs if ":" not in need and need not in there]
        if name in wanted and not missing:
            running[name] = known[name]
        elif name in wanted and (name in named or "columns" not in missing):  # nobody asked for columns
            left_out[name] = _WHY[missing[0]]
        elif everything and not missing:
            left_out[name] = f"it takes minutes, so it runs where it is named (--candidates {ALL},{name})"
    if not running:
        asked = ", ".join(name for name in known if name in wanted)
        raise OptionError(
            f"None of the candidates {asked} can run here: {'; '.join(sorted(set(left_out.values())))}. Name others."
        )
    if all(one.reported_only for one in running.values()):
        raise OptionError(
            f"{' and '.join(running)} can run, and is only reported: it has read the test rows' texts. "
            f"Name a candidate beside it that can be shipped, or {ALL}."
        )
    return running, left_out


_WHY = {
    "ngrams": "the base's network has no n-grams to teach itself by, as the default one has, or there are too few texts",
    "labels": "the base is an encoder that has learnt no labels, so as it is it predicts nothing",
    "network": "the base is no network that could be trained on",
    "recipe": "the base is no network that could be built anew from its name",
    "layers": "the base has no layers",
    "source": "the base's own texts were not given (--source)",
    "columns": "no columns were named (--columns)",
}


def every_candidate() -> dict[str, Candidate]:
    """Return all candidates by name, with and without columns, whatever is there."""
    return {name: one for base in CANDIDATES.values() for name, one in _variants(base).items()}


def _variants(candidate: Candidate) -> dict[str, Candidate]:
    found = {candidate.name: candidate}
    if candidate.columns:
        name = f"{candidate.name}+columns"
        needs = (*candidate.needs, "columns")
        found[name] = replace(candidate, name=name, with_columns=True, needs=needs)
    return found


def _known(name: str, known: dict[str, Candidate]) -> str:
    if name not in known:
        raise unknown_name("candidate", name, known)
    return name
