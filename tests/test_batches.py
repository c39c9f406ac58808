"""Rows become batches: every row once, clipped and padded as asked, in an order that seed and epoch decide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from headstart.batches import Batch, Batches, Examples, clip_ids, token_limit
from headstart.errors import DataError, OptionError
from headstart.text import RaggedIds


def examples_of(lengths: list[int]) -> Examples:
    """Rows of these lengths, whose ids tell the row: row i holds i + 2 throughout."""
    rows = [np.full(length, i + 2) for i, length in enumerate(lengths)]
    numbers = np.arange(len(lengths))
    return Examples(
        RaggedIds.from_lists(rows),
        labels=numbers.astype(np.float32),
        weights=numbers.astype(np.float32) + 0.5,
        fields={"stars": numbers * 10, "device": np.array([f"d{i}" for i in numbers], object)},
    )


class TestBatch:
    def test_tensors_share_the_memory_of_the_arrays(self) -> None:
        batch = Batches(examples_of([2, 1]), batch_size=2).batch(np.array([0, 1]))
        tensors = batch.tensors()
        batch.ids[0, 0] = 77
        assert tensors.ids[0, 0] == 77
        assert [tensors.ids.dtype, tensors.lengths.dtype, tensors.labels.dtype] == [
            torch.int32,
            torch.int64,
            torch.float32,
        ]

    def test_fields_of_numbers_become_tensors_and_others_stay(self) -> None:
        tensors = Batches(examples_of([2, 1])).batch(np.array([1])).tensors()
        assert torch.equal(tensors.fields["stars"], torch.tensor([10]))
        assert tensors.fields["device"].tolist() == ["d1"]

    def test_what_is_none_stays_none(self) -> None:
        tensors = Batch(np.zeros((1, 1), np.int32), np.ones(1, np.int64)).tensors()
        assert (tensors.labels, tensors.weights, tensors.rows) == (None,) * 3
        assert len(tensors) == 1


class TestExamples:
    @pytest.mark.parametrize(
        ("index", "rows"),
        [(1, [1]), (-1, [3]), (np.int64(2), [2]), (slice(1, 3), [1, 2]), (slice(None, None, -2), [3, 1]), (np.array([3, 0, 3]), [3, 0, 3])],
    )  # fmt: skip
    def test_indexing_takes_everything_of_the_rows(self, index: Any, rows: list[int]) -> None:
        lengths = [2, 0, 3, 1]
        part = examples_of(lengths)[index]
        assert part.ids.lengths.tolist() == [lengths[row] for row in rows]
        assert part.labels is not None and part.labels.tolist() == rows
        assert part.weights is not None and part.weights.tolist() == [row + 0.5 for row in rows]
        assert part.fields["stars"].tolist() == [row * 10 for row in rows]

    @pytest.mark.parametrize("name", ["labels", "weights", "stars"])
    def test_a_part_of_another_length_is_refused(self, name: str) -> None:
        ids = RaggedIds.from_lists([[2], [3]])
        part = np.zeros(3, np.float32)
        given = {"fields": {name: part}} if name == "stars" else {name: part}
        with pytest.raises(DataError, match=rf"'{name}' has 3 rows next to 2 texts; pass one value for every text"):
            Examples(ids, **given)  # type: ignore[arg-type]


class TestTokenLimit:
    @pytest.mark.parametrize(
        ("max_tokens", "limit"),
        [(None, None), (7, 7), ("7", 7), (np.int64(7), 7), ("100%", 100), ("50%", 51), ("95%", 96), ("0.1%", 2)],
    )
    def test_numbers_and_percentiles(self, max_tokens: Any, limit: int | None) -> None:
        assert token_limit(np.arange(1, 101), max_tokens) == limit

    def test_a_percentile_of_empty_texts_keeps_one_token(self) -> None:
        assert token_limit(np.zeros(5, np.int64), "95%") == 1
        assert token_limit(np.zeros(0, np.int64), "95%") == 1

    @pytest.mark.parametrize("max_tokens", [0, -3, "0%", "101%", "x%", "%", "nan%", "long", 3.5, True, [3]])
    def test_anything_else_is_refused(self, max_tokens: Any) -> None:
        with pytest.raises(OptionError, match="expected a positive number of tokens such as 400, a percentile"):
            token_limit(np.arange(5), max_tokens)


class TestClip:
    @pytest.mark.parametrize(
        ("clip", "kept"),
        [("head", [[1, 2, 3], [6, 7], []]), ("tail", [[3, 4, 5], [6, 7], []]), ("both", [[1, 2, 5], [6, 7], []])],
    )
    def test_the_part_that_is_kept(self, clip: Any, kept: list[list[int]]) -> None:
        ids, n_cut = clip_ids(RaggedIds.from_lists([[1, 2, 3, 4, 5], [6, 7], []]), 3, clip)
        assert [ids[i].tolist() for i in range(3)] == kept
        assert n_cut == 1

    @pytest.mark.parametrize("max_tokens", [None, 5, 9])
    def test_nothing_to_cut_gives_the_same_ids(self, max_tokens: int | None) -> None:
        ids = RaggedIds.from_lists([[1, 2, 3, 4, 5]])
        assert clip_ids(ids, max_tokens, "both") == (ids, 0)

    def test_an_unknown_part_is_refused_even_where_nothing_is_cut(self) -> None:
        with pytest.raises(OptionError, match="clip is 'middle'; expected 'head', 'tail' or 'both'"):
            clip_ids(RaggedIds.from_lists([[1]]), None, "middle")  # type: ignore[arg-type]

    @given(
        st.lists(st.lists(st.integers(0, 99), max_size=12), max_size=8),
        st.integers(1, 12),
        st.sampled_from(["head", "tail", "both"]),
    )
    def test_equals_slicing_each_row(self, rows: list[list[int]], limit: int, clip: Any) -> None:
        half = (limit + 1) // 2
        cut = {
            "head": lambda row: row[:limit],
            "tail": lambda row: row[-limit:],
            "both": lambda row: row[:half] + row[len(row) - (limit - half) :],
        }[clip]
        ids, n_cut = clip_ids(RaggedIds.from_lists(rows), limit, clip)
        assert [ids[i].tolist() for i in range(len(rows))] == [cut(row) if len(row) > limit else row for row in rows]
        assert n_cut == sum(len(row) > limit for row in rows)


class TestBatches:
    @given(
        lengths=st.lists(st.integers(0, 9), max_size=40),
        batch_size=st.integers(1, 9),
        order=st.sampled_from(["rows", "length", "shuffled"]),
        n_buckets=st.integers(1, 6),
        equal_lengths=st.booleans(),
        max_batch_tokens=st.one_of(st.none(), st.integers(1, 60)),
        world_size=st.integers(1, 3),
    )
    def test_every_row_comes_once_and_whole(self, lengths: list[int], world_size: int, **options: Any) -> None:
        found: list[int] = []
        for rank in range(world_size):
            batches = Batches(examples_of(lengths), rank=rank, world_size=world_size, **options)
            assert len(list(batches)) == len(batches)
            for batch in batches:
                found += batch.rows.tolist()
                self.check(batch, lengths, options)
        assert sorted(found) == list(range(len(lengths)))

    @staticmethod
    def check(batch: Batch, lengths: list[int], options: dict[str, Any]) -> None:
        width = max([1, *batch.lengths.tolist()])
        assert batch.ids.shape == (len(batch), width)
        assert batch.labels.tolist() == batch.rows.tolist() == (batch.weights - 0.5).tolist()
        assert batch.fields["stars"].tolist() == (batch.rows * 10).tolist()
        for ids, length, row in zip(batch.ids, batch.lengths, batch.rows, strict=True):
            assert length == lengths[row]
            assert ids.tolist() == [row + 2] * length + [0] * (width - length)
        if options["equal_lengths"]:
            assert len(set(np.maximum(batch.lengths, 1))) <= 1
        limit = options["max_batch_tokens"]
        if limit is not None and options["order"] != "shuffled":
            assert len(batch) <= 1 or len(batch) * width <= limit

    def test_plain_order_is_the_order_of_the_rows(self) -> None:
        batches = Batches(examples_of([3, 1, 2, 5, 4]), batch_size=2)
        assert [batch.rows.tolist() for batch in batches] == [[0, 1], [2, 3], [4]]
        assert batches[1].rows.tolist() == [2, 3]
        assert batches[-1].rows.tolist() == [4]

    def test_order_by_length_keeps_equal_rows_in_order(self) -> None:
        batches = Batches(examples_of([3, 1, 3, 1, 2]), batch_size=3, order="length")
        assert [batch.rows.tolist() for batch in batches] == [[1, 3, 4], [0, 2]]

    def test_a_long_text_does_not_widen_a_full_batch(self) -> None:
        batches = Batches(examples_of([1] * 6 + [50]), batch_size=64, order="length", max_batch_tokens=60)
        assert [batch.ids.shape for batch in batches] == [(6, 1), (1, 50)]

    def test_shuffling_is_decided_by_seed_and_epoch(self) -> None:
        examples = examples_of(list(range(1, 41)))

        def plan(seed: int, epoch: int) -> list[list[int]]:
            return [
                rows.tolist()
                for rows in Batches(examples, batch_size=8, order="shuffled", random_state=seed).plan(epoch)
            ]

        assert plan(0, 0) == plan(0, 0)
        assert len({str(plan(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4

    def test_an_epoch_can_begin_in_the_middle(self) -> None:
        batches = Batches(examples_of(list(range(1, 31))), batch_size=4, order="shuffled")
        whole = [batch.rows.tolist() for batch in batches.epoch(3)]
        assert [batch.rows.tolist() for batch in batches.epoch(3, start=5)] == whole[5:]

    def test_buckets_trade_padding_for_mixing(self) -> None:
        lengths = np.random.default_rng(0).integers(1, 100, 400).tolist()
        padding = {}
        for n_buckets in (1, 4, 32):
            batches = Batches(examples_of(lengths), batch_size=10, order="shuffled", n_buckets=n_buckets)
            padding[n_buckets] = sum((batch.ids == 0).sum() for batch in batches)
        assert padding[32] < 0.5 * padding[4] < 0.3 * padding[1]

    def test_rows_of_a_bucket_are_mixed_anew_each_epoch(self) -> None:
        batches = Batches(examples_of([5] * 40), batch_size=8, order="shuffled", n_buckets=4)
        together = [{frozenset(rows.tolist()) for rows in batches.plan(epoch)} for epoch in range(2)]
        assert not together[0] & together[1]

    @pytest.mark.parametrize(("n", "sizes"), [(9, [4, 5]), (10, [2, 4, 4]), (5, [5]), (1, [1]), (2, [2])])
    def test_a_last_batch_of_one_row_joins_the_one_before(self, n: int, sizes: list[int]) -> None:
        plan = Batches(examples_of(list(range(1, n + 1))), batch_size=4, order="shuffled").plan(0)
        assert sorted(len(rows) for rows in plan) == sizes

    def test_every_process_gets_two_rows_of_every_shuffled_batch(self) -> None:
        for n in range(16, 40):
            plans = [
                Batches(examples_of([3] * n), batch_size=8, order="shuffled", rank=rank, world_size=3).plan(0)
                for rank in range(3)
            ]
            assert min(len(rows) for plan in plans for rows in plan) >= 2
            assert len({len(plan) for plan in plans}) == 1

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"batch_size": 0}, "batch_size is 0 and n_buckets is 32; both must be 1 or more"),
            ({"n_buckets": 0}, "batch_size is 64 and n_buckets is 0; both must be 1 or more"),
            ({"order": "random"}, "order is 'random'; expected 'rows', 'length' or 'shuffled'"),
        ],
    )
    def test_options_that_cannot_be(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(OptionError, match=message):
            Batches(examples_of([1]), **options)
