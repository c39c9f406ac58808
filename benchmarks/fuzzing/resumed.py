"""What is gone on with: checkpoints, the folder of a comparison, the vector cache."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fuzzing.kind import Files, Found, Kind, Rng
from fuzzing.mutations import mutate_document, mutate_json

__all__ = ["Cache", "Checkpoints", "Comparisons"]


class Checkpoints(Kind):
    """A training run that was killed: goes on to the weights that it would have had, or begins anew."""

    name = "checkpoints"
    seconds = 3.0

    @classmethod
    def prepare(cls, folder: Path) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            cls._train(folder / "killed", stop_at=6)
        if not list((folder / "killed").iterdir()):
            raise SystemExit("the killed run left no checkpoint")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.expected, self.n_steps = self._train(None)

    @staticmethod
    def _train(checkpoint: Path | None, stop_at: int | None = None) -> tuple[dict[str, Any], int]:
        """Train; return the weights, and how many steps this run made."""
        import torch

        from headstart import Trainer
        from headstart.batches import Examples
        from headstart.nets import build
        from headstart.text import RaggedIds

        rng = np.random.default_rng(0)
        rows = RaggedIds.from_lists([rng.integers(2, 20, 5) for _ in range(40)])
        examples = Examples(rows, (np.arange(40) % 2).astype(np.float32))
        torch.manual_seed(0)
        net = build("gru", 20, {"embedding_size": 4, "hidden_size": 3, "dense": (4,)})
        steps = iter(range(10**6))

        def event(what: str, _trainer: Any, _row: Any) -> None:
            if what == "step_end" and next(steps) == stop_at:
                raise KeyboardInterrupt

        options: dict[str, Any] = {"checkpoint": checkpoint, "checkpoint_seconds": 0.0 if stop_at else 1e9}
        Trainer(net, phases=2, batch_size=10, device="cpu", events=[event], **options).fit(examples, examples)
        return {key: value.numpy().copy() for key, value in net.state_dict().items()}, next(steps)

    def use(self, name: str, folder: Path) -> str:
        found, n_steps = self._train(folder)
        if any(not np.array_equal(found[key], value) for key, value in self.expected.items()):
            raise Found("another model")
        return "gone on with" if n_steps < self.n_steps else "begun anew"


class Comparisons(Kind):
    """The folder of a comparison: rows and scores are as they were written, or fitted again."""

    name = "comparisons"
    plan: ClassVar = {"data": "x", "seed": 0}

    @classmethod
    def prepare(cls, folder: Path) -> None:
        from headstart.comparison.fits import Fit, score_path
        from headstart.comparison.log import RowLog

        log = RowLog(folder / "rows", cls.plan)
        for seed in range(4):
            task = Fit("tfidf", 50, seed)
            score_path(log.folder, task).parent.mkdir(exist_ok=True)
            np.save(score_path(log.folder, task), np.full(5, seed, np.float64))
            log.add({"strategy": "tfidf", "budget": 50, "seed": seed, "auc": 0.5 + seed / 10, "seconds": 1.0})

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        name = rng.choice(("rows.jsonl", "rows.jsonl", "plan.json"))
        if rng.random() < 0.6:
            return super().damage(files, rng)
        if name == "plan.json":
            raw = mutate_document(files[name], rng)
        else:
            lines = [json.loads(line) for line in files[name].splitlines()]
            mutate_json(rng.choice(lines), rng)
            raw = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        return f"document {name}", {**files, name: raw}

    def use(self, name: str, folder: Path) -> str:
        from headstart.comparison.fits import load_scores
        from headstart.comparison.log import RowLog

        log = RowLog(folder, self.plan)
        for task, row in log.rows.items():
            expected = {
                "strategy": "tfidf",
                "budget": 50,
                "seed": task.seed,
                "auc": 0.5 + task.seed / 10,
                "seconds": 1.0,
            }
            if row != expected or not np.array_equal(load_scores(folder, task), np.full(5, task.seed)):
                raise Found("a changed row", str(row))
        return f"{len(log.rows)} rows"


class Cache(Kind):
    """The vector cache: what it gives is what was put in, and it goes on working."""

    name = "cache"

    @classmethod
    def _vectors(cls) -> dict[bytes, Any]:
        from headstart.cache import text_keys

        rng = np.random.default_rng(0)
        return {key: rng.normal(0, 1, 8).astype("f4") for key in text_keys(b"model", [f"text {i}" for i in range(200)])}

    @classmethod
    def prepare(cls, folder: Path) -> None:
        from headstart.cache import VectorCache

        VectorCache(folder / "vectors").put(cls._vectors())

    def use(self, name: str, folder: Path) -> str:
        from headstart.cache import VectorCache

        folder.chmod(0o700)
        vectors, cache = self._vectors(), VectorCache(folder)
        found = cache.get(list(vectors), 8)
        if any(not np.array_equal(found[key], vectors[key]) for key in found):
            raise Found("another vector")
        cache.put(vectors)
        again = cache.get(list(vectors), 8)
        if len(again) < len(vectors) and cache._usable:
            raise Found("a cache that keeps nothing", f"{len(again)} of {len(vectors)}")
        return "kept" if len(again) == len(vectors) else "stands aside"
