"""What a server counts, as Prometheus reads it."""

from __future__ import annotations

import os

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from headstart.arrays import Doubles
from headstart.plain import Json
from headstart.predictor import Scores
from headstart.serve.served import Served
from headstart.serve.setup import METRICS_FOLDER

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SHARES = tuple(round(0.1 * i, 1) for i in range(1, 11))


class Metrics:
    """Counters, histograms and gauges of one application, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        own: Json = {"registry": self._registry}
        model = ("model", "hash")
        self.requests = Counter("headstart_requests", "Requests.", ("route", "status"), **own)
        self.seconds = Histogram(
            "headstart_request_seconds",
            "From a request's head to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            **own,
        )
        self.waiting = Gauge(
            "headstart_waiting_rows", "Rows that wait to be scored.", multiprocess_mode="livesum", **own
        )
        self.scoring = Histogram("headstart_scoring_seconds", "To score a batch.", buckets=_SECONDS, **own)
        self.batches = Histogram("headstart_batch_rows", "Rows of a batch.", buckets=_ROWS, **own)
        self.rows = Counter("headstart_rows", "Rows scored.", model, **own)
        self.tokens = Counter("headstart_tokens", "Tokens read.", model, **own)
        self.unknown = Counter("headstart_unknown_tokens", "Tokens that the model does not know.", model, **own)
        self.truncated = Counter("headstart_truncated_rows", "Texts that were cut.", model, **own)
        self.scores = Histogram(
            "headstart_score",
            "Probability of the second of two labels, or of the likeliest; of numbers, the place among those met in training.",
            model,
            buckets=_SHARES,
            **own,
        )
        self.reloads = Counter("headstart_reloads", "Reloads of models.", ("outcome",), **own)

    def scored(self, served: Served, scores: Scores, seconds: float) -> None:
        """Count a batch."""
        labels = (served.name, served.digest)
        n, counts = len(scores.probabilities), scores.counts
        self.scoring.observe(seconds)
        self.batches.observe(n)
        self.rows.labels(*labels).inc(n)
        self.tokens.labels(*labels).inc(counts.get("n_tokens", 0))
        self.unknown.labels(*labels).inc(counts.get("n_unknown_tokens", 0))
        self.truncated.labels(*labels).inc(counts.get("n_truncated", 0))
        each = self.scores.labels(*labels)
        for value in _places(served, scores.probabilities).tolist():
            each.observe(value)

    def text(self) -> bytes:
        """Return all of it in Prometheus' own form; of all workers, where there are several."""
        if os.environ.get(METRICS_FOLDER):
            together = CollectorRegistry()
            multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
            return generate_latest(together)
        return generate_latest(self._registry)


def _places(served: Served, probabilities: Doubles) -> Doubles:
    """Return a number between 0 and 1 of each row, for the distribution of scores."""
    task = served.predictor.answers
    if probabilities.ndim > 1:
        return np.asarray(probabilities.max(1))
    if task.kind == "binary":
        return probabilities
    ends = task.to_json().get("knots") or [0.0, 1.0]
    return np.asarray(np.clip((probabilities - ends[0]) / max(ends[-1] - ends[0], 1e-300), 0, 1))
