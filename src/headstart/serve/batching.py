"""Rows of many requests, scored together in a thread next to the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter

import pyarrow as pa

from headstart.corpus import Corpus
from headstart.errors import HeadstartError
from headstart.plain import Json
from headstart.serve.limits import Limits, Refusal
from headstart.serve.metrics import Metrics
from headstart.serve.served import Served

_STEPS = 4


@dataclass(eq=False)
class _Job:
    """The rows of a request, scored in as many turns as they need."""

    served: Served
    corpus: Corpus
    answer: asyncio.Future[list[Json]]
    n_taken: int = 0
    answers: list[Json] = field(default_factory=list)

    @property
    def n_left(self) -> int:
        return len(self.corpus) - self.n_taken

    def take(self, n: int) -> Corpus:
        """Return the next rows."""
        start, self.n_taken = self.n_taken, self.n_taken + n
        return Corpus(self.corpus.texts[start : start + n], columns=self.corpus.columns.slice(start, n))


class Batcher:
    """Scores rows in batches: what comes while a batch is scored makes the next one.

    One thread scores, so that the event loop stays free and compiled loops are not entered twice at a time. It begins
    with the first row and needs no start or stop.
    """

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits, self._metrics = limits, metrics
        self._thread = ThreadPoolExecutor(1, "headstart-score")
        self._jobs: dict[_Job, None] = {}  # in the order of their turns
        self._n_waiting = 0
        self._task: asyncio.Task[None] | None = None
        self._last_rows = 0

    @property
    def n_waiting(self) -> int:
        """Rows that wait to be scored."""
        return self._n_waiting

    @property
    def is_full(self) -> bool:
        """Whether no further row is taken at present."""
        return self.n_waiting >= self._limits.waiting_rows

    async def answers(self, served: Served, corpus: Corpus) -> list[Json]:
        """Return what a model says of rows, in their order.

        Raises:
            Refusal: the queue is full, or the rows could not be scored in time; or the model gives one no finite number.
        """
        if self.is_full:
            raise Refusal.busy(
                f"{self.n_waiting:,} rows are waiting to be scored, and no more are taken; send it again."
            )
        job = _Job(served, corpus, asyncio.get_running_loop().create_future())
        self._jobs[job] = None
        self._n_waiting += job.n_left
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._score_all())
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await job.answer
        except TimeoutError:
            raise Refusal.busy(
                f"these rows could not be scored within {self._limits.seconds:g} seconds; send fewer, or send them again."
            ) from None
        finally:
            self._drop(job)

    async def _score_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._jobs:
            await self._gather()
            taken = self._take()
            self._last_rows = sum(n for _, n in taken)
            self._n_waiting -= self._last_rows
            batch = [(job, job.take(n)) for job, n in taken]
            self._metrics.waiting.set(self.n_waiting)
            outcomes = await loop.run_in_executor(self._thread, self._outcomes, batch) if batch else []
            for (job, _), outcome in zip(batch, outcomes, strict=True):
                self._deliver(job, outcome)

    async def _gather(self) -> None:
        """Wait a moment for as many rows as the last batch held; a lone client never waits."""
        if self._last_rows < 2:
            return
        wanted = min(self._last_rows, self._limits.batch_rows)
        for _ in range(_STEPS):
            if self.n_waiting >= wanted:
                return
            await asyncio.sleep(self._limits.batch_wait / _STEPS)

    def _take(self) -> list[tuple[_Job, int]]:
        """Return the next jobs of one model, each with its fair part of a batch."""
        jobs = [job for job in self._jobs if job.n_left]
        if not jobs:
            return []
        jobs = [job for job in jobs if job.served is jobs[0].served][: self._limits.batch_rows]
        room, taken = self._limits.batch_rows, dict.fromkeys(jobs, 0)
        share = max(1, room // len(jobs))
        for least in (share, room):
            for job in jobs:
                more = min(least, job.n_left - taken[job], room)
                taken[job] += more
                room -= more
        return [(job, n) for job, n in taken.items() if n]

    def _deliver(self, job: _Job, outcome: list[Json] | Exception) -> None:
        if job.answer.done():
            return
        if isinstance(outcome, Exception):
            job.answer.set_exception(outcome)
        else:
            job.answers += outcome
            if not job.n_left:
                job.answer.set_result(job.answers)
        if job.answer.done():
            self._drop(job)
        elif job in self._jobs:  # next in turn is who came after it
            self._jobs[job] = self._jobs.pop(job)

    def _drop(self, job: _Job) -> None:
        if job in self._jobs:
            del self._jobs[job]
            self._n_waiting -= job.n_left

    def _outcomes(self, batch: list[tuple[_Job, Corpus]]) -> list[list[Json] | Exception]:
        """Score a batch in the thread: answers of each job, or why there are none."""
        served = batch[0][0].served
        pieces = [corpus for _, corpus in batch]
        try:
            answers = self._scored(served, _together(pieces))
        except Exception as error:  # of one request; the others have no part in it
            if len(batch) > 1:
                return [outcome for one in batch for outcome in self._outcomes([one])]
            return [Refusal(422, str(error)) if isinstance(error, HeadstartError) else error]
        ends = iter(answers)
        return [[next(ends) for _ in range(len(corpus))] for corpus in pieces]

    def _scored(self, served: Served, corpus: Corpus) -> list[Json]:
        start = perf_counter()
        scores = served.scored(corpus)
        self._metrics.scored(served, scores, perf_counter() - start)
        return served.answers(scores.probabilities)


def _together(pieces: list[Corpus]) -> Corpus:
    if len(pieces) == 1:
        return pieces[0]
    texts = pa.concat_arrays([piece.texts for piece in pieces])
    names = pieces[0].columns.column_names
    return Corpus(texts, columns=pa.concat_tables([piece.columns for piece in pieces]) if names else pa.table({}))
