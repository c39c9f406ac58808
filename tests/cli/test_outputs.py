"""Nothing of the user's is overwritten or deleted, and a place is looked at before any work is done."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import headstart as hs
from headstart.errors import ArtifactError, OptionError
from headstart.outputs import locked
from headstart.predictor import Predictor

SMALL = ("--net", "gru", "--epochs", "1", "--set", "embedding_size=4", "--set", "hidden_size=4", "--set", "dense=[4]")
TRAIN = ("train", "reviews.csv", *SMALL)
TRANSFER = ("transfer", "base", "hotel.csv", "--strategy", "features")
COMPARE = (
    "compare",
    "base",
    "hotel.csv",
    "--budgets",
    "40",
    "--seeds",
    "1",
    "--candidates",
    "as-is,tfidf",
    "--jobs",
    "1",
)
MAP = ("map", "base", "--data", "hotel.csv", "--iterations", "30")


@pytest.fixture
def work(files: Path, base_folder: Path) -> Path:
    """The current folder: two files of rows, a folder of rows, a model called base, a note."""
    shutil.copytree(base_folder, files / "base")
    (files / "rows").mkdir()
    shutil.copy("hotel.csv", files / "rows" / "hotel.csv")
    (files / "note.txt").write_text("mine")
    return files


def state(folder: Path) -> dict[str, str]:
    """Everything in a folder, and what it holds."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if a model is loaded or trained: the place is to be looked at first."""

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("work was done before the place was looked at")

    monkeypatch.setattr("headstart.cli.transfer.load", never)
    monkeypatch.setattr(Predictor, "load", never)
    monkeypatch.setattr(hs.TextClassifier, "fit", never)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        # the case out-is-input, for every command that writes
        (("predict", "base", "hotel.csv", "--out", "hotel.csv"), "which is what is read"),
        (("predict", "base", "hotel.csv", "--out", "./rows/../hotel.csv"), "which is what is read"),
        (("predict", "base", "rows", "--out", "rows/scored.csv"), "which lies in what is read"),
        (("predict", "base", "rows/*.csv", "--out", "rows/scored.csv"), "which would be one of what is read"),
        (("predict", "base", "hotel.csv", "--out", "base/scored.csv"), "which lies in what is read"),
        (("predict", "base", "hotel.csv", "--out", "base/run.json"), "which lies in what is read"),
        (("embed", "base", "hotel.csv", "--out", "base/v.parquet"), "which lies in what is read"),
        (("embed", "base", "rows", "--out", "rows/v.parquet"), "which lies in what is read"),
        ((*MAP, "--out", "base/map.html"), "which lies in what is read"),
        ((*TRAIN, "--out", "rows", "--valid", "rows/hotel.csv"), "is not empty and holds no model"),
        ((*TRAIN, "--out", "m", "--report", "reviews.csv"), "--report is 'reviews.csv', which is what is read"),
        ((*TRAIN, "--out", "m", "--report", "hotel.csv", "--test", "hotel.csv"), "which is what is read"),
        ((*TRAIN, "--out", "m", "--report", "hotel.csv", "--unlabelled", "hotel.csv"), "which is what is read"),
        ((*TRAIN, "--out", "m", "--report", "o.toml", "--config", "o.toml"), "which is what is read"),
        ((*TRAIN, "--out", "m", "--report", "m/page.html"), "which lies in the model of --out"),
        ((*TRAIN, "--out", "m", "--report", "m"), "which lies in the model of --out"),
        ((*TRANSFER, "--out", "base"), "'base', which is what is read"),
        ((*TRANSFER, "--out", "base", "--force"), "'base', which is what is read"),
        ((*TRANSFER, "--out", "base/tuned"), "which lies in what is read"),
        ((*TRANSFER, "--out", "m", "--report", "base/page.html"), "which lies in what is read"),
        ((*COMPARE, "--out", "base"), "which lies in what is read"),
        (("compare", "base", "rows", "--out", "rows"), "which lies in what is read"),
        (("compare", "c/model", "hotel.csv", "--out", "c"), "model', which is what is read"),
        (("import", "hf", "base", "--out", "base"), "which is what is read"),
        (("import", "model2vec", "base", "--out", "base/m"), "which lies in what is read"),
        # places where nothing can stand
        (("predict", "base", "hotel.csv", "--out", "rows"), "a folder; name a file in it"),
        (("predict", "base", "hotel.csv", "--out", "link.csv"), "a link to 'note.txt'"),
        (("predict", "base", "hotel.csv", "--out", "/proc/x.csv"), "'/proc/x.csv' cannot be written"),
        (("predict", "base", "hotel.csv", "--out", "no/x.csv"), "the folder 'no' for --out x.csv does not exist"),
        (("predict", "base", "hotel.csv", "--out", "x" * 300 + ".csv"), "File name too long"),
        (("embed", "base", "hotel.csv", "--out", "/proc/x.parquet"), "cannot be written"),
        ((*MAP, "--out", "no/map.html"), "the folder 'no' for --out map.html does not exist"),
        ((*TRAIN, "--out", "note.txt"), "note.txt' is a file, and a model is a folder"),
        ((*TRAIN, "--out", "note.txt/m"), "note.txt' is a file"),
        ((*TRAIN, "--out", "/proc/m"), "cannot be written"),
        ((*TRAIN, "--out", "rows"), "is not empty and holds no model"),
        ((*TRAIN, "--out", "m", "--report", "rows"), "--report is 'rows', a folder"),
        ((*TRANSFER, "--out", "/proc/m"), "cannot be written"),
        ((*COMPARE, "--out", "note.txt"), "'note.txt', a file"),
        ((*COMPARE, "--out", "/proc/c"), "cannot be written"),
        (("import", "hf", "rows", "--out", "note.txt"), "note.txt' is a file"),
        (("demo", "--out", "note.txt"), "'note.txt', a file"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_refused_before_any_work(
    cli: Any, work: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], sentence: str
) -> None:
    (work / "link.csv").symlink_to("note.txt")
    (work / "o.toml").write_text("seed = 1\n")
    if "c/model" in command:
        shutil.copytree("base", "c/model")
    no_work(monkeypatch)
    before = state(work)
    ended = cli(*command)
    assert (ended.code, ended.out) == (2, ""), ended
    assert re.search(re.escape(sentence), ended.err), ended.err
    assert "Traceback" not in ended.err
    assert state(work) == before


