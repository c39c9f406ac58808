"""A model that is served: JSON rows to a `Corpus`, and scores to what ``predict`` would write."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from headstart.arrays import Doubles
from headstart.artifact import content_hash, read
from headstart.corpus import Corpus, TextColumns
from headstart.corpus.request import joined_texts
from headstart.engines import AUTO
from headstart.errors import DataError, OptionError
from headstart.plain import Facts, Json
from headstart.predictor import Predictor
from headstart.serve.limits import Limits, Refusal

_KINDS = {list: "an array", bool: "a truth value", int: "a number", float: "a number", dict: "an object"}


@dataclass(frozen=True)
class Served:
    """A model with a name.

    Attributes:
        name: by which requests address it.
        predictor: what scores.
        digest: the artifact's content hash, in hex.
        path: its folder, or None for a model in memory.
        engine: what runs its network.
    """

    name: str
    predictor: Predictor
    digest: str
    path: Path | None = None
    engine: str = AUTO

    @classmethod
    def of(cls, name: str, predictor: Predictor) -> Served:
        """Return a model in memory, ready to score."""
        return cls(name, predictor, content_hash(predictor.to_parts()))._warmed()

    @classmethod
    def load(cls, name: str, path: Path, engine: str = AUTO) -> Served:
        """Return a model from its folder, ready to score.

        Raises:
            ArtifactError: if there is no sound model.
            DataError: if it predicts nothing.
        """
        parts = read(path)
        predictor = Predictor.from_parts(parts, engine=engine)
        return cls(name, predictor, parts.content_hash, path, engine)._warmed()

    def _warmed(self) -> Served:
        """Return self once a row has been scored, so that whatever has to be compiled is."""
        _ = self.predictor.answers
        if not isinstance(self.predictor.row_columns, str):
            raise OptionError(
                f"the model {self.name!r} reads rows that are no texts, and only models of texts are served; score files of such "
                "rows with `headstart predict`."
            )
        names = self.predictor.columns
        nothing = pa.table({name: pa.nulls(2) for name in names})
        self.answers(self.scored(Corpus(pa.array(["", "a text"], pa.large_string()), columns=nothing)).probabilities)
        return self

    @property
    def version(self) -> str:
        """The name with the first digits of the hash, as a request may give it."""
        return f"{self.name}@{self.digest[:12]}"

    def summary(self) -> Json:
        """Return what a client may want to know, JSON-able."""
        task = self.predictor.answers
        return {
            "name": self.name,
            "hash": self.digest,
            "task": task.kind,
            "labels": list(task.names),
            "text": self.predictor.text,
            "columns": list(self.predictor.columns),
            "card": dict(self.predictor.info.get("card", {})),
        }

    def corpus(self, rows: Sequence[Facts], limits: Limits) -> Corpus:
        """Return rows of JSON as the model reads them.

        Raises:
            Refusal: a row that lacks something, or holds what is no text or no value.
        """
        present = dict.fromkeys(name for row in rows for name in row)
        try:
            texts = self._texts.resolve(list(present), "this request")
        except DataError as error:
            raise Refusal(422, f"{error} Send a row as {self._example()}.") from error
        strings = [
            pa.array([self._text(row, i, name, limits) for i, row in enumerate(rows, 1)], pa.large_string())
            for name in texts
        ]
        columns = {name: self._column(rows, name) for name in self.predictor.columns}
        table = pa.table(columns)
        encoder = self.predictor.encoder
        if columns and encoder is not None:
            try:
                table = encoder.impose(table).table  # request by request, so that batches have one type a column
            except DataError as error:
                raise Refusal(422, str(error)) from error
        return Corpus(joined_texts(strings), columns=table)

    @cached_property
    def _texts(self) -> TextColumns:
        return TextColumns(None, (self.predictor.text, "text"))

    def _text(self, row: Facts, number: int, name: str, limits: Limits) -> str | None:
        if name not in row:
            raise Refusal(422, f"Row {number} has no {name!r}. Send a row as {self._example()}.")
        text = row[name]
        if text is not None and not isinstance(text, str):
            kind = _KINDS.get(type(text), "no string")
            raise Refusal(422, f"Row {number}: {name!r} is {kind}, and a string or null was expected.")
        if text is not None and len(text) > limits.characters:
            raise Refusal(
                422,
                f"Row {number}: the text has {len(text):,} characters, and at most {limits.characters:,} are taken; cut it.",
            )
        try:
            (text or "").encode()
        except UnicodeEncodeError as error:
            raise Refusal(
                422, f"Row {number}: {name!r} holds half of a surrogate pair, which is no text; send UTF-8."
            ) from error
        return text

    def _column(self, rows: Sequence[Facts], name: str) -> Any:
        for number, row in enumerate(rows, 1):
            if name not in row:
                raise Refusal(
                    422,
                    f"Row {number} has no {name!r}, which the model reads (null is fine). Send a row as {self._example()}.",
                )
        try:
            return pa.array([row[name] for row in rows])
        except (pa.ArrowException, UnicodeError, OverflowError, ValueError) as error:
            raise Refusal(
                422,
                f"The column {name!r} holds values of several types, or one that no column can hold; give it one type.",
            ) from error

    def _example(self) -> str:
        names = [self.predictor.text, *self.predictor.columns]
        return "{" + ", ".join(f'"{name}": ...' for name in names) + "}"

    def scored(self, corpus: Corpus) -> Any:
        """Return the `Scores` of rows."""
        return self.predictor.score(corpus)

    def answers(self, probabilities: Doubles) -> list[Json]:
        """Return what ``predict`` writes of each row: numbers that are none are null."""
        columns = self.predictor.answers.columns(probabilities, self.predictor.rule)
        values = [column.tolist() for column in columns.values()]
        return [dict(zip(columns, map(_finite, row), strict=True)) for row in zip(*values, strict=True)]


def _finite(value: object) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def named_models(models: Predictor | Facts | Any) -> list[Served]:
    """Return models in memory, or in folders, by name."""
    by_name = models if isinstance(models, Mapping) else {"model": models}
    return [_served(name, model) for name, model in by_name.items()]


def _served(name: str, model: Any) -> Served:
    if isinstance(model, (str, Path)):
        return Served.load(name, Path(model))
    return Served.of(name, getattr(model, "predictor_", model))
