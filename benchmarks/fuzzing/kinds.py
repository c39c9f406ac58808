"""What is damaged: sound folders, ways to damage them, and a use that tells whether the damage was met rightly."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fuzzing.mutations import (
    inflate_sizes,
    mutate_array,
    mutate_bytes,
    mutate_document,
    mutate_graph,
    mutate_json,
    mutate_safetensors,
)

Files = dict[str, bytes]
Rng = random.Random
TESTS = Path(__file__).resolve().parents[2] / "tests"
MANIFEST, RUN = "headstart.json", "run.json"
TEXTS = ["a good hotel with a nice view", "", "awful, rude staff!"]


class Found(Exception):
    """A result that should not be."""

    def __init__(self, what: str, detail: str = "") -> None:
        super().__init__(what)
        self.detail = detail


class Kind:
    """One kind of thing that is read.

    Attributes:
        seconds: of processor time that a case may take.
        memory: bytes that a case may take beyond four times its files.
        bases: the sound folders by name: file name -> bytes.
    """

    name = ""
    seconds, memory = 1.0, 64 * 2**20

    def __init__(self, folder: Path) -> None:
        self.bases: dict[str, Files] = {
            base.name: {
                str(path.relative_to(base)): path.read_bytes() for path in sorted(base.rglob("*")) if path.is_file()
            }
            for base in sorted(folder.iterdir())
        }
        self.names = list(self.bases)

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """Write the sound folders below `folder`."""
        raise NotImplementedError

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        """Return what was done, and the changed files: here a file's bytes, or a file lost or in another's place."""
        name, changed = rng.choice(sorted(files)), dict(files)
        match rng.randrange(12):
            case 0:
                del changed[name]
                return "lost", changed
            case 1:
                other = rng.choice(sorted(files))
                changed[name], changed[other] = changed[other], changed[name]
                return "swapped", changed
        changed[name] = mutate_bytes(files[name], rng, list(files.values()))
        return "bytes", changed

    def use(self, name: str, folder: Path) -> str:
        """Use the folder made of the base `name`; return an outcome, or raise what the package raises, or `Found`."""
        raise NotImplementedError

    def is_unnoticed(self, damage: str, outcome: str) -> bool:
        """Tell whether that damage should not have led to that outcome."""
        return False


def finite(values: Any) -> None:
    """Raise `Found` unless all values are numbers."""
    if not np.isfinite(values).all():
        raise Found("no number", str(values)[:500])


def hf_makers() -> Any:
    """The makers of small folders that the tests use."""
    spec = importlib.util.spec_from_file_location("hf_folders", TESTS / "foreign" / "hf" / "conftest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_encoders(folder: Path) -> None:
    """A BERT with what sentence-transformers adds, a RoBERTa, and static vectors with the rules that model2vec writes."""
    from safetensors.numpy import save_file as save
    from safetensors.torch import save_file

    makers = hf_makers()
    sentence = {
        "modules.json": [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))],
        "1_Pooling/config.json": {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": 16, "do_lower_case": True},
        "tokenizer_config.json": {"model_max_length": 20},
    }  # fmt: skip
    for name, more in (("bert", sentence), ("roberta", {})):
        (folder / name).mkdir(parents=True)
        save_file(makers.weights_of(name), folder / name / "model.safetensors")
        makers.write_files(
            folder / name, {"config.json": makers.config_of(name), "tokenizer.json": makers.word_pieces(), **more}
        )
    rules = makers.word_pieces(framed=False)
    steps = [{"type": "Replace", "pattern": {"String": sign}, "content": f" {sign} "} for sign in "!,."]
    steps += [{"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Prepend", "prepend": " "}]
    rules["normalizer"] = {"type": "Sequence", "normalizers": [rules["normalizer"], *steps]}
    rng = np.random.default_rng(0)
    (folder / "static").mkdir()
    drawn = {"embeddings": rng.normal(0, 1, (9, 6)).astype("f4"), "weights": np.ones(len(makers.WORDS), "f4"), "mapping": rng.integers(0, 9, len(makers.WORDS))}  # fmt: skip
    save(drawn, folder / "static" / "model.safetensors")
    makers.write_files(
        folder / "static", {"config.json": {"model_type": "model2vec", "normalize": True}, "tokenizer.json": rules}
    )


def tokenizers_in_this_process() -> None:
    """Try out tokenizers here, where a case has no process of its own: what panics is an error of ours there, too."""
    import headstart.artifact.tokenizer_file as module

    if os.environ.get("FUZZ_ALONE"):
        return
    module.rewritten_in_child = lambda rewrite, blob, **_: rewrite(blob)


class Models(Kind):
    """Stored models of every kind; digests wrong, or made right so that what lies behind them is reached."""

    name = "models"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        tokenizers_in_this_process()

    @classmethod
    def prepare(cls, folder: Path) -> None:
        for path in (TESTS / "data" / "artifacts").glob("v*-*/"):
            shutil.copytree(path, folder / path.name)

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        if rng.random() < 0.4:
            damage, changed = super().damage(files, rng)
            return f"{damage}, digests wrong", changed
        what = rng.choice(("bytes", "document", "sizes", "model", "model", "tensors", "words", "run"))
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
        else:
            target = (
                body if what == "document" else rng.choice((model["scorer"], model["scorer"], model["text"], model))
            )
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
        import pyarrow as pa

        import headstart as hs

        predictor = hs.load(folder).predictor_
        columns = {
            column: ([3.0, 1.0, None] if "star" in column else ["phone", "pc", None]) for column in predictor.columns
        }
        corpus = hs.read(pa.table({"text": TEXTS, **columns}), text="text", columns=predictor.columns)
        if predictor.label_names:
            finite(predictor.score(corpus).probabilities)
        else:
            from headstart.features import layer_outputs

            for outputs in layer_outputs(predictor, corpus, ("pooled",), cache="off"):
                finite(outputs["pooled"])
        return "used"

    def is_unnoticed(self, damage: str, outcome: str) -> bool:
        return damage.endswith("digests wrong") and not outcome.startswith(("refused", "FOUND"))


class Arguments(Models):
    """Every field of a model's stored arguments, and every value that it may be given."""

    name = "arguments"

    @classmethod
    def prepare(cls, folder: Path) -> None:
        for kind in ("gru", "tfidf", "linear"):
            shutil.copytree(TESTS / "data" / "artifacts" / f"v1-{kind}", folder / kind)

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        from fuzzing.mutations import VALUES
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
        if places or any(given[key] != own[key] for key in READERS_OWN):
            raise Found("a model that decides for its reader", str(given))
        return super().use(name, folder)


