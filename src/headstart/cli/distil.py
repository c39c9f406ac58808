"""The command `distil`: a model teaches a network of ours, which is smaller and faster and ships."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from headstart.cli import console, reading
from headstart.cli.commands import Distil
from headstart.cli.fitting import estimator_of
from headstart.cli.measuring import measured
from headstart.cli.progress import Progress
from headstart.corpus import Corpus
from headstart.estimators import ModelPlace, run_digest
from headstart.predictor import Predictor
from headstart.strategies.teacher import check_teacher

_TIMED = 512


def distil(options: Distil) -> None:
    """Train a network on what a model says of texts, and say what is kept of its quality and gained in speed."""
    place = ModelPlace(
        options.out, (reading.model_files(options.model), options.unlabelled, options.test), options.force
    )
    place.check()
    teacher = Predictor.load(options.model)
    check_teacher(teacher)
    rows = reading.data_options(options, teacher).of(teacher.answers)
    test = None if options.test is None else reading.read_labelled(rows, options.test)
    texts = replace(rows, label=None).read(options.unlabelled)
    reading.tell_counts(texts.source, texts.counts)
    given = {"net": options.net, "epochs": options.epochs, "random_state": options.seed, "device": options.device}
    model = estimator_of(teacher.answers, None, {**given, "strategy": "scratch", "text": options.text})
    run = run_digest({"texts": texts}, model.get_params(deep=False), teacher.digest())
    with place.reserved(run) as checkpoint:
        model.set_params(teacher=teacher, checkpoint=checkpoint, events=(Progress(),))
        model.fit(texts)
        student = model.predictor_
        result: dict[str, Any] = {
            "net": options.net,
            "n_texts": len(texts),
            "agreement": student.info.get("choices", {}).get("agreement"),
            "rows_a_second": {"teacher": _speed(teacher, texts), "student": _speed(student, texts)},
        }
        if test is not None:
            result["test"] = {
                name: measured(one, test, options.device) for name, one in (("teacher", teacher), ("student", student))
            }
        result = {"model": str(options.out), "content_hash": place.save(model, run), **result}
    console.emit(result, as_json=options.as_json, lines=_lines(result, teacher))


def _speed(model: Predictor, texts: Corpus) -> float:
    """Return how many texts a second are scored on the CPU, once everything is loaded."""
    some = texts.take(np.arange(min(_TIMED, len(texts))))
    model.score(some.take(np.arange(min(8, len(some)))))
    started = time.perf_counter()
    model.score(some)
    return len(some) / max(time.perf_counter() - started, 1e-9)


def _lines(result: dict[str, Any], teacher: Predictor) -> list[str]:
    name, valid = teacher.answers.primary.name, result["agreement"]
    slow, fast = result["rows_a_second"]["teacher"], result["rows_a_second"]["student"]
    lines = [f"model: {result['model']} ({result['net']}, taught by {result['n_texts']:,} texts)"]
    if "test" in result:
        before, after = (result["test"][one].get(name) for one in ("teacher", "student"))
        if before is not None and after is not None:
            lines.append(f"{name} on the test rows: {after:.4f}, the teacher {before:.4f} ({after - before:+.4f})")
    if valid and valid.get("accuracy") is not None:
        lines.append(f"says what the teacher says of {valid['accuracy']:.1%} of held-out texts")
    return [*lines, f"texts a second: {fast:,.0f}, the teacher {slow:,.0f} ({fast / slow:.1f} times)"]