def test_a_result_that_is_no_input_is_replaced(cli: Any, work: Path) -> None:
    for name in ("scored.csv", "note.txt"):
        shutil.copy("note.txt", "old.csv")
        ended = cli("predict", "base", "hotel.csv", "--out", "old.csv")
        assert ended.code == 0, (name, ended)
    assert (work / "old.csv").read_text().startswith('"prediction"')


class TestAnotherModelIsNotReplaced:
    @pytest.mark.parametrize("command", [TRAIN, ("transfer", "other", "hotel.csv", "--strategy", "features")])
    def test_without_force(self, cli: Any, work: Path, command: tuple[str, ...]) -> None:
        shutil.copytree("base", "other")
        content = hs.load("base").save(work / "again")
        (work / "old").symlink_to("again")
        before = state(work)
        for place in ("again", "old"):
            ended = cli(*command, "--out", place)
            assert ended.code == 2
            assert (
                f"again' holds another model (labels: 0, 1; content {content[:12]}), and it is not replaced"
                in ended.err
            )
            assert "--force" in ended.err
        assert state(work) == before
        assert cli(*command, "--out", "again", "--force").code == 0
        assert hs.load("again").strategy != hs.load("base").strategy or command[0] == "train"

    def test_the_finished_run_of_the_same_data_options_and_seed_is(self, cli: Any, work: Path) -> None:
        content = [cli(*TRAIN, "--out", "m", "--json").json["content_hash"] for _ in range(2)]
        assert content[0] == content[1]
        for more in (("--seed", "1"), ("--set", "batch_size=8"), ("--where", "device=phone"), ("--test", "hotel.csv")):
            assert cli(*TRAIN, "--out", "m", *more).code == 2, more
        shutil.copy("hotel.csv", "reviews.csv")
        assert cli(*TRAIN, "--out", "m").code == 2
        assert json.loads(Path("m/headstart.json").read_text())["content_hash"] == content[0]

    def test_a_transfer_of_another_base_is_another_run(self, cli: Any, work: Path) -> None:
        assert cli(*TRANSFER, "--out", "m").code == 0
        assert cli(*TRANSFER, "--out", "m").code == 0
        shutil.rmtree("base")
        assert cli(*TRAIN, "--out", "base").code == 0
        assert cli(*TRANSFER, "--out", "m").code == 2

    def test_from_python_never_over_ones_own_base(self, work: Path) -> None:
        rows = hs.read("hotel.csv", label="label")
        before = state(work)
        for base in ("base", hs.load("base"), hs.load("base").predictor_):
            model = hs.TextClassifier(base=base, strategy="features", valid_fraction=0).fit(rows)
            with pytest.raises(OptionError, match="'base'"):
                model.save("base")
            assert state(work) == before
        model.save("m")
        model.save("m")


