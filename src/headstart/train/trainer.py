"""The training loop.

`Trainer` moves a network through phases. It works on `Examples` (ids, labels, weights) and leaves its
history as rows, one an epoch, the first (epoch 0) from before training. The best epoch on validation rows
is the one that is kept. What it draws at random comes from its seed and from nothing else, so a run that
was killed goes on from its checkpoint to the weights that it would have had.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from headstart.arrays import Places
from headstart.batches import Batch, Batches, Examples
from headstart.errors import DataError, OptionError
from headstart.freezing import Freeze
from headstart.optim import LazyAdam, LazyAdamW, clip_gradients
from headstart.options import RandomState, check_choice, check_least, check_types, seed_of
from headstart.plain import Facts, Json, Row
from headstart.tasks import Task
from headstart.train.checkpoint import (
    Progress,
    checkpoint_of,
    fingerprint,
    load_checkpoint,
    random_state,
    restore_optimizer,
    save_or_warn,
    save_weights,
    set_random_state,
)
from headstart.train.interrupts import Interrupts
from headstart.train.losses import Loss, loss_function, weighted_loss
from headstart.train.measuring import loss_and_metric, rows_of, sample_rows, watched_by, with_mean_weight_1
from headstart.train.schedule import Optimizer, Phase, Schedule, check_trained, make_optimizer, schedule_function
from headstart.train.settings import denormals_flushed, one_torch_thread, random_state_forked
from headstart.train.shards import ShardBatches
from headstart.train.together import devices_of, fit_together, parted
from headstart.train.world import Result, World

Event = Callable[[str, Any, Facts], None]
"""Called with what has just happened (``train_begin``, ``phase_begin``, ``step_end``, ``epoch_end``, ``improved``,
``train_end``; ``guessed``, where a network goes on to learn from its own pseudo-labels), the trainer, and a row about it.
Setting ``trainer.stop = True`` ends training after the step."""

_LEAST = {
    "learning_rate": 0, "weight_decay": 0, "clip_norm": 0, "batch_size": 1, "accumulate": 1, "n_buckets": 1, "patience": 1,
    "checkpoint_seconds": 0, "workers": 1,
}  # fmt: skip


class Trainer:
    """Trains a network.

    Args:
        net: takes a `Batch` of tensors and returns logits [rows, outputs]; trained in place.
        phases: what to train, how long and how fast; a number means one phase of that many epochs.
        loss: a name from `headstart.train.LOSSES` or a function (logits, labels) -> loss.
        label_smoothing: for the named losses.
        optimizer: a name from `headstart.train.OPTIMIZERS` or a function (groups) -> torch optimizer.
        optimizer_options: more options of the named optimizer, such as ``{"betas": (0.9, 0.99)}``.
        learning_rate: top rate of phases that name none.
        weight_decay: L2 penalty (decoupled with ``"adamw"``).
        schedule: a name from `headstart.train.SCHEDULES` or a function of the share of a phase done.
        clip_norm: longest gradient, all parameters together; None for no limit.
        batch_size: rows a step, over all processes together.
        accumulate: in how many parts a step is computed, one after another, where a whole batch does not fit into memory.
        n_buckets: groups of like length (see `Batches`).
        patience: stop after this many epochs without a better validation score; None runs all epochs.
        task: what the labels are, so that its metrics can be watched; None for the AUC of one logit.
        monitor: ``"valid_loss"``, ``"valid_auc"``, or ``"valid_"`` and the name of one of the metrics of `task`: what "better"
            means; of equal values of a task's metric the one with the lower loss.
        restore_best: end with the best epoch's weights instead of the last one's. Needs validation rows.
        train_metrics: ``"sample"`` measures loss and AUC after each epoch on a fixed random sample of up
            to 2,048 training rows, ``"full"`` on all of them, ``"running"`` only averages the loss as it went.
        random_state: seed of batches and dropout; a ``RandomState`` or None draws one.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``; or several, each of which gets a process, its part of the rows
            and a share of every batch: ``["cuda:0", "cuda:1"]``. An event that sets `stop` then ends the epoch.
        workers: how many processes train, on as many GPUs or on the processors; 1 trains in this one.
        mixed_precision: compute in bfloat16 where that is safe; on a GPU only.
        events: called as things happen (see `Event`).
        checkpoint: a folder to save the run into, and to go on from if the same run left one there.
        checkpoint_seconds: least time between two checkpoints inside an epoch.
        save_epochs: a folder that gets every epoch's weights as ``epoch-<n>.safetensors``.

    Attributes:
        history: one row an epoch: ``epoch``, ``train_loss``, ``train_auc``, ``valid_loss``, ``valid_auc`` (or the metric
            of `task` that is watched, such as ``valid_kappa``), ``running_loss``, ``learning_rate``, ``seconds``, ``n_tokens``.
        best_epoch: the epoch whose weights the network holds.
        stop: set it to True to end training after the step at hand.
        resumed_from: (epoch, step) of the checkpoint that the run went on from, or None.
    """

    def __init__(
        self,
        net: nn.Module,
        *,
        phases: int | Sequence[Phase] = 5,
        loss: str | Loss = "binary",
        label_smoothing: float = 0.0,
        optimizer: Optimizer = "adam",
        optimizer_options: Facts | None = None,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.0,
        schedule: str | Schedule = "one-cycle",
        clip_norm: float | None = 1.0,
        batch_size: int = 64,
        accumulate: int = 1,
        n_buckets: int = 32,
        patience: int | None = None,
        task: Task | None = None,
        monitor: str = "valid_auc",
        restore_best: bool = True,
        train_metrics: str = "sample",
        random_state: RandomState = 0,
        device: str | torch.device | Sequence[str | torch.device] = "auto",
        workers: int = 1,
        mixed_precision: bool = False,
        events: Sequence[Event] = (),
        checkpoint: str | Path | None = None,
        checkpoint_seconds: float = 30.0,
        save_epochs: str | Path | None = None,
    ) -> None:
        check_trained(net, phases)
        check_types(Trainer.__init__, locals())
        check_least(locals(), _LEAST)
        check_choice("train_metrics", train_metrics, ("sample", "full", "running"))
        self.net = net
        self.phases = (Phase(phases),) if isinstance(phases, int) else tuple(phases)
        self.loss = loss_function(loss, label_smoothing)
        self.optimizer = optimizer
        self.optimizer_options = dict(optimizer_options or {})
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule_function(schedule)
        self.clip_norm = clip_norm
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.n_buckets = n_buckets
        self.patience = patience
        self.monitor = monitor
        self.watched = watched_by(monitor, task)
        self.restore_best = restore_best
        self.train_metrics = train_metrics
        self.random_state = seed_of(random_state)
        self.devices = devices_of(device, workers)
        self.device = self.devices[0]
        self.mixed_precision, self.events = mixed_precision, tuple(events)
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.checkpoint_seconds = checkpoint_seconds
        self.save_epochs = None if save_epochs is None else Path(save_epochs)
        self.world, self.stop = World(), False
        self.resumed_from: tuple[int, int] | None = None
        self._run_options = {
            "phases": [asdict(phase) for phase in self.phases],
            "loss": loss,
            "label_smoothing": label_smoothing,
            "optimizer": optimizer,
            "optimizer_options": self.optimizer_options,
            "schedule": schedule,
            **({} if accumulate == 1 else {"accumulate": accumulate}),
            **{
                name: getattr(self, name)
                for name in (
                    "learning_rate", "weight_decay", "clip_norm", "batch_size", "n_buckets", "patience",
                    "monitor", "restore_best", "train_metrics", "random_state", "mixed_precision",
                )
            },
        }  # fmt: skip
        self._batching: Json = {}
        self._progress = Progress()
        self._best: dict[str, Tensor] = {}
        self._interrupts = Interrupts()

    @property
    def history(self) -> list[Row]:
        """One row an epoch, as they have been so far."""
        return self._progress.history

    @property
    def best_epoch(self) -> int:
        """The epoch with the best validation score so far."""
        return self._progress.best_epoch

    def fit(self, train: Examples | Batches, valid: Examples | Batches | None = None) -> list[Row]:
        """Train on `train`, watch `valid`, and return the history.

        Args:
            train: rows with labels, and perhaps weights, of which only the ratios matter. `Batches` are cut as they say:
                their `batch_size`, order, buckets and `random_state` take the place of the trainer's own.
            valid: rows with labels to watch; of `Batches` their rows.

        Raises:
            DataError: if there are no labelled rows, no weight above zero, or the loss stops being a number.
        """
        self._batching = train.options if isinstance(train, Batches) else {}
        train, valid = rows_of(train, "train"), None if valid is None else rows_of(valid, "valid")
        train = with_mean_weight_1(train)
        if train.labels is None or len(train) < 2:
            raise DataError(
                f"training needs at least two rows with labels, and {len(train)} came "
                f"{'without' if train.labels is None else 'with'} labels; pass more labelled texts."
            )
        batch_size = self._batching.get("batch_size", self.batch_size)
        if batch_size < 2 * len(self.devices) * self.accumulate and any(
            isinstance(m, _BatchNorm) for m in self.net.modules()
        ):
            raise OptionError(
                f"batch_size is {batch_size} on {len(self.devices)} device(s), and batch normalisation cannot learn "
                f"from one row; set it to at least {2 * len(self.devices)}, or use a network without batch normalisation."
            )
        self._n_rows, sample = len(train), sample_rows(train, self.train_metrics, self.random_state)
        if self.checkpoint is not None or len(self.devices) > 1:
            self._fingerprint = fingerprint(self.net, train, valid, {**self._run_options, **self._batching})
        if len(self.devices) > 1:
            progress, weights = fit_together(self, parted(self, train, valid, sample))
            self._progress = Progress(**progress)
            self.net.load_state_dict(weights)
            self.net.eval()
            return self.history
        self._sample = sample
        return self._fit(World(device=self.device), train, valid)

    def fit_part(self, world: World, train: Examples, valid: Examples | None, sample: Examples | None) -> Result:
        """Do what `fit` does as one of several processes, and return progress and weights.

        Args:
            world: the processes.
            train: this one's part of the rows.
            valid, sample: rows to measure on; of the first process alone.
        """
        self._sample = sample
        # torch hands tensors to a child in shared memory: without a copy all would step on one set of weights.
        self.net = copy.deepcopy(self.net)
        self.events, self.save_epochs = ((), None) if world.rank else (self.events, self.save_epochs)
        self._fit(world, train, valid)
        return asdict(self._progress), dict(self.net.state_dict())

    def _fit(self, world: World, train: Examples, valid: Examples | None) -> list[Row]:
        self.world, self.device = world, world.device
        self._progress, self._best, self.stop, self._warned = Progress(), {}, False, False
        with ExitStack() as settings:
            if self.checkpoint is not None:
                settings.enter_context(self._interrupts.watched())
            settings.enter_context(denormals_flushed())
            settings.enter_context(random_state_forked(self.random_state, self.device))
            self.net.to(self.device)
            settings.enter_context(one_torch_thread(self.net))
            self._begin(train, valid)
            for number in range(self._progress.phase, len(self.phases)):
                self._run_phase(number, train, valid)
                if self.stop:
                    break
            if valid is not None and self.restore_best and self._best:
                self.net.load_state_dict(self._best)
            self._tell("train_end", {"epochs": self._progress.epoch, "best_epoch": self.best_epoch})
            self.net.zero_grad(set_to_none=True)  # or every copy of the network would carry them along
            self.net.eval()
        return self.history

    def _begin(self, train: Examples, valid: Examples | None) -> None:
        for phase in self.phases:  # a pattern that matches nothing is told now, and not after hours
            if phase.freeze is not None:
                Freeze(self.net, phase.freeze).release()
        self._resume_from = None
        if self.checkpoint is not None:
            self._resume_from = load_checkpoint(self.checkpoint, self._fingerprint, self.net.state_dict())
        self._tell("train_begin", {"n_rows": self._n_rows, "epochs": sum(phase.epochs for phase in self.phases)})
        if self._resume_from is not None:
            self._progress = Progress(**self._resume_from.state["progress"])
            self._best = self._resume_from.part("best")
            self.net.load_state_dict(self._resume_from.part("net"))
            self.resumed_from = (self._progress.epoch, self._progress.step)
        else:
            started = time.perf_counter()
            row = {"epoch": 0, **self._measure(valid), "seconds": time.perf_counter() - started}
            self._end_epoch(self.world.share(row))

    def _run_phase(self, number: int, train: Examples, valid: Examples | None) -> None:
        phase, progress = self.phases[number], self._progress
        if progress.phase != number:
            progress.phase, progress.phase_epoch, progress.step = number, 0, 0
        with ExitStack() as undo:
            if phase.freeze is not None:
                undo.callback(Freeze(self.net, phase.freeze, dropout=phase.frozen_dropout).release)
            if phase.epochs == 0:
                return
            self._optimizer = make_optimizer(
                self.optimizer,
                self.net,
                learning_rate=self.learning_rate if phase.learning_rate is None else phase.learning_rate,
                weight_decay=self.weight_decay,
                rates=phase.rates,
                options=self.optimizer_options,
                lazy=self.world.alone and self.device.type == "cpu",
            )
            if isinstance(self._optimizer, LazyAdam | LazyAdamW):
                undo.callback(self._optimizer.close)
            self._restore_step_state()
            self._net = self.world.wrap(self.net)
            self._tell("phase_begin", {"phase": number, **asdict(phase)})
            own = {"batch_size": self.batch_size, "order": "shuffled", "n_buckets": self.n_buckets}
            how = {**own, "random_state": self.random_state, **self._batching}
            batches = (
                Batches(train, **how) if self.world.alone else ShardBatches(train, self._n_rows, self.world, **how)
            )
            try:
                while progress.phase_epoch < phase.epochs and not self.stop and not self._out_of_patience():
                    self._run_epoch(batches, phase, valid)
            except KeyboardInterrupt:
                if self.world.alone:
                    self._save()
                raise

    def _run_epoch(self, batches: Batches, phase: Phase, valid: Examples | None) -> None:
        progress = self._progress
        started = last_saved = time.perf_counter()
        before, plan = progress.seconds, batches.plan(progress.epoch)
        total = phase.epochs * len(plan)
        self.net.train()
        if not (alone := self.world.alone):
            # Dropout differs from process to process, and an epoch begins the same after a checkpoint.
            torch.manual_seed(self.random_state + 7919 * (progress.epoch * self.world.size + self.world.rank + 1))
        for rows in plan[progress.step :]:
            done = (progress.phase_epoch * len(plan) + progress.step) / total
            with self._interrupts.held():
                self._step(batches, rows, self.schedule(done))
                progress.step += 1
                progress.seconds = before + time.perf_counter() - started
            self._tell("step_end", {"epoch": progress.epoch + 1, "step": progress.step, "steps": len(plan)})
            if self.stop and alone:
                return
            if alone and time.perf_counter() - last_saved > self.checkpoint_seconds and progress.step < len(plan):
                self._save()
                last_saved = time.perf_counter()
        row, self.stop = self.world.share((self._epoch_row(valid, before + time.perf_counter() - started), self.stop))
        with self._interrupts.held():
            progress.epoch += 1
            progress.phase_epoch += 1
            progress.step, progress.loss_sum, progress.weight_sum, progress.n_tokens = 0, 0.0, 0.0, 0
            progress.seconds = 0.0
            self._end_epoch(row)
        self._save()

    def _epoch_row(self, valid: Examples | None, seconds: float) -> Json:
        progress, started = self._progress, time.perf_counter()
        sums = [self.world.sum(value) for value in (progress.loss_sum, progress.weight_sum, progress.n_tokens)]
        return {
            "epoch": progress.epoch + 1,
            "running_loss": sums[0] / max(sums[1], 1e-12),
            **self._measure(valid),
            "learning_rate": float(max(group["lr"] for group in self._optimizer.param_groups)),
            "n_tokens": int(sums[2]),
            "seconds": seconds + time.perf_counter() - started,
        }

    def _step(self, batches: Batches, rows: Places, factor: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = group.setdefault("base_rate", group["lr"]) * factor
        self._optimizer.zero_grad(set_to_none=True)
        # Over processes gradients are averaged: each counts by its fraction of the rows.
        n_rows, n_processes, value = float(len(rows)), self.world.size, 0.0
        share = 1.0 if n_processes == 1 else n_rows * n_processes / self.world.sum(n_rows)
        for part in np.array_split(rows, min(self.accumulate, len(rows))):
            loss = self._loss(batches.batch(part)) * (share * len(part) / n_rows)
            value += loss.item() / share
            loss.backward()  # type: ignore[no-untyped-call]
        if not np.isfinite(value):
            raise DataError(
                f"the training loss became {value} in epoch {self._progress.epoch + 1}, step {self._progress.step + 1}; "
                f"try a smaller learning_rate than {self.learning_rate}, or clip_norm=1.0."
            )
        if self.clip_norm is not None:
            clip_gradients(self.net.parameters(), self.clip_norm)
        self._optimizer.step()
        self._progress.loss_sum += value * n_rows
        self._progress.weight_sum += n_rows
        self._progress.n_tokens += int(batches.lengths[rows].sum())

    def _loss(self, batch: Batch) -> Tensor:
        batch, on = batch.tensors(self.device), self.device.type
        with torch.autocast(on, torch.bfloat16, enabled=self.mixed_precision and on == "cuda"):
            logits = self._net(batch)
        return weighted_loss(self.loss(logits.float(), batch.labels), batch.weights)

    def _measure(self, valid: Examples | None) -> dict[str, float | None]:
        measured: dict[str, float | None] = {}
        for name, examples in (("train", self._sample), ("valid", valid)):
            if examples is not None and examples.labels is not None:
                metric = "auc" if self.watched is None else self.watched.metric.name
                found = loss_and_metric(self.net, examples, self.loss, self.device, self.watched)
                measured[f"{name}_loss"], measured[f"{name}_{metric}"] = found
        return measured

    def _end_epoch(self, row: Json) -> None:
        progress = self._progress
        progress.history.append(row)
        score = row.get(self.monitor)
        if score is not None:
            more = -1 if self.monitor == "valid_loss" else 1 if self.watched is None else self.watched.metric.sign
            if progress.improves(more * score, row["epoch"], None if self.watched is None else row["valid_loss"]):
                if self.restore_best:
                    self._best = {name: value.detach().clone() for name, value in self.net.state_dict().items()}
                self._tell("improved", row)
        else:
            progress.best_epoch = row["epoch"]
        if self.save_epochs is not None:
            save_weights(self.net, self.save_epochs / f"epoch-{row['epoch']}.safetensors")
        self._tell("epoch_end", row)

    def _out_of_patience(self) -> bool:
        # Counted from the start of the phase: what was unfrozen in it deserves its own chance.
        since = max(self.best_epoch, self._progress.epoch - self._progress.phase_epoch)
        return self.patience is not None and self._progress.epoch - since >= self.patience

    def _tell(self, name: str, row: Facts) -> None:
        for event in self.events:
            event(name, self, row)

    def _save(self) -> None:
        if self.checkpoint is not None and not self.world.rank:
            kept = checkpoint_of(
                self._fingerprint, self._progress, self.net, self._optimizer, self._best, random_state(self.device)
            )
            self._warned = save_or_warn(self.checkpoint, kept, warned=self._warned)

    def _restore_step_state(self) -> None:
        """Take up optimizer and random state from the checkpoint, once, in the phase it was saved in."""
        if self._resume_from is None:
            return
        if self._progress.phase_epoch < self.phases[self._progress.phase].epochs:
            restore_optimizer(
                self._optimizer, self._resume_from.part("optimizer"), self._resume_from.state["optimizer"]
            )
        set_random_state(self._resume_from.part("random"))
        self._resume_from = None
