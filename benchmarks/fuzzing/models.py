"""Stored models: every kind and format, their arguments, and what is printed of them."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import typer

from fuzzing.answers import write_models
from fuzzing.kind import TESTS, TEXTS, Files, Found, Kind, Rng, finite
from fuzzing.mutations import VALUES, inflate_sizes, mutate_array, mutate_bytes, mutate_document, mutate_json

__all__ = ["Arguments", "Inspect", "Models", "Natives", "tokenizers_in_this_process"]

MANIFEST, RUN = "headstart.json", "run.json"


def tokenizers_in_this_process(*, yes: bool = True) -> None:
    """Try out tokenizers here, at a thousandth of the cost: what panics in a child is an error of ours here, too."""
    import headstart.artifact.tokenizer_file as module
    from headstart.artifact.probing import rewritten_in_child

    module.rewritten_in_child = (lambda rewrite, blob, **_: rewrite(blob)) if yes else rewritten_in_child


def rows_for(predictor: Any) -> Any:
    """Return three rows of the kind that a model reads, whatever it calls its columns."""
    import pyarrow as pa

    from headstart.corpus import OtherColumns, as_corpus

    cells = {column: ([3.0, 1.0, None] if "star" in column or column == "n" else ["phone", "pc", None])
             for column in predictor.columns}  # fmt: skip
    kind = predictor.reads_kind
    rng = np.random.default_rng(0)
    if kind == "series":
        return as_corpus([rng.normal(size=(2, n)) for n in (9, 20, 1)], text=OtherColumns("series"))
    if kind == "image":
        return as_corpus(rng.integers(0, 255, (3, 6, 6, 3)).astype(np.uint8), text=OtherColumns("image"))
    if kind == "columns":
        return as_corpus(pa.table(cells), text=OtherColumns("columns", list(predictor.columns)))
    return as_corpus(pa.table({"text": TEXTS, **cells}), text="text", columns=tuple(predictor.columns))


def respelt(body: dict[str, Any], rng: Rng) -> tuple[bytes, str]:
    """Return a manifest as another writer may spell it, its keys in another order, and its content hash."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in rng.sample(sorted(value), len(value))}
        return [turned(inner) for inner in value] if isinstance(value, list) else value

    spelt = json.dumps(turned(body), ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 0, 3, "\t")))
    head = '{\n "content_hash": "'
    zeroed = f'{head}{"0" * 64}",{spelt[1:]}'.encode()
    digest = hashlib.sha256(zeroed).hexdigest()
    return zeroed.replace(b"0" * 64, digest.encode(), 1), digest


