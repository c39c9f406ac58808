"""A model that is done learning: the order of its answers, what it counts, and its parts on the way to disk."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import Tensor, nn

from headstart import Predictor, TextClassifier
from headstart.artifact import Parts, read
from headstart.batches import Batch
from headstart.corpus import Corpus, as_corpus
from headstart.errors import ArtifactError, DataError
from headstart.heads import LinearHead
from headstart.nets import LATER_OPTIONS, NETS, net_options
from headstart.predictor import ColumnScorer, LayerScorer, NetSpec, NetworkScorer, TextScorer, reads
from headstart.tasks import Binary, Rule
from headstart.text import fit_steps, text_steps


@pytest.fixture(scope="module")
def predictors(gru_base: Any, reviews: Any) -> dict[str, Predictor]:
    """One of every kind of scorer."""
    carried: dict[str, dict[str, Any]] = {
        "layers": {"base": gru_base, "strategy": "features", "columns": ["stars", "device"], "head": "linear"},
        "tfidf": {"strategy": "tfidf", "columns": ["stars"]},
        "columns": {"strategy": "columns", "columns": ["stars", "device"], "head": "linear"},
    }
    found = {"network": gru_base.predictor_}
    for name, options in carried.items():
        found[name] = TextClassifier(device="cpu", **options).fit(reviews.frame(), reviews.labels).predictor_
    return found


KINDS = ["network", "layers", "tfidf", "columns"]


def corpus_of(others: Any, columns: tuple[str, ...] = ("stars", "device")) -> Corpus:
    return as_corpus(others.frame(), text="text", columns=columns)


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_says_its_kind(self, predictors: dict[str, Predictor], kind: str) -> None:
        kinds = {"network": NetworkScorer, "layers": LayerScorer, "tfidf": TextScorer, "columns": ColumnScorer}
        assert isinstance(predictors[kind].scorer, kinds[kind])
        assert predictors[kind].scorer.kind == kind

    def test_answers_in_the_order_of_the_rows_whatever_stands_beside(
        self, predictors: dict[str, Predictor], kind: str, others: Any
    ) -> None:
        predictor, corpus = predictors[kind], corpus_of(others)
        together = predictor.score(corpus)
        order = np.random.default_rng(0).permutation(len(corpus))
        np.testing.assert_allclose(
            predictor.score(corpus.take(order)).probabilities, together.probabilities[order], atol=1e-6
        )
        for row in (0, 7, len(corpus) - 1):
            alone = predictor.score(corpus.take([row]))
            np.testing.assert_allclose(alone.probabilities, together.probabilities[[row]], atol=1e-6)

    def test_pieces_change_nothing(
        self, predictors: dict[str, Predictor], kind: str, others: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import headstart.predictor.predictor as module

        whole = predictors[kind].score(corpus_of(others))
        monkeypatch.setattr(module, "_CHUNK_ROWS", 7)
        pieces = predictors[kind].score(corpus_of(others))
        np.testing.assert_allclose(pieces.logits, whole.logits, atol=1e-5)
        assert pieces.counts == whole.counts

    def test_no_rows_give_no_answers(self, predictors: dict[str, Predictor], kind: str, others: Any) -> None:
        scores = predictors[kind].score(corpus_of(others).take([]))
        assert scores.logits.shape == scores.probabilities.shape == (0,)
        assert scores.counts["n"] == 0

    def test_comes_back_from_its_parts(self, predictors: dict[str, Predictor], kind: str, others: Any) -> None:
        predictor, corpus = predictors[kind], corpus_of(others)
        parts = predictor.to_parts()
        json.dumps(dict(parts.model))
        again = Predictor.from_parts(parts)
        assert again.score(corpus).logits.tobytes() == predictor.score(corpus).logits.tobytes()
        assert again.to_parts().model == parts.model
        assert (again.label_names, again.columns, again.max_tokens) == (
            predictor.label_names,
            predictor.columns,
            predictor.max_tokens,
        )

    def test_odd_texts_are_scored(self, predictors: dict[str, Predictor], kind: str) -> None:
        texts = [None, "", " ", "🙂🙂", "great " * 50_000, "\x00", "\ufeffx", "é" * 1000, "a\nb\tc", "ﬃ ẞ İ"]
        table = pa.table({"stars": pa.nulls(10, pa.int64()), "device": pa.nulls(10, pa.string())})
        scores = predictors[kind].score(Corpus(pa.array(texts, pa.large_string()), columns=table))
        assert np.isfinite(scores.logits).all()
        assert scores.logits[0] == scores.logits[1]  # a null counts as an empty text

    @pytest.mark.parametrize(
        "damage",
        [
            lambda m: m.pop("text"),
            lambda m: m.pop("labels"),
            lambda m: m.update(labels=["a"]),
            lambda m: m.update(labels=["a", "b", "c"]),
            lambda m: m.update(calibration=[1]),
            lambda m: m.update(calibration=["x", 0]),
            lambda m: m.update(threshold=None),
            lambda m: m.update(scorer={}),
            lambda m: m.update(columns=3),
            lambda m: m.update(columns=m["columns"] * 2 or ["stars", "stars"]),
            lambda m: m.update(columns=[*m["columns"], "price"]),
            lambda m: m.update(kind="wizard"),
            lambda m: m.update(info=7),
        ],
    )
    def test_damaged_parts_are_refused(
        self, predictors: dict[str, Predictor], kind: str, damage: Callable[[Any], Any]
    ) -> None:
        parts = predictors[kind].to_parts()
        model = json.loads(json.dumps(dict(parts.model)))
        damage(model)
        with pytest.raises(ArtifactError, match="[Cc]opy the model again|upgrade headstart|Copy it anew"):
            Predictor.from_parts(replace(parts, model=model))


class TestCounts:
    def test_what_happened_to_the_texts_is_counted(self, base: Any) -> None:
        predictor = base.predictor_.with_text(max_tokens=3)
        texts = pa.array(
            ["great film", None, "", "great film unheardof qwertz plot", "awful awful awful"], pa.large_string()
        )
        counts = predictor.score(Corpus(texts)).counts
        assert counts == {
            "n": 5, "n_null": 1, "n_truncated": 1, "n_tokens": 10, "n_unknown_tokens": 2, "unknown_token_rate": 0.2
        }  # fmt: skip

    def test_texts_without_tokens_have_a_rate_of_none(self, base: Any) -> None:
        assert base.predictor_.score(Corpus(pa.array([""], pa.large_string()))).counts["unknown_token_rate"] == 0

    def test_clipping_keeps_the_asked_for_part(self, base: Any) -> None:
        text = "great " * 5 + "awful " * 5
        scores = {
            clip: base.predictor_.with_text(max_tokens=4, clip=clip).score(as_corpus([text])).logits[0]
            for clip in ("head", "tail", "both")
        }
        short = [
            base.predictor_.score(as_corpus([t])).logits[0]
            for t in ("great " * 4, "awful " * 4, "great great awful awful")
        ]
        np.testing.assert_allclose([scores["head"], scores["tail"], scores["both"]], short, atol=1e-6)


class TestProbabilities:
    def test_calibration_and_threshold_make_the_answer(self, base: Any) -> None:
        predictor = replace(base.predictor_, rule=Rule((2.0, -1.0), 0.7), task=Binary(("no", "yes")))
        logits = np.array([-1e9, 0.0, 0.5, 1.0, 1e9])
        found = predictor.probabilities(logits)
        np.testing.assert_allclose(found, 1 / (1 + np.exp(-np.clip(2 * logits - 1, -80, 80))))
        assert predictor.names(found).tolist() == ["no", "no", "no", "yes", "yes"]
        assert ((found >= 0) & (found <= 1)).all()

    def test_the_threshold_itself_is_the_second_label(self, base: Any) -> None:
        assert base.predictor_.names(np.array([0.5])).tolist() == [base.predictor_.label_names[1]]


class TestColumns:
    def test_a_missing_column_is_named(self, predictors: dict[str, Predictor], others: Any) -> None:
        with pytest.raises(
            DataError, match="reads the columns stars, device, and the data lack device; pass a table that has them"
        ):
            predictors["layers"].score(corpus_of(others, columns=("stars",)))

    def test_a_model_without_a_network_has_no_layers(self, predictors: dict[str, Predictor]) -> None:
        for kind in ("tfidf", "columns"):
            with pytest.raises(
                DataError, match=f"this model is of kind '{kind}' and holds no network, so it has no layers"
            ):
                _ = predictors[kind].net


class TestWeights:
    @pytest.mark.parametrize(
        ("damage", "message"),
        [
            (lambda w: w.pop("output.weight"), r"expects output.weight of shape \(1, 8\) and the model holds nothing"),
            (
                lambda w: w.update({"output.bias": np.zeros(2, np.float32)}),
                r"output.bias of shape \(1,\) and the model holds \(2,\)",
            ),
        ],
    )
    def test_that_do_not_fit_the_network_are_refused(self, base: Any, damage: Any, message: str) -> None:
        parts = base.predictor_.to_parts()
        weights = dict(parts.tensors["weights"])
        damage(weights)
        with pytest.raises(ArtifactError, match=message + ".*copy the model again"):
            Predictor.from_parts(replace(parts, tensors={**parts.tensors, "weights": weights}))

    def test_loading_draws_no_random_numbers(self, base: Any) -> None:
        before = torch.get_rng_state()
        Predictor.from_parts(base.predictor_.to_parts())
        assert torch.equal(torch.get_rng_state(), before)

    @pytest.mark.parametrize("mapped", [False, True])
    def test_begin_in_memory_where_those_that_were_trained_do(self, base_folder: Path, mapped: bool) -> None:
        """A matrix product may round differently by where its matrix begins, and so would what a stored model says."""
        loaded = Predictor.from_parts(read(base_folder, mapped=mapped)).net.state_dict()
        assert {name: value.data_ptr() % 64 for name, value in loaded.items()} == dict.fromkeys(loaded, 0)

    @pytest.mark.parametrize("mapped", [False, True])
    def test_two_models_from_one_folder_never_share(self, base_folder: Path, mapped: bool) -> None:
        one, other = (Predictor.from_parts(read(base_folder, mapped=mapped)) for _ in range(2))
        before = {name: value.clone() for name, value in other.net.state_dict().items()}
        with torch.no_grad():
            for parameter in one.net.parameters():
                parameter.add_(1)
        assert all(torch.equal(value, before[name]) for name, value in other.net.state_dict().items())
        again = Predictor.from_parts(read(base_folder, mapped=mapped))
        assert all(torch.equal(value, before[name]) for name, value in again.net.state_dict().items())


class TestOverflow:
    """Weights that are finite, and scores that are not."""

    @pytest.mark.parametrize(
        ("kind", "stem", "name", "source"),
        [
            ("network", "weights", "dense0.linear.weight", "stage 'dense0'"),
            ("network", "weights", "output.weight", "stage 'output'"),
            ("layers", "weights", "encoder.weight_ih_l0", None),
            ("layers", "head", "coefficients", "linear head"),
            ("tfidf", "head", "coefficients", "tfidf head"),
            ("columns", "head", "coefficients", "linear head"),
        ],
    )
    def test_is_an_error_that_names_its_place(
        self, predictors: dict[str, Predictor], others: Any, kind: str, stem: str, name: str, source: str | None
    ) -> None:
        parts = predictors[kind].to_parts()
        arrays = dict(parts.tensors[stem])
        # Signs that alternate give both infinities, whose sum is no number.
        signs = np.where(np.arange(arrays[name].size) % 2, 1, -1).reshape(arrays[name].shape)
        arrays[name] = (signs * (np.finfo(arrays[name].dtype).max * 0.99)).astype(arrays[name].dtype)
        broken = Predictor.from_parts(replace(parts, tensors={**parts.tensors, stem: arrays}))
        if source is None:  # Gates saturate: whatever comes out is a number.
            assert np.isfinite(broken.score(corpus_of(others)).probabilities).all()
            return
        with pytest.raises(
            ArtifactError,
            match=rf"the {source} of this model gives no finite number for \d+ of 120 rows.* train it anew",
        ):
            broken.score(corpus_of(others))

    def test_of_a_network_does_not_pass_for_missing_values(self, predictors: dict[str, Predictor], others: Any) -> None:
        whole = predictors["layers"]
        assert isinstance(whole.scorer, LayerScorer)

        class TakesAll(LinearHead):
            def decision(self, features: Any, table: Any = None) -> Any:
                return np.zeros(len(features))

        net = copy.deepcopy(whole.scorer.net)
        with torch.no_grad():
            net.embedding.weight.fill_(np.inf)  # type: ignore[union-attr,operator]
        head = whole.scorer.head
        assert isinstance(head, LinearHead)
        takes_all = TakesAll(head.mean, head.scale, head.coefficients, head.intercept, head.encoder)
        broken = replace(whole, scorer=replace(whole.scorer, network=net, head=takes_all))
        with pytest.raises(
            ArtifactError, match=r"the stage 'embedding' of this model gives no finite number for 120 of"
        ):
            broken.score(corpus_of(others))

    def test_of_a_calibration_is_a_certainty(self, base: Any, others: Any) -> None:
        steep = base.predictor_.with_rule(calibration=(1e308, -1e308))
        assert set(steep.score(corpus_of(others)).probabilities.round(9)) <= {0.0, 1.0}


class TestNetworkOptions:
    def test_are_stored_all_of_them(self, base: Any, small_options: Callable[[str], dict[str, Any]]) -> None:
        stored = base.predictor_.to_parts().model["scorer"]["net"]["options"]
        known = {name: value for name, value in net_options("gru").items() if name not in LATER_OPTIONS["gru"]}
        expected = {**known, **small_options("gru")}
        assert stored == {name: list(v) if isinstance(v, tuple) else v for name, v in expected.items()}

    def test_a_later_default_changes_no_stored_model(
        self, base: Any, base_folder: Path, others: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = base.predictor_.score(corpus_of(others)).logits
        later = {"pooling": ("last",), "bidirectional": False, "activation": "tanh", "n_layers": 2}
        monkeypatch.setitem(NETS, "gru", partial(NETS["gru"], **later))
        assert net_options("gru")["n_layers"] == 2
        after = Predictor.from_parts(read(base_folder)).score(corpus_of(others)).logits
        assert after.tobytes() == before.tobytes()

    def test_that_are_missing_take_their_defaults(
        self, base: Any, others: Any, small_options: Callable[[str], dict[str, Any]]
    ) -> None:
        parts = base.predictor_.to_parts()
        model = json.loads(json.dumps(parts.model))
        model["scorer"]["net"]["options"] = {**small_options("gru"), "dense": [8]}
        again = Predictor.from_parts(replace(parts, model=model))
        np.testing.assert_allclose(
            again.score(corpus_of(others)).logits, base.predictor_.score(corpus_of(others)).logits, atol=1e-6
        )


class TestHeads:
    @pytest.mark.parametrize("kind", ["layers", "columns"])
    def test_of_another_size_are_refused_at_loading(self, predictors: dict[str, Predictor], kind: str) -> None:
        parts = predictors[kind].to_parts()
        head = {name: a if a.shape == (1,) else np.ones(len(a) + 1) for name, a in parts.tensors["head"].items()}
        with pytest.raises(
            ArtifactError, match=r"this model's head weighs (\d+) inputs and gets \d+\. The model's files"
        ):
            Predictor.from_parts(replace(parts, tensors={**parts.tensors, "head": head}))

    def test_of_another_size_than_a_module_of_ones_own_gives_are_refused_at_scoring(
        self, predictors: dict[str, Predictor], others: Any
    ) -> None:
        whole = predictors["layers"]
        head = LinearHead(np.zeros(3), np.ones(3), np.zeros(3), 0.0, whole.scorer.head.encoder)  # type: ignore[union-attr]
        with pytest.raises(ArtifactError, match=r"this model's head weighs 3 inputs and gets \d+\. The model's files"):
            replace(whole, scorer=replace(whole.scorer, head=head)).score(corpus_of(others))  # type: ignore[type-var]


class Own(nn.Module):
    def __init__(self, n_words: int = 30) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(n_words, 3, padding_idx=0)
        self.output = nn.Linear(3, 1)

    def forward(self, batch: Batch) -> Tensor:
        logits: Tensor = self.output(self.words(batch.ids))
        return logits


class TestModuleOfOnesOwn:
    @pytest.fixture
    def parts(self, reviews: Any) -> Parts:
        steps = fit_steps(text_steps(), reviews.texts)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = Own(steps[-1].n_ids)
        return Predictor(
            NetworkScorer(net, NetSpec(None, steps[-1].n_ids)), Binary(("0", "1")), reads(steps=steps)
        ).to_parts()

    def test_needs_the_module_to_come_back(self, parts: Parts) -> None:
        with pytest.raises(
            ArtifactError,
            match=r"a model file holds no code; build that module and pass it: headstart.load\(path, net=module\)",
        ):
            Predictor.from_parts(parts)

    def test_takes_the_weights_into_the_module(self, parts: Parts, others: Any) -> None:
        n_words = len(parts.tensors["weights"]["words.weight"])
        first, second = Predictor.from_parts(parts, net=Own(n_words)), Predictor.from_parts(parts, net=Own(n_words))
        corpus = as_corpus(others.texts)
        assert first.score(corpus).logits.tobytes() == second.score(corpus).logits.tobytes()
        assert not first.net.training

    def test_another_module_is_refused(self, parts: Parts) -> None:
        with pytest.raises(
            ArtifactError, match=r"the network expects words.weight of shape \(7, 3\) and the model holds"
        ):
            Predictor.from_parts(parts, net=Own(7))


def test_the_digest_is_of_what_decides_answers(gru_base: Any) -> None:
    predictor = gru_base.predictor_
    same = replace(
        predictor, run={"seconds": 7}, info={**predictor.info, "strategy": "other"}, estimator={}, learnt_from=None
    )
    assert same.digest() == predictor.digest()
    other = Predictor.from_parts(copy.deepcopy(predictor.to_parts()))
    assert other.digest() == predictor.digest()
    swapped = predictor.to_parts()
    words = pa.array(swapped.words).to_pylist()
    changed = [
        predictor.with_rule(threshold=0.6),
        predictor.with_rule(calibration=(1.0, 0.1)),
        replace(predictor, task=Binary(predictor.label_names[::-1])),
        Predictor.from_parts(replace(swapped, words=[*words[:2], words[3], words[2], *words[4:]])),
    ]
    with torch.no_grad():
        next(other.net.parameters()).add_(1e-6)
    assert len({predictor.digest(), *(one.digest() for one in [*changed, other])}) == 6