class Encoders(Kind):
    """Folders of transformers, sentence-transformers and model2vec."""

    name = "encoders"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        tokenizers_in_this_process()

    @classmethod
    def prepare(cls, folder: Path) -> None:
        write_encoders(folder)

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        name = rng.choice(["tokenizer.json", *sorted(files)])
        if rng.random() < 0.2:
            return super().damage(files, rng)
        try:
            if name.endswith(".json"):
                return f"document {name}", {**files, name: mutate_document(files[name], rng)}
            return "tensors", {**files, name: mutate_safetensors(files[name], rng)}
        except (ValueError, TypeError, OverflowError, RecursionError, UnicodeError):
            return "unwritable", files

    def use(self, name: str, folder: Path) -> str:
        import headstart as hs
        from headstart.features import layer_outputs

        model = (hs.import_model2vec if name == "static" else hs.import_hf)(folder)
        corpus = hs.read({"text": TEXTS})
        for outputs in layer_outputs(model, corpus, ("pooled",), cache="off"):
            finite(outputs["pooled"])
        return "used"


class MXNet(Kind):
    """Graphs and parameters that MXNet exported."""

    name = "mxnet"
    nets = ("tiny", "tiny_lstm", "tiny_gru2", "tiny_conv", "zoo_textcnn", "zoo_attention", "zoo_stacked")
    arrays = ("nd_dict", "nd_list", "nd_npshape", "nd_sparse", "nd_v1", "nd_v0", "nd_single", "nd_empty")

    @classmethod
    def prepare(cls, folder: Path) -> None:
        data = TESTS / "data" / "mxnet"
        for name in (*cls.nets, *cls.arrays):
            (folder / name).mkdir(parents=True)
            ends = ("-0000.params", "-symbol.json", ".gluon.params") if name in cls.nets else (".params",)
            for end in ends:
                shutil.copy(data / f"{name}{end}", folder / name / f"net{end}")

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        from headstart.nets.mxnet.operators import OPERATORS

        name = rng.choice(sorted(files))
        if name.endswith(".json") and rng.random() < 0.7:
            with contextlib.suppress(KeyError, TypeError, AttributeError, ValueError, IndexError):
                return "graph", {**files, name: mutate_graph(files[name], rng, sorted(OPERATORS))}
        return f"bytes {name}", {**files, name: mutate_bytes(files[name], rng, list(files.values()))}

    def use(self, name: str, folder: Path) -> str:
        import torch

        from headstart.batches import Batch
        from headstart.foreign.mxnet import MXNetGraph, read_params, read_symbol

        n_bytes = 0
        for path in sorted(folder.glob("*.params")):
            found = read_params(path)
            n_bytes += sum(array.nbytes for array in (found.values() if isinstance(found, dict) else found))
        if n_bytes > 16 * sum(path.stat().st_size for path in folder.iterdir()):
            raise Found("more numbers than the file holds", f"{n_bytes:,} bytes")
        if not (folder / "net-symbol.json").exists():
            return "read"
        arrays = read_params(folder / "net-0000.params")
        if not isinstance(arrays, dict):
            return "read"
        tensors = {key.split(":")[-1]: torch.from_numpy(array).clone() for key, array in arrays.items()}
        graph = MXNetGraph(read_symbol(folder / "net-symbol.json"), tensors)
        batch = Batch(ids=torch.tensor([[5, 2, 9, 0], [7, 1, 3, 4]]), lengths=torch.tensor([3, 4]))
        with torch.no_grad():
            logits = graph.eval()(batch)
        if logits.shape != (2, graph.n_outputs) or logits.dtype != torch.float32:
            raise Found("another shape", f"{logits.dtype} {tuple(logits.shape)}")
        return "used"


