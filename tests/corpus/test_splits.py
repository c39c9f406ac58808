"""Splits: sizes, shares, groups and seeds; smaller budgets inside larger ones; texts that two sets share."""

from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from headstart.corpus import Corpus, duplicates, read, split, split_by_column, split_rows, splits, subset, text_array
from headstart.errors import DataError, OptionError

RNG = np.random.default_rng(0)
LABELS = (RNG.random(1000) < 0.3).astype(np.int64)
GROUPS = RNG.zipf(1.5, 1000).clip(max=60)

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "stratified": {"labels": LABELS},
    "grouped": {"groups": GROUPS},
    "stratified and grouped": {"labels": LABELS, "groups": GROUPS},
    "grouped by names": {"groups": [None if group == 1 else f"hotel {group}" for group in GROUPS]},
}


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5, 0.8, 100])
@pytest.mark.parametrize("name", OPTIONS)
def test_a_split_divides_the_rows(name: str, fraction: float) -> None:
    rest, held = split_rows(1000, fraction, **OPTIONS[name])
    assert np.array_equal(np.sort(np.concatenate([rest, held])), np.arange(1000))
    assert (np.diff(rest) > 0).all()
    assert (np.diff(held) > 0).all()
    share = fraction / 1000 if isinstance(fraction, int) else fraction
    if "groups" in OPTIONS[name]:
        assert not set(GROUPS[rest]) & set(GROUPS[held])
    else:
        assert len(held) == round(1000 * share)
    if name == "stratified":
        assert abs(LABELS[held].sum() - LABELS.sum() * share) <= 1


@pytest.mark.parametrize("name", OPTIONS)
def test_a_seed_decides_a_split(name: str) -> None:
    draws = [tuple(split_rows(1000, 0.2, random_state=seed, **OPTIONS[name])[1]) for seed in (0, 0, 1, 2, 3)]
    assert draws[0] == draws[1]
    assert len(set(draws)) > 1


def test_groups_of_like_size_meet_the_share_and_the_classes() -> None:
    groups = np.arange(1000) // 10
    _, held = split_rows(1000, 0.3, labels=LABELS, groups=groups)
    assert abs(len(held) - 300) <= 30
    assert abs(LABELS[held].mean() - LABELS.mean()) < 0.03


def test_the_largest_group_is_not_always_held_out() -> None:
    groups = np.minimum(np.arange(100), 40)
    sides = {60 in split_rows(100, 0.2, groups=groups, random_state=seed)[1] for seed in range(20)}
    assert sides == {True, False}


def test_very_many_groups_are_drawn_without_balancing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "_MOST_BALANCED_GROUPS", 10)
    groups = np.arange(1000) // 2
    rest, held = split_rows(1000, 0.2, labels=LABELS, groups=groups)
    assert len(held) == 200
    assert not set(groups[rest]) & set(groups[held])


def test_a_plain_split_is_scikit_learns() -> None:
    rest, held = split_rows(1000, 0.2, random_state=1)
    theirs = train_test_split(np.arange(1000), test_size=0.2, random_state=1)
    assert set(rest) == set(theirs[0])
    assert set(held) == set(theirs[1])


