"""The training loop: what it learns, records, keeps, tells, and leaves as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from headstart import Phase, Trainer
from headstart.batches import Batch, Examples
from headstart.errors import DataError, OptionError
from headstart.inference import network_logits
from headstart.text import RaggedIds
from headstart.train import LOSSES

BuildNet = Callable[..., nn.Module]
MakeExamples = Callable[..., Examples]


@pytest.fixture
def examples(make_examples: MakeExamples) -> Examples:
    return make_examples(60)


@pytest.fixture
def valid(make_examples: MakeExamples) -> Examples:
    return make_examples(40, seed=1)


RATE = 0.05


def trainer(net: nn.Module, **options: Any) -> Trainer:
    return Trainer(net, **{"phases": 2, "batch_size": 16, "learning_rate": RATE, "device": "cpu", **options})


def state(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


class Scripted(nn.Module):
    """Scores validation rows as well as a script says: its n-th number after n epochs of training.

    At 1 it tells the classes apart, at 0 it orders the rows by a random number.
    """

    def __init__(self, script: list[float], steps: int = 4) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.script = script
        self.steps = steps
        self.n_trained = 0

    def forward(self, batch: Batch) -> Tensor:
        if self.training:
            self.n_trained += 1
            return self.weight.expand(len(batch), 1) + batch.ids[:, :1] * 0.1
        share = self.script[min(self.n_trained // self.steps, len(self.script) - 1)] / 2
        return batch.ids[:, :1] * share * 40 + batch.ids[:, 1:2] * (1 - share)


def scripted_rows(n: int) -> Examples:
    """Rows of two ids: the first is 1 for a positive row and 0 otherwise, the second says nothing."""
    rng = np.random.default_rng(3)
    ids = np.stack([np.arange(n) % 2, rng.permutation(n)], 1).astype(np.int32)
    return Examples(RaggedIds(ids.reshape(-1), np.arange(0, 2 * n + 1, 2)), (np.arange(n) % 2).astype(np.float32))


class TestLearning:
    def test_loss_falls_and_auc_rises_on_both_sides(
        self, net_name: str, small_net: BuildNet, examples: Examples, valid: Examples
    ) -> None:
        made = trainer(small_net(net_name, dropout=0.1), phases=8)
        history = made.fit(examples, valid)
        for part in ("train", "valid"):
            assert history[-1][f"{part}_loss"] < history[0][f"{part}_loss"]
            assert history[-1][f"{part}_auc"] > 0.85
        assert history is made.history

    def test_a_row_an_epoch_the_first_from_before(
        self, small_net: BuildNet, examples: Examples, valid: Examples
    ) -> None:
        net = small_net()
        untrained = network_logits(net, examples)
        history = trainer(net, phases=3).fit(examples, valid)
        assert [row["epoch"] for row in history] == [0, 1, 2, 3]
        assert set(history[0]) == {"epoch", "train_loss", "train_auc", "valid_loss", "valid_auc", "seconds"}
        assert set(history[1]) == {*history[0], "running_loss", "learning_rate", "n_tokens"}
        labels = torch.from_numpy(examples.labels)
        expected = nn.functional.binary_cross_entropy_with_logits(torch.from_numpy(untrained[:, 0]), labels)
        assert history[0]["train_loss"] == pytest.approx(expected.item(), rel=1e-5)
        assert [row["n_tokens"] for row in history[1:]] == [examples.ids.values.size] * 3

    def test_without_validation_rows_the_last_weights_stay(self, small_net: BuildNet, examples: Examples) -> None:
        made = trainer(small_net(), patience=1)
        history = made.fit(examples)
        assert "valid_loss" not in history[-1]
        assert (len(history), made.best_epoch) == (3, 2)

    def test_the_network_is_left_resting(self, small_net: BuildNet, examples: Examples) -> None:
        net = small_net().train()
        trainer(net, phases=1).fit(examples)
        assert not any(module.training for module in net.modules())

    def test_fitting_again_trains_on(self, small_net: BuildNet, examples: Examples) -> None:
        net = small_net()
        made = trainer(net, phases=1)
        first = made.fit(examples)[-1]
        before = state(net)
        second = made.fit(examples)
        assert not equal(state(net), before)
        assert [row["epoch"] for row in second] == [0, 1]
        assert second[0]["train_loss"] == first["train_loss"]

    def test_training_can_go_on_at_another_rate(self, small_net: BuildNet, examples: Examples) -> None:
        net = small_net()
        trainer(net, phases=2).fit(examples)
        history = trainer(net, phases=[Phase(1, learning_rate=1e-4)], schedule="constant").fit(examples)
        assert history[-1]["learning_rate"] == 1e-4
        assert history[0]["train_auc"] > 0.7

    def test_rows_of_no_weight_teach_nothing(self, small_net: BuildNet, examples: Examples) -> None:
        assert examples.labels is not None
        left_out = np.arange(60) % 4 < 2
        weights = np.where(left_out, 0, 1.5).astype(np.float32)
        states = []
        for labels in (examples.labels, np.where(left_out, 1 - examples.labels, examples.labels)):
            net = small_net()
            trainer(net).fit(Examples(examples.ids, labels, weights))
            states.append(state(net))
        assert equal(*states)

    def test_a_row_of_weight_two_counts_as_two_rows(self, small_net: BuildNet, examples: Examples) -> None:
        assert examples.labels is not None
        twice = np.concatenate([np.arange(60), np.arange(0, 60, 3)])
        weights = np.where(np.arange(60) % 3 == 0, 2, 1).astype(np.float32)
        states = []
        for rows in (examples[twice], Examples(examples.ids, examples.labels, weights)):
            net = small_net(
                batch_norm=False,
                dropout=0.0,
                embedding_dropout=0.0,
                word_dropout=0.0,
                type_dropout=0.0,
                pooled_dropout=0.0,
            )
            trainer(net, phases=1, batch_size=100, optimizer="sgd", learning_rate=1.0, schedule="constant").fit(rows)
            states.append(state(net))
        assert all(torch.allclose(value, states[1][name], atol=1e-5) for name, value in states[0].items())

    def test_the_gradient_is_no_longer_than_allowed(self, examples: Examples) -> None:
        class Steep(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.weight = nn.Parameter(torch.zeros(2))

            def forward(self, batch: Batch) -> Tensor:
                return (self.weight * torch.tensor([300.0, 400.0])).sum().expand(len(batch), 1)

        lengths = {}
        for clip_norm in (0.5, None):
            net = Steep()
            ones = Examples(examples.ids, np.ones(60, np.float32))
            trainer(
                net,
                phases=1,
                batch_size=60,
                optimizer="sgd",
                learning_rate=1.0,
                schedule="constant",
                clip_norm=clip_norm,
            ).fit(ones)
            lengths[clip_norm] = net.weight.norm().item()
        assert lengths[0.5] == pytest.approx(0.5, rel=1e-4)
        assert lengths[None] == pytest.approx(250, rel=1e-4)

    def test_the_rate_follows_the_schedule_of_each_phase(self, small_net: BuildNet, examples: Examples) -> None:
        rates: list[tuple[float, ...]] = []

        def note(name: str, made: Any, row: Mapping[str, Any]) -> None:
            if name == "step_end":
                rates.append(tuple(group["lr"] for group in made._optimizer.param_groups))

        phases = [Phase(1, learning_rate=0.1), Phase(2, rates={"embedding": 0.5})]
        trainer(small_net(), phases=phases, schedule=lambda done: 1 - done, events=[note]).fit(examples)
        first, second = rates[:4], rates[4:]
        assert [rate for (rate,) in first] == pytest.approx([0.1, 0.075, 0.05, 0.025])
        assert [max(pair) for pair in second] == pytest.approx([RATE * (1 - i / 8) for i in range(8)])
        assert [min(pair) for pair in second] == pytest.approx([RATE / 2 * (1 - i / 8) for i in range(8)])

    def test_every_epoch_of_every_phase_mixes_the_rows_anew(self, examples: Examples) -> None:
        class Noting(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.weight = nn.Parameter(torch.zeros(()))
                self.rows: list[int] = []

            def forward(self, batch: Batch) -> Tensor:
                self.rows += batch.rows.tolist() if self.training else []
                return self.weight.expand(len(batch), 1)

        net = Noting()
        trainer(net, phases=[Phase(2), Phase(2)]).fit(examples)
        epochs = [tuple(net.rows[i : i + 60]) for i in range(0, 240, 60)]
        assert len(set(epochs)) == 4
        assert all(sorted(rows) == list(range(60)) for rows in epochs)

    def test_a_phase_of_no_epochs_is_passed_over(self, small_net: BuildNet, examples: Examples) -> None:
        net = small_net()
        before = state(net)
        assert len(trainer(net, phases=[Phase(0), Phase(0, freeze="embedding")]).fit(examples)) == 1
        assert equal(state(net), before)


class TestOnesOwn:
    def test_loss(self, small_net: BuildNet, examples: Examples) -> None:
        def hinge(logits: Tensor, labels: Tensor) -> Tensor:
            return (1 - (2 * labels - 1) * logits[:, 0]).clamp(min=0)

        history = trainer(small_net(), phases=4, loss=hinge).fit(examples)
        assert history[0]["train_loss"] == pytest.approx(1, abs=0.3)
        assert history[-1]["train_auc"] > 0.85

    def test_loss_that_gives_one_mean(self, small_net: BuildNet, examples: Examples) -> None:
        def squared(logits: Tensor, labels: Tensor) -> Tensor:
            return (logits[:, 0] - labels).pow(2).mean()

        assert trainer(small_net(), phases=6, loss=squared).fit(examples)[-1]["train_auc"] > 0.8

    def test_optimizer_that_takes_the_groups(self, small_net: BuildNet, examples: Examples) -> None:
        def own(groups: Any) -> torch.optim.Optimizer:
            return torch.optim.Adamax(groups)

        assert trainer(small_net(), phases=4, optimizer=own, learning_rate=0.05).fit(examples)[-1]["train_auc"] > 0.8

    def test_optimizer_with_groups_of_its_own_keeps_its_rate(self, small_net: BuildNet, examples: Examples) -> None:
        def own(groups: Any) -> torch.optim.Optimizer:
            return torch.optim.SGD([p for group in groups for p in group["params"]], lr=0.3)

        history = trainer(small_net(), phases=3, optimizer=own, schedule=lambda done: 0.5).fit(examples)
        assert [row["learning_rate"] for row in history[1:]] == [0.15] * 3

    def test_two_logits_with_the_categorical_loss(self, small_net: BuildNet, examples: Examples) -> None:
        assert "categorical" in LOSSES
        history = trainer(small_net(n_outputs=2), phases=8, loss="categorical").fit(examples, examples)
        assert history[-1]["valid_loss"] < 0.6 * history[0]["valid_loss"]
        assert history[-1]["valid_auc"] is None

    def test_module_of_ones_own(self, examples: Examples) -> None:
        class Bag(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.words = nn.EmbeddingBag(40, 1, padding_idx=0)

            def forward(self, batch: Batch) -> Tensor:
                logits: Tensor = self.words(batch.ids)
                return logits

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = Bag()
        assert trainer(net, phases=5, learning_rate=0.1).fit(examples)[-1]["train_auc"] > 0.9


class TestKeepingTheBest:
    @pytest.mark.parametrize(
        ("script", "options", "n_epochs", "best"),
        [
            ([0.1, 0.5, 0.9, 0.4, 0.2, 0.1], {"phases": 5}, 5, 2),
            ([0.1, 0.5, 0.9, 0.4, 0.2, 0.1], {"phases": 5, "patience": 1}, 3, 2),
            ([0.1, 0.5, 0.9, 0.4, 0.2, 0.1], {"phases": 5, "patience": 2}, 4, 2),
            ([0.9, 0.5, 0.4, 0.3, 0.2, 0.1], {"phases": 5, "patience": 2}, 2, 0),
            ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], {"phases": 5, "patience": 1}, 5, 5),
            ([0.5, 0.5, 0.5, 0.5], {"phases": 3, "patience": 2}, 2, 0),
            ([0.1, 0.9, 0.3, 0.2, 0.5, 0.4], {"phases": [Phase(2), Phase(3)], "patience": 1}, 3, 1),
            ([0.1, 0.9, 0.3, 0.95, 0.5, 0.4], {"phases": [Phase(2), Phase(3)], "patience": 1}, 4, 3),
        ],
    )
    def test_stops_when_nothing_gets_better(
        self, script: list[float], options: dict[str, Any], n_epochs: int, best: int
    ) -> None:
        weights: list[float] = []

        def note(name: str, made: Trainer, row: Mapping[str, Any]) -> None:
            if name == "epoch_end":
                weights.append(made.net.weight.item())  # type: ignore[union-attr, operator]

        net = Scripted(script)
        made = trainer(net, schedule="constant", events=[note], **options)
        history = made.fit(scripted_rows(64), scripted_rows(40))
        assert len(history) - 1 == n_epochs
        assert made.best_epoch == best
        assert net.weight.item() == weights[best]
        assert history[best]["valid_auc"] == max(row["valid_auc"] for row in history)

    def test_loss_can_be_what_is_watched(self) -> None:
        history_of: dict[str, int] = {}
        for monitor in ("valid_auc", "valid_loss"):
            made = trainer(Scripted([0.2, 1.0, 0.3, 0.4]), phases=3, monitor=monitor)
            rows = made.fit(scripted_rows(64), scripted_rows(40))
            history_of[monitor] = made.best_epoch
            sign = 1 if monitor == "valid_auc" else -1
            assert made.best_epoch == max(rows, key=lambda row, s=sign, m=monitor: s * row[m])["epoch"]
        assert history_of["valid_auc"] == 1

    def test_the_last_weights_stay_if_asked(self) -> None:
        net = Scripted([0.1, 0.9, 0.2, 0.1])
        kept = Scripted([0.1, 0.9, 0.2, 0.1])
        trainer(net, phases=3, restore_best=False).fit(scripted_rows(64), scripted_rows(40))
        trainer(kept, phases=3).fit(scripted_rows(64), scripted_rows(40))
        assert net.weight.item() != kept.weight.item()

    def test_statistics_of_batch_normalisation_are_kept_with_the_weights(
        self, small_net: BuildNet, examples: Examples, valid: Examples
    ) -> None:
        states: list[dict[str, Tensor]] = []
        net = small_net(dropout=0.0)
        made = trainer(
            net, phases=6, learning_rate=0.2, schedule="constant",
            events=[lambda name, made, row: states.append(state(made.net)) if name == "epoch_end" else None],
        )  # fmt: skip
        made.fit(examples, Examples(valid.ids, 1 - valid.labels))  # learning makes these worse
        assert made.best_epoch < 6
        assert equal(state(net), states[made.best_epoch])

    def test_validation_rows_of_one_class_are_watched_by_their_loss_only(
        self, small_net: BuildNet, examples: Examples
    ) -> None:
        one_class = examples[np.flatnonzero(examples.labels == 1)]
        made = trainer(small_net())
        history = made.fit(examples, one_class)
        assert [row["valid_auc"] for row in history] == [None] * 3
        assert made.best_epoch == 2


class TestMeasuring:
    @pytest.mark.parametrize(("how", "measured"), [("sample", True), ("full", True), ("running", False)])
    def test_training_rows(self, small_net: BuildNet, examples: Examples, how: str, measured: bool) -> None:
        row = trainer(small_net(), train_metrics=how).fit(examples)[-1]
        assert ("train_loss" in row) == measured
        assert row["running_loss"] > 0

    def test_a_sample_is_drawn_once_and_full_is_all(
        self, small_net: BuildNet, make_examples: MakeExamples, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import headstart.train.measuring as module

        monkeypatch.setattr(module, "_SAMPLE_ROWS", 20)
        measured: list[Examples] = []

        def counting(net: nn.Module, examples: Examples, **options: Any) -> Any:
            measured.append(examples)
            return network_logits(net, examples, **options)

        monkeypatch.setattr(module, "network_logits", counting)
        for how, expected in (("sample", 20), ("full", 50)):
            measured.clear()
            trainer(small_net(), phases=1, train_metrics=how).fit(make_examples(50))
            assert [len(examples) for examples in measured] == [expected] * 2
            assert measured[0].ids == measured[1].ids

    def test_the_running_loss_is_the_mean_over_rows_as_they_went(self, examples: Examples) -> None:
        class Frozen(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.weight = nn.Parameter(torch.zeros(()))

            def forward(self, batch: Batch) -> Tensor:
                return 0 * self.weight + batch.lengths[:, None].float() / 10

        row = trainer(Frozen(), phases=1, batch_size=16).fit(examples)[-1]
        assert row["running_loss"] == pytest.approx(row["train_loss"], rel=1e-5)


class TestEvents:
    def test_what_happens_is_told_in_order(self, examples: Examples) -> None:
        told: list[tuple[str, Any]] = []
        made = trainer(
            Scripted([0.1, 0.9, 0.2]), phases=[Phase(1), Phase(1)],
            events=[lambda name, made, row: told.append((name, row.get("epoch", row.get("phase"))))],
        )  # fmt: skip
        made.fit(scripted_rows(64), scripted_rows(40))
        steps = [("step_end", 1)] * 4, [("step_end", 2)] * 4
        assert told == [
            ("train_begin", None), ("improved", 0), ("epoch_end", 0),
            ("phase_begin", 0), *steps[0], ("improved", 1), ("epoch_end", 1),
            ("phase_begin", 1), *steps[1], ("epoch_end", 2), ("train_end", None),
        ]  # fmt: skip

    def test_rows_say_what(self, small_net: BuildNet, examples: Examples) -> None:
        told: dict[str, dict[str, Any]] = {}
        made = trainer(small_net(), phases=2, events=[lambda name, made, row: told.update({name: dict(row)})])
        made.fit(examples)
        assert told["train_begin"] == {"n_rows": 60, "epochs": 2}
        assert told["step_end"] == {"epoch": 2, "step": 4, "steps": 4}
        assert told["epoch_end"] == made.history[-1]
        assert told["train_end"] == {"epochs": 2, "best_epoch": 2}

    @pytest.mark.parametrize(("at", "n_rows"), [("step_end", 1), ("epoch_end", 1), ("phase_begin", 1)])
    def test_an_event_can_stop_the_training(
        self, small_net: BuildNet, examples: Examples, at: str, n_rows: int
    ) -> None:
        def stop(name: str, made: Trainer, row: Mapping[str, Any]) -> None:
            made.stop = made.stop or name == at

        told: list[str] = []
        made = trainer(small_net(), phases=[Phase(2), Phase(2)], events=[stop, lambda name, *_: told.append(name)])
        assert len(made.fit(examples)) <= n_rows + 1
        assert told.count("phase_begin") == 1
        assert told[-1] == "train_end"


class TestFiles:
    def test_every_epoch_is_saved_on_request(self, small_net: BuildNet, examples: Examples, tmp_path: Path) -> None:
        net = small_net()
        states: list[dict[str, Tensor]] = []
        trainer(
            net, save_epochs=tmp_path / "epochs",
            events=[lambda name, made, row: states.append(state(made.net)) if name == "epoch_end" else None],
        ).fit(examples)  # fmt: skip
        files = sorted((tmp_path / "epochs").iterdir())
        assert [file.name for file in files] == [f"epoch-{i}.safetensors" for i in range(3)]
        assert all(equal(load_file(file), expected) for file, expected in zip(files, states, strict=True))


class TestLeavingThingsAlone:
    def test_random_state_denormals_and_threads(self, small_net: BuildNet, examples: Examples) -> None:
        torch.manual_seed(123)
        np.random.seed(5)
        before = torch.get_rng_state(), np.random.get_state()[1].copy(), torch.get_num_threads()  # type: ignore[index, union-attr]
        trainer(small_net()).fit(examples)
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.array_equal(np.random.get_state()[1], before[1])  # type: ignore[index]
        assert torch.get_num_threads() == before[2]
        assert (torch.tensor([1e-40]) * 1.0).item() > 0

    def test_also_after_an_error(self, small_net: BuildNet, examples: Examples) -> None:
        def fail(name: str, made: Trainer, row: Mapping[str, Any]) -> None:
            if name == "step_end":
                raise ZeroDivisionError("stop here")

        net, before = small_net(), torch.get_rng_state()
        with pytest.raises(ZeroDivisionError, match="stop here"):
            trainer(net, phases=[Phase(1, freeze="embedding")], events=[fail]).fit(examples)
        assert torch.equal(torch.get_rng_state(), before)
        assert (torch.tensor([1e-40]) * 1.0).item() > 0
        assert net.embedding.weight.requires_grad

    def test_the_rows(self, small_net: BuildNet, make_examples: MakeExamples) -> None:
        examples, same = make_examples(60, weights=True), make_examples(60, weights=True)
        trainer(small_net()).fit(examples)
        assert examples.ids == same.ids
        assert np.array_equal(examples.labels, same.labels) and np.array_equal(examples.weights, same.weights)


class TestOneRow:
    @pytest.mark.parametrize("n", [17, 33, 2, 3])
    def test_never_reaches_batch_normalisation(
        self, net_name: str, small_net: BuildNet, make_examples: MakeExamples, n: int
    ) -> None:
        assert len(trainer(small_net(net_name), phases=1).fit(make_examples(n))) == 2

    def test_batches_of_one_row_are_refused_where_it_stands(self, small_net: BuildNet, examples: Examples) -> None:
        with pytest.raises(OptionError, match="batch_size is 1.*batch normalisation.*at least 2"):
            trainer(small_net(), batch_size=1).fit(examples)
        assert len(trainer(small_net(batch_norm=False), batch_size=1, phases=1).fit(examples[:8])) == 2


class TestRefusing:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"monitor": "auc"}, "monitor is 'auc'; expected one of valid_auc, valid_loss"),
            ({"train_metrics": "all"}, "train_metrics is 'all'; expected one of sample, full, running"),
            ({"optimizer": "adamm"}, "no optimizer 'adamm'; did you mean 'adam'"),
            ({"schedule": "cosin"}, "no learning-rate schedule 'cosin'"),
            ({"loss": "hinge"}, "no loss 'hinge'.*binary, categorical"),
            ({"label_smoothing": 2}, "label_smoothing is 2; expected 0"),
            (
                {"phases": [Phase(1, freeze="embeding")]},
                "the pattern 'embeding' matches no stage or parameter.*embedding",
            ),
            ({"phases": [Phase(1, freeze=".*")]}, "every parameter is frozen, so there is nothing to train"),
            ({"phases": [Phase(1, rates={"encodr": 0.1})]}, "the pattern 'encodr' matches no"),
            ({"device": "tpu9"}, "the device is 'tpu9'; expected 'auto'"),
            ({"batch_size": 0}, "batch_size is 0"),
            ({"learning_rate": -0.1}, "learning_rate is -0.1; expected a number of 0 or more. Leave learning_rate out"),
            (
                {"learning_rate": "fast"},
                "learning_rate is 'fast'; expected a number. Leave learning_rate out for the default",
            ),
            ({"weight_decay": float("nan")}, "weight_decay is nan; expected a number of 0 or more"),
            ({"clip_norm": -1}, "clip_norm is -1; expected a number of 0 or more"),
            ({"batch_size": 8.0}, "batch_size is 8.0; expected a whole number"),
            ({"n_buckets": True}, "n_buckets is True; expected a whole number"),
            ({"patience": 0}, "patience is 0; expected a number of 1 or more"),
            ({"random_state": -1}, "random_state is -1; expected a number of 0 or more"),
            ({"checkpoint_seconds": None}, "checkpoint_seconds is None; expected a number"),
        ],
    )
    def test_options(self, small_net: BuildNet, examples: Examples, options: dict[str, Any], message: str) -> None:
        with pytest.raises(OptionError, match=message):
            trainer(small_net(), **options).fit(examples)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (lambda e: Examples(e.ids), "training needs at least two rows with labels, and 60 came without labels"),
            (lambda e: e[:1], "at least two rows with labels, and 1 came with labels; pass more labelled texts"),
        ],
    )
    def test_rows(self, small_net: BuildNet, examples: Examples, rows: Any, message: str) -> None:
        with pytest.raises(DataError, match=message):
            trainer(small_net()).fit(rows(examples))

    def test_a_loss_that_is_no_number(self, small_net: BuildNet, examples: Examples) -> None:
        with pytest.raises(
            DataError, match="the training loss became nan in epoch 1, step 1; try a smaller learning_rate than 0.05"
        ):
            trainer(small_net(), loss=lambda logits, labels: logits[:, 0] * float("nan")).fit(examples)


def test_a_pattern_of_a_later_phase_that_matches_nothing_is_told_before_training(
    small_net: BuildNet, examples: Examples
) -> None:
    told: list[str] = []
    phases = [Phase(1), Phase(1, freeze="encodr.*")]
    with pytest.raises(OptionError, match="the pattern 'encodr\\.\\*' matches no stage or parameter"):
        trainer(small_net(), phases=phases, events=[lambda name, *_: told.append(name)]).fit(examples)
    assert told == []
