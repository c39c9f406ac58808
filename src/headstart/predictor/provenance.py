"""How a model came to be: what is known of its training, its labels and the model that it began from."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypedDict, cast

from headstart.plain import Facts, Row
from headstart.predictor.card import Card

Metrics = Facts
"""Figures by name; see `headstart.evaluation.binary.evaluate_scores`."""

Counts = Facts
"""Counts of data quality by name, within ``columns`` by column."""


class SourceFacts(TypedDict):
    """What is kept of the texts that a base learnt from, to tell later how far others are from them.

    Attributes:
        n_texts: how many there were.
        length_percentiles: tokens of a text, by percentile.
        unknown_token_rate: share of the tokens that are not in the vocabulary.
    """

    n_texts: int
    length_percentiles: dict[str, float]
    unknown_token_rate: float


class Provenance(TypedDict, total=False):
    """Facts about a model, ready for JSON; each is there only where it is known.

    Attributes:
        card: what people say of it.
        strategy: how it learnt.
        label_column: where its labels stood.
        label_types: the types of the label values, by name.
        label_values: the label values, where the model calls them otherwise.
        source: of the texts that its base learnt from.
        n_train: rows that it learnt from.
        train_counts: data quality of these.
        counts: rows read, kept and left out.
        deciding_columns: columns that decide the label by themselves, each with its ``name`` and ``accuracy``.
        n_valid: rows that `valid` was measured on.
        valid: metrics on held-out rows.
        held_out_scores: percentiles 0 to 100 of what the model said of these rows: of two labels the probability of the second,
            of several that of the likeliest.
        test: metrics on test rows.
        best_epoch: whose weights were kept.
        history: one row an epoch.
        n_unlabelled: texts without labels that it has read.
        n_guessed: of these, the texts whose pseudo-labels it learnt from.
        n_words_of_unlabelled: words that it knows from them alone.
        n_self_trained: texts that it taught itself on.
        n_new_words: words of the target that its base did not know.
        unknown_token_rate: share of the target's tokens that the base did not know.
        unknown_token_rate_after: the same, with the new words.
        choices: what `compare` chose.
        base: what is known of the model that it began from.
        imported: which files it was imported from.
        parity: how far the imported network is from what it should compute.
    """

    card: Card
    strategy: str
    label_column: str | None
    label_types: list[str]
    label_values: list[bool | int | float | str]
    source: SourceFacts
    n_train: int
    train_counts: Counts
    counts: Counts
    deciding_columns: list[Row]
    n_valid: int
    valid: Metrics
    held_out_scores: list[float]
    test: Metrics
    best_epoch: int
    history: list[Row]
    n_unlabelled: int
    n_guessed: int
    n_words_of_unlabelled: int
    n_self_trained: int
    n_new_words: int
    unknown_token_rate: float
    unknown_token_rate_after: float
    choices: Facts
    base: Provenance
    imported: Facts
    parity: Facts


def kept(info: Provenance, names: Collection[str]) -> Provenance:
    """Return the named facts, as far as they are known."""
    return cast(Provenance, {name: value for name, value in info.items() if name in names})


def without(info: Provenance, names: Collection[str]) -> Provenance:
    """Return all but the named facts."""
    return cast(Provenance, {name: value for name, value in info.items() if name not in names})