class Tables(Kind):
    """Files of rows in every format, some columns kept."""

    name = "tables"

    @classmethod
    def prepare(cls, folder: Path) -> None:
        import gzip

        import pyarrow as pa
        import pyarrow.csv
        import pyarrow.parquet

        rng = np.random.default_rng(0)
        n = 40
        texts = [
            " ".join(rng.choice(["hotel", "good", "bad", "schön", "中文", 'a "quote"', "a,b"], 5)) for _ in range(n)
        ]
        table = pa.table({
            "text": texts, "label": rng.choice(["pos", "neg"], n), "price": rng.normal(0, 9, n), "n": rng.integers(0, 9, n),
            "version": rng.choice(["1.10", "1.1", "x"], n), "when": rng.integers(0, 10**9, n).astype("datetime64[s]"),
            "yes": rng.random(n) < 0.5,
        })  # fmt: skip
        views = table.set_column(0, "text", pa.chunked_array([pa.array(texts, pa.string_view())]))
        views = views.set_column(1, "label", table["label"].dictionary_encode())
        nested = table.append_column("tags", pa.array([[i, None] for i in range(n)]))
        lines = "".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in table.to_pylist()).encode()
        sink = io.BytesIO()
        pyarrow.csv.write_csv(table, sink)
        raw: Files = {"csv": sink.getvalue(), "tsv": sink.getvalue().replace(b",", b"\t"), "jsonl": lines}
        raw["csv.gz"] = gzip.compress(raw["csv"])
        for ending, kind, rows in (
            ("arrow", pa.ipc.new_file, views),
            ("feather", pa.ipc.new_file, table),
            ("arrows", pa.ipc.new_stream, nested),
        ):
            sink = io.BytesIO()
            with kind(sink, rows.schema) as writer:
                writer.write_table(rows)
            raw[ending] = sink.getvalue()
        for ending, rows in (("parquet", table), ("nested.parquet", nested)):
            sink = io.BytesIO()
            pyarrow.parquet.write_table(rows, sink)
            raw[ending] = sink.getvalue()
        for ending, content in raw.items():
            (folder / ending).mkdir(parents=True)
            (folder / ending / f"rows.{ending}").write_bytes(content)

    def damage(self, files: Files, rng: Rng) -> tuple[str, Files]:
        ((name, raw),) = files.items()
        return name, {name: mutate_bytes(raw, rng, [raw])}

    def use(self, name: str, folder: Path) -> str:
        import headstart as hs
        from headstart.bulk import predict_file

        self.model = getattr(self, "model", None) or hs.load(TESTS / "data" / "artifacts" / "v1-gru").predictor_
        self.turn = getattr(self, "turn", 0) + 1
        out = folder.with_name("scored" + (".jsonl", ".csv", ".parquet")[self.turn % 3])
        keep = ("label", "price", "n", "version", "when", "yes")
        counts = predict_file(self.model, str(next(folder.iterdir())), out, keep=keep)
        written = out.read_bytes()
        out.unlink()
        if out.suffix == ".jsonl":
            rows = [json.loads(line, parse_constant=lambda name: 1 / 0) for line in written.splitlines()]
            if len(rows) != counts["n"]:
                raise Found("another number of rows", f"{len(rows)} and {counts['n']}")
        return "all rows" if counts["n"] == 40 else "fewer rows"


class Checkpoints(Kind):
    """A training run that was killed: goes on to the weights that it would have had, or begins anew."""

    name = "checkpoints"
    seconds = 3.0

    @classmethod
    def prepare(cls, folder: Path) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            cls._train(folder / "killed", stop_at=9)
        if not list((folder / "killed").iterdir()):
            raise SystemExit("the killed run left no checkpoint")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.expected = self._train(None)

    @staticmethod
    def _train(checkpoint: Path | None, stop_at: int | None = None) -> dict[str, Any]:
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

        options: dict[str, Any] = {"checkpoint": checkpoint, "checkpoint_seconds": 0.0}
        Trainer(net, phases=3, batch_size=10, device="cpu", events=[event], **options).fit(examples, examples)
        return {key: value.numpy().copy() for key, value in net.state_dict().items()}

    def use(self, name: str, folder: Path) -> str:
        found = self._train(folder)
        if any(not np.array_equal(found[key], value) for key, value in self.expected.items()):
            raise Found("another model")
        return "the same model"


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


class Inspect(Models):
    """What `inspect` and `layers` print of a damaged model: a sentence, or lines without a control character."""

    name = "inspect"
    seconds = 2.0

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


KINDS: dict[str, Callable[[Path], Kind] | Any] = {
    kind.name: kind for kind in (Models, Arguments, Inspect, Encoders, MXNet, Tables, Checkpoints, Comparisons, Cache)
}
