"""Encoders that others trained, fine-tuned: every task, stored, alone as in company, what is frozen, what is held, resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import headstart as hs
from headstart.corpus import Corpus, as_corpus
from headstart.predictor import Predictor
from headstart.strategies import STRATEGIES, Settings, SharedRows, tune_encoder
from headstart.strategies.inputs import goals_of
from headstart.strategies.label_names import named_classes
from headstart.tasks import TASKS
from headstart.train import Phase

Folder = Callable[..., Path]

WORDS = ("great", "awful", "lovely", "boring")
EPOCHS: dict[str, Any] = {"device": "cpu", "epochs": 2}


def corpus_of(kind: str, n_rows: int = 60, seed: int = 0) -> Corpus:
    """Rows whose labels are what their words say."""
    rng = np.random.default_rng(seed)
    codes, other = rng.integers(0, 2 if kind == "binary" else 4, n_rows), rng.integers(0, 4, n_rows)
    texts = [f"{' '.join(rng.choice(['the', 'a', 'film'], 3))} {WORDS[code]}" for code in codes]
    names = {"binary": ("no", "yes"), "regression": ()}.get(kind, tuple(f"is {word}" for word in WORDS))
    labels: Any = codes.astype(float) * 10 if kind == "regression" else codes
    if kind == "multilabel":
        texts = [f"{text} {WORDS[second]}" for text, second in zip(texts, other, strict=True)]
        labels = np.zeros((n_rows, 4), np.int8)
        labels[np.arange(n_rows), codes] = labels[np.arange(n_rows), other] = 1
    return Corpus(as_corpus(texts).texts, labels=labels, label_names=names, label_values=names, kind=kind)


@pytest.fixture(params=["transformer", "static"])
def encoder(request: pytest.FixtureRequest, make_static: Folder) -> Predictor:
    """An encoder without labels."""
    if request.param == "static":
        return hs.import_model2vec(make_static()).predictor_
    found: Predictor = request.getfixturevalue("transformer")
    return found


@pytest.fixture
def transformer(make_folder: Folder, random_weights: Any) -> Predictor:
    """Norms that scale by 1 and other weights of a size at which rounding stays small, as in real encoders."""
    weights = {
        name: torch.ones_like(value) if name.endswith("LayerNorm.weight") else value / 2
        for name, value in random_weights("bert").items()
    }
    return hs.import_hf(make_folder(weights=weights)).predictor_


def tuned(base: Predictor, train: Corpus, *, name: str = "fine-tune", **settings: Any) -> Predictor:
    """The base fine-tuned on all of these rows."""
    return STRATEGIES[name](train, None, base, Settings(**{**EPOCHS, **settings})).predictor


@pytest.mark.parametrize("kind", TASKS)
def test_every_task_gets_a_head_is_stored_and_answers_a_row_alone_as_in_company(encoder: Predictor, kind: str) -> None:
    found, rows = tuned(encoder, corpus_of(kind)), corpus_of(kind, 20, 1)
    scores = found.score(rows)
    again = Predictor.from_parts(found.to_parts())
    np.testing.assert_array_equal(again.score(rows).probabilities, scores.probabilities)
    alone = found.score(rows.take(np.array([3])))
    np.testing.assert_allclose(alone.probabilities[0], scores.probabilities[3], atol=1e-5)
    for engine in ("compiled", "torch", "onnx"):
        one = Predictor.from_parts(found.to_parts(), engine=engine).score(rows)
        np.testing.assert_allclose(one.probabilities, scores.probabilities, rtol=1e-5, atol=1e-5)
    assert found.net.stages[-1] == "output"
    assert encoder.net.stages[-1] == "pooled"


def test_training_goes_on_from_where_the_head_was_found(transformer: Predictor) -> None:
    def losses(phases: Any, **settings: Any) -> list[float]:
        given = Settings(**{**EPOCHS, **settings, "phases": phases, "trainer_options": {"train_metrics": "full"}})
        history = STRATEGIES["fine-tune"](corpus_of("multiclass"), None, transformer, given).history
        return [row["train_loss"] for row in history]

    hardly, well = losses((Phase(12, 1e-2),), C=1e-6), losses((Phase(0),), C=1.0)
    assert hardly[0] > 1.2 > 0.5 > hardly[-1]
    assert well[0] < 0.5


def test_the_default_moves_the_last_layers_and_gradual_one_more_a_phase(transformer: Predictor) -> None:
    net = tuned(transformer, corpus_of("binary"), epochs=0).net
    (phase,) = tune_encoder.encoder_phases(net, 100, Settings())
    assert phase.freeze == "embeddings|layer0" and list(phase.rates) == ["layer2", "layer1", "output"]
    assert tune_encoder.encoder_phases(net, 10_000, Settings())[0].freeze is None
    told: list[Any] = []
    events = (lambda name, trainer, row: told.append(row["freeze"]) if name == "phase_begin" else None,)
    tuned(transformer, corpus_of("binary", 20), name="fine-tune-gradual", events=events)
    assert told == [
        "embeddings|layer0|layer1|layer2",
        "embeddings|layer0|layer1",
        "embeddings|layer0",
        "embeddings",
        None,
    ]


def test_a_tuned_encoder_is_a_base_like_any_other(transformer: Predictor) -> None:
    first = tuned(transformer, corpus_of("multiclass"))
    rows = corpus_of("multiclass", 20, 1)
    as_is = tuned(first, corpus_of("multiclass"), name="as-is")
    np.testing.assert_array_equal(as_is.score(rows).logits, first.score(rows).logits)
    unmoved = tuned(first, corpus_of("multiclass"), epochs=0)
    np.testing.assert_array_equal(unmoved.score(rows).logits, first.score(rows).logits)
    other = tuned(first, corpus_of("binary"))
    assert other.score(rows).logits.shape == (20,)


def test_what_stands_still_is_bit_equal_and_is_not_run_again(
    transformer: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    layer = type(transformer.net.get_submodule("layer0"))
    forward = layer.forward

    def counted(self: Any, *given: Any) -> Any:
        runs.append("training" if self.training else "still")
        return forward(self, *given)

    monkeypatch.setattr(layer, "forward", counted)
    found = tuned(
        transformer, corpus_of("binary"), freeze="embeddings|layer0|layer1", trainer_options={"weight_decay": 0.5}
    )
    before, after = transformer.net.state_dict(), found.net.state_dict()
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"layer2"}
    n_steps = 2 * 4  # epochs of 60 rows by 16
    assert runs.count("training") == n_steps


@pytest.mark.parametrize(
    "phases",
    [(Phase(2, freeze="embeddings|layer0"),), (Phase(1, freeze="embeddings|layer.*"), Phase(1, freeze="embeddings"))],
)
def test_held_outputs_train_to_the_same_weights(
    transformer: Predictor, monkeypatch: pytest.MonkeyPatch, phases: Any
) -> None:
    rows = corpus_of("multiclass", 20, 1)
    held = tuned(transformer, corpus_of("multiclass"), phases=phases).score(rows).logits
    monkeypatch.setattr(tune_encoder, "_MOST_HELD", 0)
    computed = tuned(transformer, corpus_of("multiclass"), phases=phases).score(rows).logits
    np.testing.assert_allclose(held, computed, atol=1e-4)


def test_parts_of_a_batch_train_as_the_batch(transformer: Predictor) -> None:
    rows, still = corpus_of("binary", 20, 1), {"freeze": "embeddings|layer.*"}
    whole, parts = (
        tuned(transformer, corpus_of("binary"), trainer_options={"accumulate": n, "optimizer": "sgd"}, **still)
        for n in (1, 3)
    )
    # Dropout draws other values of a batch in parts, so only its mean is the same.
    assert np.abs(whole.score(rows).logits - parts.score(rows).logits).max() < 0.1


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(transformer: Predictor, tmp_path: Path) -> None:
    class Stop:
        def __call__(self, name: str, trainer: Any, row: Any) -> None:
            if name == "epoch_end" and row["epoch"] == 1:
                raise KeyboardInterrupt

    train, rows = corpus_of("binary"), corpus_of("binary", 20, 1)
    whole = tuned(transformer, train).score(rows).logits
    with pytest.raises(KeyboardInterrupt):
        tuned(transformer, train, checkpoint=tmp_path, events=(Stop(),))
    told: list[Any] = []
    events = (lambda name, trainer, row: told.append(trainer.resumed_from),)
    np.testing.assert_array_equal(
        tuned(transformer, train, checkpoint=tmp_path, events=events).score(rows).logits, whole
    )
    assert told[-1] is not None


def test_the_estimator_takes_it(make_folder: Folder, reviews: Any, tmp_path: Path) -> None:
    base = hs.import_hf(make_folder())
    model = hs.TextClassifier(base=base, strategy="fine-tune", epochs=1, device="cpu").fit(
        reviews.texts, reviews.labels
    )
    model.save(tmp_path / "tuned")
    loaded = hs.load(tmp_path / "tuned")
    np.testing.assert_array_equal(loaded.predict_proba(reviews.texts[:9]), model.predict_proba(reviews.texts[:9]))


@pytest.mark.parametrize(
    ("kind", "n_rows", "names", "read"),
    [
        ("multiclass", 40, tuple(WORDS), True),
        ("multiclass", 60, tuple(WORDS), False),
        ("multiclass", 40, ("1", "2", "3", "4"), False),
        ("ordinal", 40, tuple(WORDS), False),
    ],
)
def test_names_of_classes_are_rows_where_there_are_few(
    transformer: Predictor, kind: str, n_rows: int, names: tuple[str, ...], read: bool
) -> None:
    rows = corpus_of(kind, n_rows)
    goals = goals_of(Corpus(rows.texts, labels=rows.labels, label_names=names, label_values=names, kind=kind))
    found = named_classes(transformer, goals, ("pooled",), Settings(cache="off"))
    assert (found is not None) == read
    if found is not None:
        vectors = SharedRows(as_corpus(WORDS), transformer, Settings(cache="off")).outputs(("pooled",))
        np.testing.assert_array_equal(found.outputs, vectors)


@pytest.mark.parametrize("how", ["features", "fine-tune"])
def test_a_class_is_known_by_its_name(transformer: Predictor, how: str) -> None:
    texts = as_corpus([*WORDS[:2], *WORDS[:2], *WORDS[2:]]).texts
    labels = np.array([0, 1, 0, 1, 3, 2])  # the rows of the last two say the wrong thing

    def named(names: tuple[str, ...]) -> Predictor:
        few = Corpus(texts, labels=labels, label_names=names, label_values=names, kind="multiclass")
        return tuned(transformer, few, name=how, epochs=0, layer="pooled", head="linear", C=1.0)

    asked = as_corpus([WORDS[2]])
    found, bare = (named(names).score(asked).probabilities[0, 2] for names in (WORDS, ("1", "2", "3", "4")))
    assert found > bare + 0.1


def test_without_dropout_training_and_evaluation_say_the_same(transformer: Predictor) -> None:
    shared = SharedRows(corpus_of("binary"), transformer, Settings(**EPOCHS))
    train, settings = corpus_of("binary"), Settings(**EPOCHS)
    task = train.task
    assert task is not None
    head = tune_encoder.with_probed_head(transformer, train, task, settings, shared)
    spec = head.scorer.spec
    assert spec is not None and spec.options["dropout"] == 0.1
    net = head.net.train()
    examples = head.rows(train).examples
    from headstart.batches import Batches

    batch = next(iter(Batches(examples))).tensors()
    noisy = net(batch)
    for module in net.modules():
        if hasattr(module, "dropout"):
            module.dropout = 0.0
    quiet = net(batch)
    net.eval()
    assert torch.equal(net(batch), quiet) and not torch.equal(noisy, quiet)
    assert spec.replace(options={}).name == "transformer"