class Models(Kind):
    """Stored models of every kind; digests wrong, or made right so that what lies behind them is reached."""

    name = "models"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        tokenizers_in_this_process()
        self.answered: dict[str, tuple[str, Any]] = {}  # by base: its digest, and what it says unchanged

    @classmethod
    def prepare(cls, folder: Path) -> None:
        for path in (TESTS / "data" / "artifacts").glob("v*-*/"):
            shutil.copytree(path, folder / path.name)
        write_models(folder)

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        if rng.random() < 0.4:
            damage, changed = super().damage(files, rng)
            return f"{damage}, digests wrong", changed
        what = rng.choice(
            ("bytes", "document", "sizes", "model", "model", "answers", "tensors", "words", "run", "spelling")
        )
        return f"{what}, digests right", self.resealed(what, files, rng)

    def resealed(self, what: str, files: Files, rng: Rng) -> Files:
        """Return the files changed, with right digests."""
        from headstart.artifact import documents
        from headstart.artifact.manifest import run_bytes

        changed, body = dict(files), documents.unseal(files[MANIFEST], "content_hash", Path(MANIFEST))[0]
        model, run = body["model"], json.loads(files[RUN])["run"]
        tensors = [name for name in body["files"] if "tensors" in body["files"][name]]
        blobs = [name for name in body["files"] if name.endswith((".cbm", ".json"))]
        if what == "bytes":
            name = rng.choice(blobs) if blobs and rng.random() < 0.7 else rng.choice(sorted(body["files"]))
            document = name.endswith(".json") and rng.random() < 0.8
            changed[name] = (
                mutate_document(files[name], rng) if document else mutate_bytes(files[name], rng, list(files.values()))
            )
        elif what == "tensors" and tensors:
            name = rng.choice(tensors)
            with contextlib.suppress(ValueError, TypeError, OverflowError):
                changed[name], body["files"][name]["tensors"] = self.retensored(files[name], rng)
        elif what == "words" and "vocabulary.txt" in files:
            words = files["vocabulary.txt"].split(b"\n")[:-1]
            at = rng.randrange(len(words) + 1)
            odd = rng.choice(
                (b"", b"two words", b"\x00\\n\\r\\\\", b"a" * 100_000, b"\x1b[31m", words[0] if words else b"a")
            )
            words = rng.choice((words[:at], words[at:], words * 2, words[::-1], [], [*words[:at], odd, *words[at:]]))
            changed["vocabulary.txt"] = b"".join(word + b"\n" for word in words)
        elif what == "run":
            mutate_json(run, rng)
        elif what == "spelling":
            changed[MANIFEST], content_hash = respelt(body, rng)
            return {**changed, RUN: run_bytes(run, content_hash)}
        else:
            answers = [model[part] for part in ("task", "rule") if part in model]
            parts = (
                answers if what == "answers" and answers else (model["scorer"], model["scorer"], model["text"], model)
            )
            target = body if what == "document" else rng.choice(parts)
            (inflate_sizes if what == "sizes" else mutate_json)(target, rng)
        with contextlib.suppress(AttributeError, TypeError, KeyError):
            for name, entry in body["files"].items():
                if changed.get(name) is not files.get(name):
                    entry.update(bytes=len(changed[name]), sha256=hashlib.sha256(changed[name]).hexdigest())
                    if name == "vocabulary.txt":
                        entry["words"] = changed[name].count(b"\n")
        try:
            changed[MANIFEST], content_hash = documents.seal("content_hash", body)
            changed[RUN] = run_bytes(run, content_hash)
        except (ValueError, UnicodeError):  # what cannot even be written
            return files
        return changed

    @staticmethod
    def retensored(raw: bytes, rng: Rng) -> tuple[bytes, Any]:
        """Return a file of tensors one of which is another, and what the manifest says of them."""
        from safetensors.numpy import load

        from headstart.artifact.manifest import FileEntry
        from headstart.artifact.tensors import entries_of, raw_bytes

        arrays = load(raw)
        name = rng.choice(sorted(arrays))
        array = arrays.pop(name)
        match rng.randrange(10):
            case 0:
                pass
            case 1:
                arrays[name + "x"] = array
            case _:
                arrays[name] = mutate_array(array, rng)
        table = entries_of(arrays, "weights")
        return b"".join(raw_bytes(arrays, table)), FileEntry(0, "", table).to_json()["tensors"]

    def use(self, name: str, folder: Path) -> str:
        import headstart as hs

        predictor = hs.load(folder).predictor_
        corpus = rows_for(predictor)
        if predictor.task is not None:
            self.check_answers(name, predictor, corpus)
        else:
            from headstart.features import layer_outputs

            for outputs in layer_outputs(predictor, corpus, ("pooled",), cache="off"):
                finite(outputs["pooled"])
        return "used"

    def check_answers(self, name: str, predictor: Any, corpus: Any) -> None:
        """Raise `Found` unless all that is predicted is there, and the base's own where the model says that it is the base."""
        probabilities = predictor.score(corpus).probabilities
        finite(probabilities)
        if predictor.task.kind != "regression" and not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise Found("no probability", str(probabilities)[:500])
        columns = predictor.answers.columns(probabilities, predictor.rule)
        if any(len(column) != len(corpus) for column in columns.values()):
            raise Found("other rows predicted", str(columns)[:500])
        for end in ("low", "high"):
            finite(columns.get(end, 0.0))
        digest = predictor.digest()
        known, before = self.answered.setdefault(name, (digest, probabilities))
        if known == digest and not np.array_equal(before, probabilities):
            raise Found("other answers", f"{before}, then {probabilities}"[:500])
        again = type(predictor).from_parts(predictor.to_parts())
        if again.digest() != digest or not np.array_equal(again.score(corpus).probabilities, probabilities):
            raise Found("another model once it is stored again", str(again.to_parts().model)[:500])

    def is_unnoticed(self, damage: str, outcome: str) -> bool:
        if damage.startswith("spelling"):
            return outcome == "refused"  # which should have been read
        return damage.endswith("digests wrong") and not outcome.startswith(("refused", "FOUND"))