@pytest.mark.parametrize(("n_rows", "n_held"), [(4, 2), (10, 2), (30, 3)])
def test_a_tenth_of_few_rows_holds_both_classes(n_rows: int, n_held: int) -> None:
    labels = np.arange(n_rows) % 2
    rest, held = split_rows(n_rows, 0.1, labels=labels)
    assert len(held) == n_held
    assert set(labels[held]) == set(labels[rest]) == {0, 1}


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"fraction": 0.0}, OptionError, r"The share to hold out is 0\.0; expected one between 0 and 1"),
        ({"fraction": 1.0}, OptionError, r"The share to hold out is 1\.0"),
        ({"fraction": 10}, OptionError, r"Holding out 10 of 10 rows leaves one side empty"),
        ({"fraction": 0}, OptionError, r"Holding out 0 of 10 rows leaves one side empty"),
        ({"labels": np.arange(10) // 9}, DataError, r"the class with code 1 has a single row"),
        ({"groups": ["a"] * 10}, DataError, r"the group column holds one group only \('a'\)"),
        ({"groups": [None] * 10}, DataError, r"the group column holds one group only \(None\)"),
        ({"groups": ["a"] * 5 + ["b"] * 5, "labels": np.arange(10) // 9}, DataError, r"has a single row"),
    ],
)
def test_splits_that_cannot_be_are_refused(options: dict[str, Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        split_rows(10, **{"fraction": 0.2, **options})


@pytest.fixture
def corpus() -> Corpus:
    hotels = ["a", "a", "b", "b", None, None, "c", "c"]
    return read({"text": list("stuvwxyz"), "label": [0, 1] * 4, "hotel": hotels, "one": [1] * 8}, label="label")


def test_a_corpus_is_split_by_its_own_columns(corpus: Corpus) -> None:
    rest, held = split(corpus, 0.25, groups="hotel")
    hotels = corpus.column("hotel").to_pylist()
    assert not {hotels[row] for row in rest} & {hotels[row] for row in held}
    assert len(held) == 2
    with pytest.raises(DataError, match="the dict cannot be split: the group column holds one group only"):
        split(corpus, 0.25, groups="one")
    with pytest.raises(DataError, match="without the column 'city'"):
        split(corpus, 0.25, groups="city")


def test_a_column_can_be_the_split(corpus: Corpus) -> None:
    parts = split_by_column(corpus, "hotel")
    assert {name: rows.tolist() for name, rows in parts.items()} == {"a": [0, 1], "b": [2, 3], "c": [6, 7]}


@pytest.mark.parametrize("stratify", [True, False])
@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_smaller_budgets_lie_inside_larger_ones(stratify: bool, grouped: bool, seed: int) -> None:
    groups = GROUPS if grouped else None
    inside: set[int] = set()
    for n in (2, 10, 50, 51, 300, 999, 1000, None):
        rows = subset(LABELS, n, stratify=stratify, groups=groups, random_state=seed)
        assert len(rows) == len(set(rows)) == (n or 1000)
        assert inside <= set(rows)
        inside = set(rows)
        if stratify and not grouped:
            assert abs(LABELS[rows].sum() - LABELS.mean() * len(rows)) <= 1


def test_seeds_draw_different_subsets() -> None:
    draws = [tuple(subset(LABELS, 50, random_state=seed)) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_whole_groups_are_drawn_and_only_the_last_is_cut() -> None:
    groups = np.arange(1000) // 10
    rows = subset(LABELS, 95, groups=groups)
    sizes = np.bincount(groups[rows])
    assert sorted(sizes[sizes > 0]) == [5, *[10] * 9]
    assert abs(LABELS[rows].mean() - LABELS.mean()) < 0.05


@pytest.mark.parametrize(
    ("n", "error", "sentence"),
    [
        (0, OptionError, "A budget of 0 labels was asked for; expected at least 1"),
        (1001, DataError, "A budget of 1001 labels was asked for, but there are 1000 labelled rows"),
    ],
)
def test_budgets_that_cannot_be_are_refused(n: int, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        subset(LABELS, n)


def test_texts_that_two_sets_share_are_found() -> None:
    a, b = text_array(["x", "y", None, "x", ""]), text_array(["z", "x", None, "x ", "x"])
    shared = duplicates(a, b)
    assert shared.in_a.tolist() == [True, False, False, True, False]
    assert shared.in_b.tolist() == [False, True, False, False, True]
    assert shared.n == 2
    assert duplicates(a, text_array([])).n == 0


class TestManyClasses:
    """150 classes, of which some have one row: none is lost, none stops anything."""

    labels = np.repeat(np.arange(150), np.r_[np.full(50, 1), np.full(50, 2), np.full(50, 20)])

    @pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5, 0.8])
    def test_a_split_keeps_every_class_among_the_rest(self, fraction: float) -> None:
        rest, held = split_rows(len(self.labels), fraction, labels=self.labels)
        assert len(held) == np.ceil(fraction * len(self.labels))
        assert set(self.labels[rest]) == set(range(150))
        large = self.labels >= 100
        assert abs(large[held].mean() - large.mean()) < 0.14
        shares = np.bincount(self.labels[held], minlength=150)[100:] / 20
        assert abs(shares - fraction).max() <= 0.3

    @pytest.mark.parametrize("n", [150, 200, 700])
    def test_a_draw_has_a_row_of_each(self, n: int) -> None:
        rows = subset(self.labels, n)
        assert len(rows) == n and set(self.labels[rows]) == set(range(150))
        assert set(subset(self.labels, 100)) <= set(rows)

    def test_groups(self) -> None:
        groups = np.arange(len(self.labels)) % 40
        rest, held = split_rows(len(self.labels), 0.2, labels=self.labels, groups=groups)
        assert not set(groups[rest]) & set(groups[held])
        assert abs(len(held) / len(self.labels) - 0.2) < 0.05


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (np.random.default_rng(0).lognormal(size=300), "regression"),
        ([["a"] if i % 3 else ["a", "b"] if i % 2 else [] for i in range(300)], "multilabel"),
        ([1 + i % 5 for i in range(300)], "ordinal"),
        ([1.0] * 299 + [2.0], "regression"),
    ],
)
def test_every_task_is_stratified(values: Any, task: str) -> None:
    corpus = Corpus(text_array([str(i) for i in range(300)])).with_labels(values, task=task)
    assert corpus.strata is not None and corpus.labels is not None
    _, held = split(corpus, 0.2)
    assert len(held) == 60
    of_all, of_held = (np.bincount(corpus.strata[rows], minlength=10) for rows in (slice(None), held))
    assert abs(of_held - of_all / 5).max() <= 1
    assert len(corpus.take(held).labels) == 60  # type: ignore[arg-type]
