"""`Predictor`: text steps, a scorer and label names. It predicts and never trains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Unpack, cast

import numpy as np

from headstart.arrays import Array, Doubles
from headstart.artifact import Parts, read
from headstart.batches import Clip
from headstart.corpus import Corpus, OtherColumns, TextHashes
from headstart.engines import AUTO, ENGINES, CannotRunError, HeldNetwork, check_engine
from headstart.errors import ArtifactError, DataError
from headstart.extras import learning_half
from headstart.heads import ColumnEncoder
from headstart.inputs import (
    ColumnInput,
    EncoderInput,
    Inputs,
    Words,
    chunk_rows,
    column_input_of,
    kind_of,
    reads,
    text_input_of,
    written_inputs,
)
from headstart.notebook import Shown
from headstart.plain import Json
from headstart.predictor.card import checked_card
from headstart.predictor.checking import (
    check_answers,
    check_columns,
    check_model,
)
from headstart.predictor.counting import add_counts, with_rate
from headstart.predictor.finite import check_finite
from headstart.predictor.loading import (
    ENCODER_TOKENIZER,
    TOKENIZER,
    check_pieces,
    load_arguments,
    load_encoder,
    load_hashes,
    load_inputs,
    load_scorer,
    load_steps,
    load_task,
)
from headstart.predictor.provenance import Provenance
from headstart.predictor.rows import Rows
from headstart.predictor.scorers import (
    Scorer,
    TextScorer,
)
from headstart.predictor.stored import decoded_model
from headstart.tasks import PLAIN, Rule, Task

_CHUNK_ROWS = 16_384
_ROWS = {"text": "texts", "series": "series", "image": "images", "columns": "tabular rows"}
_ANYWHERE = ("cpu", "auto")


@dataclass(frozen=True)
class Scores:
    """What a predictor says of some rows.

    Attributes:
        logits: before calibration, float64 [rows]; [rows, outputs] of a task with several (see `headstart.tasks`).
        probabilities: of the second of two labels, or the predicted numbers, float64 [rows]; of each class or label
            [rows, classes].
        counts: ``n``, ``n_null``, ``n_truncated``, ``n_tokens``, ``n_unknown_tokens`` and
            ``unknown_token_rate``, the last four only where texts became token ids; ``columns``: by column ``n_null``,
            ``n_unreadable`` and ``n_unseen`` (see `headstart.heads.columns.Imposed`).
    """

    logits: Doubles
    probabilities: Doubles
    counts: Json


@dataclass(frozen=True, repr=False)
class Predictor(Shown):
    """Everything needed to predict. It is never changed: `dataclasses.replace` gives another one.

    Attributes:
        scorer: gives logits.
        task: the kind of its answers, and their names; of two labels the second is the one whose probability `Scores` gives.
            None for an encoder, which has learnt no labels.
        inputs: what is read: ``"text"``, and ``"columns"`` where there are some.
        rule: how logits become probabilities and decisions.
        info: how it came to be; part of the content hash.
        run: JSON-able facts that differ from run to run (dates, seconds, history).
        estimator: constructor arguments of the estimator that made it.
        learnt_from: hashes of the texts that it, and what it was carried over from, was trained or tuned on; None where
            they are not known, as in models of format 1.0.
    """

    scorer: Scorer
    task: Task | None
    inputs: Inputs = field(default_factory=reads)
    rule: Rule = PLAIN
    info: Provenance = field(default_factory=Provenance)
    run: Json = field(default_factory=dict)
    estimator: Json = field(default_factory=dict)
    learnt_from: TextHashes | None = None

    def summary(self) -> Json:
        """Return what ``repr`` and notebooks show."""
        task, valid = self.task, self.info.get("valid") or {}
        figure = None if task is None else valid.get(task.primary.name)
        name = "AUC" if task is None else task.primary.name.replace("_", " ").replace("auc", "AUC")
        return {
            "kind": self.scorer.kind,
            "strategy": self.info.get("strategy"),
            "labels": ", ".join(self.label_names) or None,
            "positive": self.label_names[1] if task is not None and task.kind == "binary" else None,
            "threshold": self.threshold,
            "columns": ", ".join(self.columns) or None,
            "trained on": self.info.get("n_train"),
            f"validation {name}": None if figure is None else f"{figure:.4f}",
        }

    @property
    def answers(self) -> Task:
        """The kind of its answers.

        Raises:
            DataError: it is an encoder, which gives none.
        """
        if self.task is None:
            raise DataError(
                "this model is an encoder without labels, so it predicts nothing by itself; give it labelled rows with "
                "`headstart transfer MODEL DATA --strategy features`, or take its vectors with `headstart embed`."
            )
        return self.task

    @property
    def label_names(self) -> tuple[str, ...]:
        """The classes or labels, by code; none of a model of numbers, or of an encoder."""
        return () if self.task is None else self.task.names

    @property
    def calibration(self) -> tuple[float, float]:
        """Slope and intercept put on the logit before it becomes a probability."""
        return self.rule.calibration

    @property
    def threshold(self) -> float:
        """The probability from which the second of two labels is predicted."""
        return self.rule.threshold

    def with_rule(self, **changes: Any) -> Predictor:
        """Return the same model with parts of its `rule` changed."""
        return replace(self, rule=self.rule.replace(**changes))

    @property
    def steps(self) -> Any:
        """The fitted text steps as a scikit-learn ``Pipeline``, or None for a scorer that reads bare texts.

        Raises:
            MissingDependencyError: scikit-learn is not installed.
        """
        return text_input_of(self.inputs).pipeline

    @property
    def max_tokens(self) -> int | None:
        """The longest text in tokens; None for no limit."""
        return text_input_of(self.inputs).max_tokens

    @property
    def clip(self) -> Clip:
        """What of a longer text is kept."""
        return text_input_of(self.inputs).clip

    @property
    def text(self) -> str:
        """The name of the text column, or of several that are read as one text, in one string (``"title,body"``)."""
        return text_input_of(self.inputs).column

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the tabular columns that are read."""
        found = column_input_of(self.inputs)
        return () if found is None else found.names

    @property
    def head_columns(self) -> tuple[str, ...]:
        """Those of `columns` that a head reads as they are, and not the network."""
        found = column_input_of(self.inputs)
        return () if found is None or found.fields else found.names

    @property
    def network_columns(self) -> tuple[str, ...]:
        """Those of `columns` that the network reads, next to what else it reads."""
        return () if self.head_columns else self.columns

    def columns_with(self, named: Sequence[str]) -> tuple[str, ...]:
        """Return the columns that rows have to hold for a transfer: those named, and what the network reads next to other rows."""
        return tuple(dict.fromkeys((*named, *(() if self.reads_kind == "columns" else self.network_columns))))

    @property
    def network(self) -> HeldNetwork:
        """The network inside, and what runs it.

        Raises:
            DataError: if there is none.
        """
        if self.scorer.network is not None:
            return self.scorer.network
        raise DataError(
            f"this model is of kind {self.scorer.kind!r} and holds no network, so it has no layers; "
            "use a model trained with a network as the base."
        )

    @property
    def reads_kind(self) -> str:
        """What rows it reads: ``"text"``, ``"series"``, ``"image"`` or ``"columns"``."""
        return kind_of(self.inputs)

    @property
    def row_columns(self) -> str | OtherColumns:
        """Where what its rows are stands in a table: the column of texts, or columns of another kind."""
        kind = self.reads_kind
        return self.text if kind == "text" else OtherColumns(kind, list(self.inputs[kind].names))

    @property
    def net(self) -> Any:
        """The network inside as a torch module, a `headstart.layers.Network`.

        Raises:
            DataError: if there is none.
            MissingDependencyError: torch is not installed.
        """
        return self.network.net

    @property
    def encoder(self) -> ColumnEncoder | None:
        """What reads the tabular columns; None where none are read."""
        found = column_input_of(self.inputs)
        if found is not None and found.encoder is not None:
            return found.encoder
        return None if self.scorer.head is None else self.scorer.head.encoder

    def with_text(self, **options: Any) -> Predictor:
        """Return the same model with other options of its `TextInput`."""
        return replace(self, inputs={**self.inputs, "text": replace(text_input_of(self.inputs), **options)})

    def reading(self, corpus: Corpus) -> Predictor:
        """Return the same model, which finds what its rows are where this corpus has it."""
        kind = self.reads_kind
        if kind in ("text", "columns") or not corpus.reads:
            return self
        found: Any = self.inputs[kind]
        moved = type(found).from_config({**found.config(), "column": corpus.reads[0]})
        return replace(self, inputs={**self.inputs, kind: moved})

    def with_columns(self, names: Sequence[str]) -> Predictor:
        """Return the same model, which reads these columns."""
        others = {name: one for name, one in self.inputs.items() if name != "columns"}
        return replace(self, inputs={**others, "columns": ColumnInput(tuple(names))} if names else others)

    def with_card(self, **card: Any) -> Predictor:
        """Return the same model with a card: ``description``, ``tags``, ``licence`` and ``intended_use``, each optional.

        Raises:
            OptionError: a part that no card has, or one that is no text.
        """
        return self.with_facts(card=checked_card(card))

    def with_facts(self, **facts: Unpack[Provenance]) -> Predictor:
        """Return the same model with more facts in `info`."""
        return replace(self, info={**self.info, **facts})

    def check_reads(self, corpus: Corpus) -> None:
        """Refuse rows of another kind than it reads.

        Raises:
            DataError: says which kind is which.
        """
        if corpus.input != self.reads_kind:
            raise DataError(
                f"this model reads {_ROWS.get(self.reads_kind, self.reads_kind)}, and these are {_ROWS.get(corpus.input, corpus.input)}; "
                "name the columns that hold what it reads, or use another model."
            )

    def rows(self, corpus: Corpus) -> Rows:
        """Return the corpus as this predictor reads it.

        Raises:
            DataError: rows of another kind, or a column that is not there.
        """
        self.check_reads(corpus)
        columns = column_input_of(self.inputs)
        of_head = columns is not None and not columns.fields
        return Rows(corpus, self.inputs, columns.select(corpus) if columns is not None and of_head else None)

    def score(self, corpus: Corpus, *, device: object = "cpu") -> Scores:
        """Score every row, in order.

        Raises:
            ArtifactError: if the model gives a row no finite number.
            DataError: if the rows lack a column that it reads.
        """
        if str(device) not in _ANYWHERE:
            device = learning_half(ENGINES["torch"], f"Computing on {device}").resolve_device(device)
        n_outputs = 1 if self.task is None else self.task.n_outputs
        logits: list[Doubles] = [np.zeros(0 if n_outputs == 1 else (0, n_outputs))]
        totals: Json = {}
        for rows in self._chunks(self.rows(corpus)):
            with np.errstate(over="ignore", invalid="ignore"):  # looked for right below
                found = self.scorer.logits(rows, device)
            check_finite(found, rows, what=self.scorer.end, network=self.scorer.network, device=device)
            logits.append(found)
            add_counts(totals, rows.counts)
        all_logits = np.concatenate(logits)
        return Scores(all_logits, self.probabilities(all_logits), with_rate({"n": len(corpus), **totals}))

    def decisions(self, logits: Doubles) -> Doubles:
        """Return scores [rows] that are 0 or more where the second label is predicted: calibrated, less the threshold."""
        least = min(max(self.threshold, 1e-300), 1 - 1e-16)
        return np.asarray(self.rule.calibrated(logits) - np.log(least / (1 - least)))

    def probabilities(self, logits: Doubles) -> Doubles:
        """Return the calibrated probabilities (or numbers) for logits; see `Scores` for shapes.

        Raises:
            ArtifactError: if the rule's numbers are so large that a probability is none.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # looked for right below
            found = self.answers.probabilities(logits, self.rule)
        if not np.isfinite(found).all():
            raise ArtifactError(
                "this model's rule makes no finite number of its logits: its numbers overflow. Copy the model again, or "
                "train it anew."
            )
        return found

    def decide(self, probabilities: Doubles) -> Array:
        """Return decisions as targets are given: class codes [rows], 0 and 1 [rows, labels], or numbers [rows]."""
        return self.answers.decide(probabilities, self.rule)

    def names(self, probabilities: Doubles) -> Array:
        """Return what is predicted of each row as the user calls it: a label, a list of labels, or a number; None where the
        rule abstains.
        """
        return self.answers.predicted(probabilities, self.rule)

    def _chunks(self, rows: Rows) -> Iterator[Rows]:
        # Tokenising and scoring in pieces keeps memory flat; the pieces are long enough to sort by length in.
        size = chunk_rows(self.inputs, _CHUNK_ROWS)
        for start in range(0, len(rows), size):
            piece = replace(rows, corpus=rows.corpus.slice(start, size))
            if rows.table is not None and self.encoder is not None:
                table, counts = self.encoder.impose(rows.table.slice(start, size))
                piece = replace(piece, table=table, column_counts=counts)
            yield piece

    def to_parts(self) -> Parts:
        """Return the predictor as it is stored."""
        words: Any = None
        tensors, blobs = self.scorer.arrays(), self.scorer.blobs()
        steps = None
        text = text_input_of(self.inputs)
        if text.steps is not None:
            steps = text.spec()
            pieces, known = text.pieces, text.words
            if pieces is not None:
                blobs[TOKENIZER] = pieces.rules.encode()
            elif known is not None:
                words, tensors["vocabulary"] = known.vocabulary, {"counts": known.counts}
        elif isinstance(self.scorer, TextScorer):
            words = list(self.scorer.head.ngrams)
        encoder = self.inputs.get("encoder")
        if isinstance(encoder, EncoderInput) and encoder.text.pieces is not None:
            tensors["encoder"], blobs[ENCODER_TOKENIZER] = (
                dict(encoder.network.weights),
                encoder.text.pieces.rules.encode(),
            )
        if self.learnt_from is not None:
            tensors["training"] = {"text_hashes": self.learnt_from.values}
        model: Json = {
            "kind": self.scorer.kind,
            "labels": list(self.label_names),
            "text": {"column": self.text, "steps": steps, "max_tokens": self.max_tokens, "clip": self.clip},
            "scorer": self.scorer.config(),
            "columns": list(self.columns),
            "rule": self.rule.to_json(),
            "info": self.info,
            "estimator": self.estimator,
        }
        if self.task is not None:
            model["task"] = {name: value for name, value in self.task.to_json().items() if name != "names"}
        if others := written_inputs(self.inputs):
            model["inputs"] = others
        return Parts(model=model, tensors=tensors, words=words, blobs=blobs, run=self.run)

    def digest(self) -> str:
        """Return a SHA-256 of all that decides its answers, in hex; how it came to be does not count."""
        return self.to_parts().digest(but=("info", "estimator", "training"))

    @classmethod
    def load(
        cls, path: str | Path, *, net: object = None, trust_patterns: bool = False, engine: str = AUTO
    ) -> Predictor:
        """Return the predictor in a model's folder; see `from_parts`."""
        return cls.from_parts(read(path), net=net, trust_patterns=trust_patterns, engine=engine)

    @classmethod
    def from_parts(
        cls, parts: Parts, *, net: object = None, trust_patterns: bool = False, engine: str = AUTO
    ) -> Predictor:
        """Build the predictor again.

        Args:
            parts: what `to_parts` gave.
            net: the network, where it is a module of the user's own.
            trust_patterns: use any regular expression that cuts the texts, and not only such as cannot run for ever.
            engine: what runs its network: a name from `headstart.engines.ENGINES`, or ``"auto"``.

        Raises:
            ArtifactError: if the parts do not fit one another.
            OptionError: the engine cannot run this network.
        """
        check_engine(engine)
        try:
            model, stored = decoded_model(parts.model)
            check_model(model)
            steps = None
            if model.text.steps is not None:
                steps = load_steps(model.text.steps, parts, trust_patterns)
            scorer = load_scorer(model.kind, stored, parts, net, engine)
            check_pieces(steps, scorer.spec)
            predictor = cls(
                scorer=scorer,
                task=load_task(model),
                inputs=load_inputs(model, steps, load_encoder(model, stored, parts, trust_patterns, engine)),
                rule=model.rule,
                info=cast(Provenance, dict(model.info)),
                run=dict(parts.run),
                estimator=load_arguments(model.estimator, trust_patterns),
                learnt_from=load_hashes(parts.tensors.get("training")),
            )
            check_columns(predictor.columns, predictor.encoder)
            if predictor.task is not None:
                check_answers(predictor.task, model.rule, scorer.n_outputs)
            return predictor
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, ArtifactError | CannotRunError):
                raise
            raise ArtifactError(
                f"this model's parts do not fit one another ({type(error).__name__}: {error}); copy the model again or train it anew."
            ) from error


def words_of(predictor: Predictor) -> Words | None:
    """Return a model's words, with their counts.

    None for a model that cuts words into pieces (see `TextInput.pieces`), and for one that reads bare texts.
    """
    return text_input_of(predictor.inputs).words