class Natives(Models):
    """Stored files of CatBoost and of tokenizers, which the package tries in a process of their own first."""

    name = "natives"
    n_cases = 1000

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        tokenizers_in_this_process(yes=False)
        self.names = [name for name, files in self.bases.items() if {"head.cbm", "tokenizer.json"} & set(files)]

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        return "bytes, digests right", self.resealed("bytes", files, rng)


class Arguments(Models):
    """Every field of a model's stored arguments, and every value that it may be given."""

    name = "arguments"

    @classmethod
    def prepare(cls, folder: Path) -> None:
        for name in ("v1-gru", "v2-gru", "v2-ordinal-tfidf", "v2-linear", "v2-series-minirocket"):
            shutil.copytree(TESTS / "data" / "artifacts" / name, folder / name)

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        from headstart.artifact import documents
        from headstart.artifact.arguments import READERS_OWN, STORED
        from headstart.artifact.manifest import run_bytes

        body = documents.unseal(files[MANIFEST], "content_hash", Path(MANIFEST))[0]
        stored = body["model"]["estimator"]
        name = rng.choice(sorted({*STORED, *READERS_OWN, "trainer_options", "new"}))
        if rng.random() < 0.3:
            inner = stored["trainer_options"] = stored.get("trainer_options") or {}
            name = rng.choice(("checkpoint", "save_epochs", "patience", "device", "learning_rate", "events", "loss"))
            inner[name] = rng.choice(VALUES)
        elif rng.random() < 0.3:
            mutate_json(stored, rng)
        else:
            stored[name] = rng.choice(VALUES)
        try:
            raw, content_hash = documents.seal("content_hash", body)
        except (ValueError, UnicodeError):
            return "unwritable", files
        return name, {**files, MANIFEST: raw, RUN: run_bytes({}, content_hash)}

    def use(self, name: str, folder: Path) -> str:
        from sklearn.base import clone

        import headstart as hs
        from headstart.artifact.arguments import READERS_OWN
        from headstart.estimators import TextClassifier

        model, own = hs.load(folder), TextClassifier().get_params()
        given = clone(model).get_params()
        places = {key for key in (*READERS_OWN, "save_epochs") if key in (given["trainer_options"] or {})}
        if places or any(given[key] != own[key] for key in READERS_OWN if key in given and key in own):
            raise Found("a model that decides for its reader", str(given))
        return super().use(name, folder)


class Inspect(Models):
    """What `inspect` and `layers` print of a damaged model: a sentence, or lines without a control character."""

    name = "inspect"
    seconds = 2.0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        typer.main.get_command = functools.cache(typer.main.get_command)  # building all commands is most of a case

    def use(self, name: str, folder: Path) -> str:
        from headstart.cli.app import run
        from headstart.printing import has_controls

        outcome = "told"
        for command in (["inspect"], ["inspect", "--json"], ["layers"]):
            out, told = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
                code = run([*command, str(folder)])
            said = out.getvalue() + told.getvalue()
            if code not in (0, 2) or "Traceback" in said:
                raise Found(f"exit code {code} of {command[0]}", said)
            if any(map(has_controls, said.split("\n"))):
                raise Found("control characters", repr(said))
            if command[-1] == "--json" and len(out.getvalue().splitlines()) != 1:
                raise Found("no single object", said)
            outcome = "refused" if code and command[0] == "inspect" else outcome
        return outcome

    def is_unnoticed(self, damage: str, outcome: str) -> bool:
        return False  # `inspect` looks at sizes, not at bytes: it says so