class TestForeignFolders:
    def test_a_checkpoint_that_is_none_of_ours(self, cli: Any, work: Path) -> None:
        (work / "m.checkpoint").mkdir()
        (work / "m.checkpoint" / "notes.txt").touch()
        before = state(work)
        ended = cli(*TRAIN, "--out", "m")
        assert ended.code == 2 and "m.checkpoint' is needed as a folder for working" in ended.err
        assert state(work) == before

    @pytest.mark.parametrize("name", ["work", "fitted", "scores", "model"])
    @pytest.mark.parametrize("kind", ["folder", "link", "file"])
    def test_folders_that_compare_would_fill(self, cli: Any, work: Path, name: str, kind: str) -> None:
        (work / "proj").mkdir()
        place = work / "proj" / name
        if kind == "folder":
            place.mkdir()
            (place / "mine.txt").touch()
        elif kind == "link":
            place.symlink_to(work / "rows")
        else:
            place.touch()
        before = state(work)
        ended = cli(*COMPARE, "--out", "proj")
        assert ended.code == 2 and f"{name}' " in ended.err and "give --out another" in ended.err
        assert state(work) == before

    def test_other_things_next_to_a_comparison_stay(self, cli: Any, work: Path) -> None:
        (work / "proj" / "src").mkdir(parents=True)
        (work / "proj" / "src" / "mine.py").touch()
        assert cli(*COMPARE, "--out", "proj").code == 0
        assert {"src", "model", "report.html"} <= {path.name for path in (work / "proj").iterdir()}
        assert not {"work", "fitted"} & {path.name for path in (work / "proj").iterdir()}
        shutil.rmtree("proj/model")
        shutil.copytree("base", "proj/model")
        ended = cli(*COMPARE, "--out", "proj")
        assert ended.code == 2 and "was not written by this comparison" in ended.err
        assert hs.load("proj/model").strategy == hs.load("base").strategy

    def test_compare_from_python_looks_too(self, work: Path) -> None:
        rows = hs.read("rows", label="label", columns=())
        for out in ("rows", "base"):
            with pytest.raises(OptionError, match="lies in what is read"):
                hs.compare("base", rows, out=out)

    def test_import_leaves_what_only_looks_like_a_leftover(self, work: Path) -> None:
        for name in (".m.notes.partial", ".m.0123abcd.partial"):
            (work / name).mkdir()
            (work / name / "mine.txt").touch()
        hs.load("base").save("m")
        assert (work / ".m.notes.partial" / "mine.txt").exists()
        assert (work / ".m.0123abcd.partial" / "mine.txt").exists()


class TestTwoAtOnce:
    def test_compare(self, cli: Any, work: Path) -> None:
        with locked(work / "c", "busy"):
            ended = cli(*COMPARE, "--out", "c")
        assert ended.code == 2 and "another comparison is at work in 'c'; wait until it is done" in ended.err

    def test_train(self, cli: Any, work: Path) -> None:
        with locked(work / "m.checkpoint", "busy"):
            ended = cli(*TRAIN, "--out", "m")
        assert ended.code == 2 and "another process is making 'm'; wait until it is done" in ended.err
        assert not (work / "m").exists()


def test_writing_without_force_takes_the_same_content(work: Path) -> None:
    from headstart.artifact import content_hash, read, write

    parts, other = read("base"), hs.load("base").set_params(device="cpu")
    assert content_hash(parts) == parts.content_hash
    write("base", parts, force=False)
    other.predictor_.info["more"] = 1
    with pytest.raises(ArtifactError, match="holds another model"):
        write("base", other.predictor_.to_parts(), force=False)
