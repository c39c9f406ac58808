"""A network that learns from its own guesses: what it is given, what it keeps, and what it never looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headstart import TextClassifier
from headstart.batches import Examples
from headstart.inference import network_outputs
from headstart.layers import StageGraph
from headstart.nets import build
from headstart.strategies.blend import distillation, train_branches
from headstart.strategies.inputs import examples_of
from headstart.text import RaggedIds
from headstart.train.measuring import loss_and_metric


@pytest.fixture
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guess the labels of a hundred texts, where a thousand are asked for."""
    monkeypatch.setattr(distillation, "LEAST_LABELLED", 100)


def learner(**options: Any) -> TextClassifier:
    return TextClassifier(**{"epochs": 2, "batch_size": 16, "device": "cpu", **options})


def texts_of(base: TextClassifier, texts: list[str]) -> Examples:
    from headstart.corpus import as_corpus

    return examples_of(base.predictor_, as_corpus(texts))


@pytest.mark.usefixtures("few_are_enough")
class TestScratch:
    def test_says_how_many_labels_it_has_guessed(self, reviews: Any, draw_reviews: Any) -> None:
        told: list[tuple[str, Any]] = []
        more = draw_reviews(150, seed=9).texts
        model = learner(unlabelled=more, events=[lambda name, _, row: told.append((name, dict(row)))])
        model.fit(reviews.texts, reviews.labels)
        assert (model.predictor_.info["n_guessed"], model.notes_) == (150, ())
        assert ("guessed", {"n_rows": 150, "anew": True}) in told
        rows = [row["n_rows"] for name, row in told if name == "train_begin"]
        assert rows == [270, 270 + 150]  # a tenth of the 300 is held out

    def test_guesses_nothing_of_a_few_texts(self, reviews: Any, draw_reviews: Any) -> None:
        model = learner(unlabelled=draw_reviews(99, seed=9).texts).fit(reviews.texts, reviews.labels)
        assert model.predictor_.info["n_guessed"] == 0
        assert "no label was guessed" in model.notes_[0]

    def test_guesses_nothing_of_texts_without_a_word(self, reviews: Any) -> None:
        for text in (None, "", "zyx"):  # the last is in the vocabulary only where it stands often enough
            model = learner(unlabelled=[text] * 150, min_count=200).fit(reviews.texts, reviews.labels)
            assert model.predictor_.info["n_guessed"] == 0

    def test_guesses_nothing_where_nobody_can_tell_how_sure_it_may_be(self, reviews: Any, draw_reviews: Any) -> None:
        more = draw_reviews(150, seed=9).texts
        model = learner(unlabelled=more, valid_fraction=0).fit(reviews.texts, reviews.labels)
        assert model.predictor_.info["n_guessed"] == 0

    def test_a_loss_of_ones_own_sees_labels_alone(self, reviews: Any, draw_reviews: Any) -> None:
        seen: set[float] = set()

        def loss(logits: Any, labels: Any) -> Any:
            seen.update(labels.tolist())
            return (logits[:, 0] - labels) ** 2

        more = draw_reviews(150, seed=9).texts
        model = learner(unlabelled=more, trainer_options={"loss": loss, "label_smoothing": 0.0})
        model.fit(reviews.texts, reviews.labels)
        assert (model.predictor_.info["n_guessed"], seen) == (0, {0.0, 1.0})

    @pytest.mark.parametrize("label_smoothing", [None, 0.0, 0.2])
    def test_labels_are_smoothed_as_asked_and_guesses_are_not(
        self, reviews: Any, draw_reviews: Any, label_smoothing: float | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: list[float] = []
        monkeypatch.setattr(
            train_branches,
            "with_pseudo_labels",
            lambda *rows: given.append(rows[-1]) or distillation.with_pseudo_labels(*rows),
        )
        trainers: list[Any] = []
        options = {} if label_smoothing is None else {"label_smoothing": label_smoothing}
        model = learner(
            unlabelled=draw_reviews(150, seed=9).texts,
            trainer_options=options,
            events=[lambda name, trainer, _: trainers.append(trainer) if name == "train_begin" else None],
        )
        model.fit(reviews.texts, reviews.labels)
        assert given == [0.1 if label_smoothing is None else label_smoothing]
        logits, soft = torch.zeros(1, 1), torch.tensor([0.9])
        unsmoothed = -(0.9 * np.log(0.5) + 0.1 * np.log(0.5))
        assert trainers[1].loss(logits, soft).item() == pytest.approx(unsmoothed)
        assert trainers[1].loss.keywords["label_smoothing"] == 0.0

    @pytest.mark.parametrize(("training", "n_begun"), [(1, 1), (2, 2)])
    def test_stopped_it_keeps_what_it_has_learnt(
        self, reviews: Any, draw_reviews: Any, training: int, n_begun: int
    ) -> None:
        begun: list[Any] = []

        def stop(name: str, trainer: Any, row: Any) -> None:
            if name == "train_begin":
                begun.append(trainer)
            if len(begun) == training and (name == "step_end" if training == 2 else name == "epoch_end"):
                trainer.stop = training == 2 or row["epoch"] == 1

        more = draw_reviews(150, seed=9).texts
        model = learner(unlabelled=more, events=[stop]).fit(reviews.texts, reviews.labels)
        assert len(begun) == n_begun
        assert model.predictor_.info["n_guessed"] == 0
        assert model.predictor_.info["best_epoch"] > 0

    def test_the_same_twice(self, reviews: Any, draw_reviews: Any, tmp_path: Path) -> None:
        more = draw_reviews(150, seed=9).texts
        hashes = [learner(unlabelled=more).fit(reviews.texts, reviews.labels).save(tmp_path / str(i)) for i in range(2)]
        assert hashes[0] == hashes[1]

    def test_goes_on_where_it_was_killed(self, reviews: Any, draw_reviews: Any, tmp_path: Path) -> None:
        class Killed(Exception):
            pass

        class Kill:
            """Stops the second training after an epoch, as a kill would."""

            def __init__(self) -> None:
                self.n_trainings = 0

            def __call__(self, name: str, trainer: Any, row: Any) -> None:
                self.n_trainings += name == "train_begin"
                if self.n_trainings == 2 and name == "epoch_end" and row["epoch"] == 1:
                    raise Killed

        more = draw_reviews(150, seed=9).texts
        options = {
            "unlabelled": more,
            "checkpoint": tmp_path / "checkpoint",
            "trainer_options": {"checkpoint_seconds": 0},
        }
        with pytest.raises(Killed):
            learner(**options, events=[Kill()]).fit(reviews.texts, reviews.labels)
        resumed: list[Any] = []
        again = learner(
            **options,
            events=[lambda name, trainer, _: resumed.append(trainer.resumed_from) if name == "phase_begin" else None],
        ).fit(reviews.texts, reviews.labels)
        assert len(resumed) == 2
        assert None not in resumed
        whole = learner(unlabelled=more).fit(reviews.texts, reviews.labels)
        assert again.decision_function(more).tobytes() == whole.decision_function(more).tobytes()

    def test_other_networks_learn_words_alone(self, reviews: Any, draw_reviews: Any) -> None:
        model = learner(net="gru", unlabelled=draw_reviews(150, seed=9).texts).fit(reviews.texts, reviews.labels)
        assert "n_guessed" not in model.predictor_.info


class TestStudent:
    def test_moves_the_recurrent_part_and_no_list(self, blend_base: Any, draw_reviews: Any) -> None:
        texts = texts_of(blend_base, draw_reviews(120, seed=5).texts)
        before = {name: value.clone() for name, value in blend_base.predictor_.net.state_dict().items()}
        after = distillation.distil(blend_base.predictor_, texts).net.state_dict()
        moved = {name.split(".")[0] for name, value in after.items() if not value.equal(before[name])}
        assert moved == {"embedding", "encoder", "deep", "output"}
        assert all(value.equal(before[name]) for name, value in blend_base.predictor_.net.state_dict().items())

    def test_is_as_sure_as_its_teacher(self, blend_base: Any, draw_reviews: Any) -> None:
        texts = texts_of(blend_base, draw_reviews(120, seed=5).texts)
        base = blend_base.predictor_
        slope, intercept = base.calibration
        old = slope * network_outputs(base.net, texts, ("",))[""] + intercept
        found = distillation.distil(base, texts)
        new = network_outputs(found.net, texts, ("",))[""]
        assert found.calibration == (1.0, 0.0)
        assert new.mean() == pytest.approx(old.mean(), abs=1e-4)
        assert new.std() == pytest.approx(old.std(), rel=1e-4)
        assert not np.allclose(new, old)

    def test_looks_at_no_label(self, blend_base: Any, draw_reviews: Any) -> None:
        texts = texts_of(blend_base, draw_reviews(120, seed=5).texts)
        found = [
            distillation.distil(blend_base.predictor_, Examples(texts.ids, labels)).net.state_dict()
            for labels in (None, np.zeros(120, np.float32), np.ones(120, np.float32))
        ]
        assert all(value.equal(found[0][name]) for other in found[1:] for name, value in other.items())

    def test_of_one_opinion_teaches_nothing(self, blend_base: Any) -> None:
        texts = texts_of(blend_base, ["the film"] * 60)
        assert distillation.distil(blend_base.predictor_, texts) is blend_base.predictor_


class TestRows:
    @pytest.mark.parametrize(
        ("n_texts", "n_rows", "enough"), [(999, 10, False), (1000, 4000, True), (1000, 4001, False)]
    )
    def test_texts_are_enough(self, n_texts: int, n_rows: int, enough: bool) -> None:
        rows = {n: Examples(RaggedIds(np.zeros(0, np.int32), np.zeros(n + 1, np.int64))) for n in (n_texts, n_rows)}
        assert distillation.enough(rows[n_texts], rows[n_rows]) is enough

    def test_of_too_many_texts_some_are_drawn(self) -> None:
        ids = RaggedIds.concatenate([RaggedIds(np.array([i], np.int32), np.array([0, 1])) for i in range(2, 40)])
        drawn = distillation.some_rows(Examples(ids), 0, most=10)
        assert len(drawn) == 10
        assert (np.diff(drawn.ids.values) > 0).all()
        assert distillation.some_rows(Examples(ids), 1, most=10).ids.values.tolist() != drawn.ids.values.tolist()
        assert len(distillation.some_rows(Examples(ids), 0, most=38)) == 38

    def test_with_words_are_those_that_hold_one(self) -> None:
        rows = Examples(RaggedIds(np.array([1, 1, 2, 0, 1, 5], np.int32), np.array([0, 0, 1, 3, 5, 6, 6])))
        assert distillation.with_words(rows).ids.values.tolist() == [1, 2, 5]
        assert distillation.with_words(rows[np.array([2, 4])]).ids.values.tolist() == [1, 2, 5]

    def test_labels_are_smoothed_and_guesses_are_not(self) -> None:
        ids = RaggedIds(np.array([2, 3], np.int32), np.array([0, 1, 2]))
        rows = distillation.with_pseudo_labels(
            Examples(ids, np.array([0, 1], np.float32)), Examples(ids), np.array([0.3, 0.9]), 0.1
        )
        assert rows.labels is not None
        np.testing.assert_allclose(rows.labels, [0.05, 0.95, 0.3, 0.9], rtol=1e-6)
        assert rows.labels.dtype == np.float32
        assert rows.ids.values.tolist() == [2, 3, 2, 3]

    def test_guesses_have_no_auc(self) -> None:
        net = build("gru", 10, {"embedding_size": 4, "hidden_size": 3})
        assert isinstance(net, StageGraph)
        ids = RaggedIds(np.array([2, 3], np.int32), np.array([0, 1, 2]))

        def loss(logits: Any, labels: Any) -> Any:
            return (logits[:, 0] - labels) ** 2

        measured = [
            loss_and_metric(net, Examples(ids, np.array(labels, np.float32)), loss, "cpu")[1]  # type: ignore[arg-type]
            for labels in ([0.2, 0.7], [0.0, 1.0])
        ]
        assert measured[0] is None
        assert measured[1] is not None
