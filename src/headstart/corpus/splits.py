"""Which rows train and which are held out: by a column, at random, stratified, grouped; always by seed.

The drawing is scikit-learn's; scikit-learn is imported when something is drawn.
"""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from headstart.corpus.columns import distinct
from headstart.corpus.dataset import Corpus
from headstart.corpus.text_hashes import row_hashes
from headstart.errors import DataError, OptionError
from headstart.extras import learning_half
from headstart.options import RandomState, seed_of

_MOST_FOLDS = 20
_MOST_BALANCED_GROUPS = 20_000
_CANDIDATE_GROUPS = 8


def split_by_column(corpus: Corpus, column: str) -> dict[str, np.ndarray]:
    """The rows of each value of a column: ``{"train": int64 [n], "test": int64 [m]}``; null rows in none.

    Raises:
        DataError: the column was not kept.
    """
    codes, found = distinct(corpus.column(column), column, corpus.source)
    return {str(value): (codes == code).nonzero()[0] for code, value in enumerate(found) if value is not None}


def split(
    corpus: Corpus,
    fraction: float | int,
    *,
    stratify: bool = True,
    groups: str | None = None,
    random_state: RandomState = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to keep and rows to hold out, drawn at random; see ``split_rows``.

    Args:
        groups: a column whose equal values stay on one side.
        stratify: keep the share of each class, of each tenth of numbers, of rows by the rarest of their labels; without labels
            there is nothing to stratify.
    """
    labels = corpus.strata if stratify else None
    if labels is not None and corpus.kind not in ("", "binary"):
        sizes = np.unique(labels, return_counts=True)[1]
        labels = None if len(sizes) <= 2 and sizes.min() < 2 else labels
    values = None if groups is None else corpus.column(groups)
    try:
        return split_rows(len(corpus), fraction, labels=labels, groups=values, random_state=random_state)
    except DataError as error:
        raise DataError(f"{corpus.source} cannot be split: {error}") from error


def split_rows(
    n_rows: int,
    fraction: float | int,
    *,
    labels: np.ndarray | None = None,
    groups: object = None,
    random_state: RandomState = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Row positions to keep and to hold out: ``(rest, held)``, int64, each ascending.

    Without labels and groups these are the rows of ``sklearn.model_selection.train_test_split``.

    Args:
        n_rows: how many rows there are.
        fraction: the share to hold out, between 0 and 1, or a whole number of rows. With groups the share is
            met as nearly as whole groups allow.
        labels: class codes ``[n_rows]``: each class keeps its share. Two classes stand on both sides; of more, one
            with few rows may be missing among those that are held out, and none among the others.
        groups: values ``[n_rows]``: rows of equal value stay together; nulls are one group.
        random_state: the seed; a ``RandomState`` or None draws one.

    Raises:
        OptionError: a fraction that leaves one side empty.
        DataError: one of two classes with a single row, fewer groups than two.
    """
    n_held, random_state = _held_size(n_rows, fraction), seed_of(random_state)
    if groups is not None:
        held = _grouped(n_rows, n_held / n_rows, labels, group_codes(groups), random_state)
    elif labels is not None:
        held = _stratified(n_rows, n_held, np.asarray(labels), random_state)
    else:
        _, held = next(
            _splitters().ShuffleSplit(1, test_size=n_held, random_state=random_state).split(np.zeros(n_rows))
        )
    mask = np.zeros(n_rows, bool)
    mask[held] = True
    return (~mask).nonzero()[0], mask.nonzero()[0]


def _splitters() -> Any:
    return learning_half("sklearn.model_selection", "Dividing rows")


def _held_size(n_rows: int, fraction: float | int) -> int:
    if isinstance(fraction, (int, np.integer)) and not isinstance(fraction, bool):
        n_held = int(fraction)
    elif 0 < fraction < 1:
        n_held = int(np.ceil(fraction * n_rows))  # as scikit-learn rounds
    else:
        raise OptionError(
            f"The share to hold out is {fraction}; expected one between 0 and 1, or a whole number of rows."
        )
    if not 0 < n_held < n_rows:
        raise OptionError(
            f"Holding out {n_held} of {n_rows} rows leaves one side empty. Give more rows or another share."
        )
    return n_held


def _stratified(n_rows: int, n_held: int, labels: np.ndarray, random_state: int) -> np.ndarray:
    codes = np.unique(labels, return_inverse=True)[1]
    if codes.max() > 1:
        order, place, sizes = _places(codes, np.random.default_rng(random_state))
        last = place > 1 - 1 / sizes[codes]  # of each class, which is held out only where nothing else is left
        return order[np.argsort((place + last)[order], kind="stable")][:n_held]
    n_classes = len(_class_sizes(labels))
    # A tenth of few rows can be less than a row a class, which cannot be stratified.
    n_held = min(max(n_held, n_classes), n_rows - n_classes)
    splitter = _splitters().StratifiedShuffleSplit(1, test_size=n_held, random_state=random_state)
    return np.asarray(next(splitter.split(np.zeros(n_rows), labels))[1])


def _class_sizes(labels: np.ndarray) -> np.ndarray:
    classes, sizes = np.unique(labels, return_counts=True)
    if sizes.min() < 2:
        raise DataError(
            f"the class with code {classes[sizes.argmin()]} has a single row, which cannot stand on both sides. "
            f"Give it more rows, drop it with --where, or split without stratifying."
        )
    return np.asarray(sizes)


def group_codes(groups: object) -> np.ndarray:
    """Values of any type as group codes int64 ``[rows]``; all nulls are one group.

    Raises:
        DataError: there is only one group.
    """
    codes, found = distinct(groups, "group", "the data")
    if len(found) < 2:
        raise DataError(f"the group column holds one group only ({found[0]!r}), which cannot be divided. Name another.")
    return codes


def _grouped(n_rows: int, share: float, labels: np.ndarray | None, groups: np.ndarray, random_state: int) -> np.ndarray:
    """Held-out rows in whole groups: some folds of a grouped cross-validation, which balances size and classes."""
    n_groups = int(groups.max()) + 1
    if n_groups > _MOST_BALANCED_GROUPS:  # so many even out by themselves, and balancing would take minutes
        drawn = (
            _splitters().GroupShuffleSplit(1, test_size=share, random_state=random_state).split(groups, groups=groups)
        )
        return np.asarray(next(drawn)[1])
    classes = np.zeros(n_rows, np.int64) if labels is None else labels
    codes, sizes = np.unique(classes, return_inverse=True, return_counts=True)[1:]
    fewest = _MOST_FOLDS if len(sizes) > 2 else int(_class_sizes(classes).min())
    parts = _nearest_fraction(share, min(_MOST_FOLDS, n_groups, fewest))
    if len(sizes) > 2:  # a class that cannot stand in every part is divided with the commonest
        classes = np.where(sizes[codes] < parts.denominator, sizes.argmax(), codes)
    folds = _splitters().StratifiedGroupKFold(parts.denominator, shuffle=True, random_state=random_state)
    held = [fold for _, fold in folds.split(np.zeros(n_rows), classes, groups) if len(fold)]
    # The largest group always lands in the first fold: which folds are held out has to be drawn too.
    chosen = np.random.default_rng(random_state).permutation(len(held))[: parts.numerator]
    return np.concatenate([held[fold] for fold in chosen])


def _nearest_fraction(share: float, most_parts: int) -> Fraction:
    """The fraction nearest to ``share`` with at most so many parts, neither 0 nor 1."""
    nearest = Fraction(share).limit_denominator(most_parts)
    return min(max(nearest, Fraction(1, most_parts)), Fraction(most_parts - 1, most_parts))


def subset(
    labels: np.ndarray,
    n: int | None,
    *,
    stratify: bool = True,
    groups: object = None,
    random_state: RandomState = 0,
) -> np.ndarray:
    """``n`` rows drawn at random, int64 ``[n]`` ascending; for one seed, smaller draws lie inside larger ones.

    Args:
        labels: class codes ``[rows]``, or the strata of a `Corpus`. Of three classes or more each has a row, if `n` allows.
        n: how many; None for all.
        stratify: keep the share of each class, to within a row a class (with groups as nearly as they allow).
        groups: values ``[rows]``: whole groups are drawn one after the other; only the last may be cut.
        random_state: the seed; a ``RandomState`` or None draws one.

    Raises:
        OptionError: no rows asked for.
        DataError: more rows asked for than there are.
    """
    n_rows = len(labels)
    if n is None or n == n_rows:
        return np.arange(n_rows)
    if n < 1:
        raise OptionError(f"A budget of {n} labels was asked for; expected at least 1. Give a positive number, or all.")
    if n > n_rows:
        raise DataError(
            f"A budget of {n} labels was asked for, but there are {n_rows} labelled rows. Ask for fewer, or all."
        )
    rng = np.random.default_rng(seed_of(random_state))
    classes = np.unique(labels, return_inverse=True)[1] if stratify else np.zeros(n_rows, np.int64)
    order = _mixed_order(classes, rng)
    if groups is not None:
        order = _group_order(classes, group_codes(groups), order, n, rng)
    return np.sort(order[:n])


def _mixed_order(classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every row once, so that each beginning holds the classes in their shares, to within a row."""
    shuffled, place, sizes = _places(classes, rng)
    if len(sizes) > 2:  # the first of each class goes before all others
        place = np.where(place < 1 / sizes[classes], place - 1, place)
    return shuffled[np.argsort(place[shuffled], kind="stable")]


def _places(classes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows in a drawn order, each row's place among those of its class, between 0 and 1, and the size of each class."""
    shuffled = rng.permutation(len(classes))
    sizes = np.bincount(classes)
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    rank = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = np.empty(len(classes))
    place[by_class] = (rank + 0.5) / np.repeat(sizes, sizes)
    return shuffled, place, sizes


def _group_order(
    classes: np.ndarray, groups: np.ndarray, order: np.ndarray, n: int, rng: np.random.Generator
) -> np.ndarray:
    """At least ``n`` rows in whole groups; each next one of a few drawn, that which keeps the shares best."""
    table = np.zeros((groups.max() + 1, classes.max() + 1))
    np.add.at(table, (groups, classes), 1)
    share = table.sum(0) / len(classes)
    waiting = rng.permutation(len(table))
    drawn, chosen = np.zeros(table.shape[1]), []
    while drawn.sum() < n:
        candidates = drawn + table[waiting[:_CANDIDATE_GROUPS]]
        off = np.abs(candidates / candidates.sum(1, keepdims=True) - share).sum(1)
        best = int(off.argmin())
        drawn = candidates[best]
        chosen.append(waiting[best])
        waiting = np.delete(waiting, best)
    rank = np.full(len(table), len(table))
    rank[chosen] = np.arange(len(chosen))
    return order[np.argsort(rank[groups[order]], kind="stable")]


class Duplicates(NamedTuple):
    """Texts that two sets share: ``in_a`` and ``in_b`` mark their rows, bool; ``n`` counts those of ``b``."""

    in_a: np.ndarray
    in_b: np.ndarray

    @property
    def n(self) -> int:
        """Rows of ``b`` whose text also stands in ``a``."""
        return int(self.in_b.sum())


def duplicates(a: Any, b: Any) -> Duplicates:
    """Rows of each of two sets whose exact text stands in the other too, by its hash; nulls never do.

    Args:
        a, b: texts as Arrow arrays of large_string, for example ``corpus.texts``.
    """
    of_a, of_b = row_hashes(a), row_hashes(b)
    return Duplicates(np.isin(of_a, of_b) & (of_a > 0), np.isin(of_b, of_a) & (of_b > 0))
