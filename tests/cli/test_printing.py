"""What comes from outside is shown and never obeyed: labels, columns, words, file names and the words of errors."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from headstart.artifact import Parts, write
from headstart.cli import console
from headstart.errors import ArtifactError, DataError, MissingDependencyError
from headstart.printing import has_controls, printable

HOSTILE = "x\x1b[31m\x9b2J\x07\x7f\r\nforged: line\u202eevil\u2066\u2028[red]\x00\ud83d"
LABEL = HOSTILE.replace("\x00", "").replace("\ud83d", "")  # what a CSV file can hold


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [red] text, 😀 and עברית", "plain [red] text, 😀 and עברית"),
        ("👩\u200d👧", "👩\u200d👧"),  # one picture, joined by a character that no terminal obeys
        ("a\x1b[31m\n\t\x00\x7f", r"a\x1b[31m\n\t\x00\x7f"),
        ("\x85\x9b\u2028\u2029", r"\x85\x9b\u2028\u2029"),
        ("\u061c\u200e\u200f\u202a\u202e\u2066\u2069", r"\u061c\u200e\u200f\u202a\u202e\u2066\u2069"),
        ("half \ud83d", r"half \ud83d"),
        ("\\n", "\\n"),
    ],
)
def test_controls_become_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown
    assert has_controls(text) == (text != shown)


def test_a_line_of_ten_megabytes_loses_its_middle() -> None:
    shown = printable("first " + "x" * 10_000_000 + " last")
    assert len(shown) < 8100 and shown.startswith("first x") and shown.endswith("x last")
    assert "characters left out" in shown and printable(shown) == shown


@pytest.mark.parametrize("error", [DataError, ArtifactError])
def test_errors_are_one_printable_line(error: type[Exception]) -> None:
    assert str(error(f"the label {HOSTILE} is odd")) == f"the label {printable(HOSTILE)} is odd"
    assert str(MissingDependencyError("a\nb", "plots", "A map")).count("\n") == 0


def test_json_holds_all_of_it_in_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    console.emit({"label": HOSTILE}, as_json=True, lines=())
    out = capsys.readouterr().out
    assert json.loads(out) == {"label": HOSTILE}
    assert out[:-1].isprintable() and out.isascii()


def test_tables_are_aligned_as_they_are_shown() -> None:
    lines = console.table([{"na\nme": "a\x1b", "n": 1}, {"na\nme": "b", "n": 2}])
    assert lines == [r"na\nme  n", r"a\x1b   1", "b       2"]


def test_a_console_that_knows_few_characters_or_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        console.note("schön 😀")
    assert (tmp_path / "out").read_text() == "sch\\xf6n \\U0001f600\n"
    monkeypatch.setattr("sys.stderr", None)
    console.note("nobody hears")


def test_warnings_are_lines_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    with console.printed_warnings(), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"the folder {HOSTILE}", RuntimeWarning, stacklevel=1)
    assert capsys.readouterr().err == f"warning: the folder {printable(HOSTILE)}\n"


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory, reviews: Any) -> Path:
    """Texts whose labels, column and file name are hostile."""
    import csv

    folder: Path = tmp_path_factory.mktemp("hostile")
    with (folder / "rev\x1b[31miews.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", LABEL])
        rows = zip(reviews.texts[:60], reviews.labels[:60], reviews.stars[:60], strict=True)
        writer.writerows((text, LABEL if label else "</script>", stars) for text, label, stars in rows)
    return folder


DATA = "rev\x1b[31miews.csv"
COMMANDS = {
    "train": ["train", DATA, "--net", "gru", "--epochs", "1", "--set", "embedding_size=4", "--set", "hidden_size=3", "--set", "dense=[4]", "--out", "m\x1b[0m", "--report", "re\u202eport.html"],
    "inspect": ["inspect", "m\x1b[0m"],
    "layers": ["layers", "m\x1b[0m"],
    "evaluate": ["evaluate", "m\x1b[0m", DATA],
    "predict": ["predict", "m\x1b[0m", DATA, "--keep", LABEL, "--out", "o\x1b[2Jut.csv"],
    "transfer": ["transfer", "m\x1b[0m", DATA, "--strategy", "features", "--columns", LABEL, "--out", "t\x85"],
    "map": ["map", "m\x1b[0m", "--words", "great,awful,film,very,plot,actor,scene,room,was,hotel\x1b[31m,no\u202ene", "--out", "ma\x1b[7mp.html"],
}  # fmt: skip
MISTAKES = {
    "a file": ["evaluate", "m\x1b[0m", "no\x1b[31mne.csv"],
    "a model": ["inspect", "no\x1b[31mne"],
    "a column": ["predict", "m\x1b[0m", DATA, "--text", "no\x1b[31mne", "--out", "out.csv"],
    "a value": ["evaluate", "m\x1b[0m", DATA, "--where", "text=\x1b[31m"],
    "a label": ["evaluate", "m\x1b[0m", DATA, "--label", LABEL],
    "an option": ["train", DATA, "--out", "made", "--set", "\x1b[31m=1"],
    "a flag": ["train", DATA, "--out", "made", "--no\x1b[31mne"],
    "a setting": ["train", DATA, "--out", "made", "--config", "con\x1b[31mfig.toml"],
    "a folder": ["predict", "m\x1b[0m", DATA, "--out", "no\x1b[31mne/out.csv"],
    "an ending": ["predict", "m\x1b[0m", DATA, "--out", "out.cs\x1b[31mv"],
    "a layer": ["embed", "m\x1b[0m", DATA, "--layer", "\x1b[31m", "--out", "out.parquet"],
}  # fmt: skip


def test_no_command_prints_what_a_terminal_obeys(
    cli: Any, hostile_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openTSNE")
    monkeypatch.chdir(hostile_folder)
    (hostile_folder / "con\x1b[31mfig.toml").write_bytes(b'a = "\x1b[31m"\nb \x1b = 2')
    for name, command in COMMANDS.items():
        ended = cli(*command)
        assert ended.code == 0, (name, ended)
        for text in (ended.out, ended.err):
            assert not any(map(has_controls, text.split("\n"))), (name, text)
            assert "\nforged" not in text, name
        told = cli(*command, "--json")
        assert told.code == 0 and told.out.isascii(), (name, told)
    for name, command in MISTAKES.items():
        ended = cli(*command)
        assert (ended.code, ended.out) == (2, ""), (name, ended)
        assert not any(map(has_controls, ended.err.split("\n"))), (name, ended.err)
        assert r"\x1b" in ended.err or name == "a value", (name, ended.err)
        told = cli(*command, "--json")
        assert told.code == 2 and json.loads(told.out)["code"] == 2, (name, told)
        assert json.loads(told.out)["error"] in ended.err.replace("headstart: ", ""), (name, told)


@pytest.mark.parametrize("file", ["re\u202eport.html", "ma\x1b[7mp.html"])
def test_pages_hold_no_control_either(hostile_folder: Path, file: str) -> None:
    path = hostile_folder / file
    if not path.exists():
        pytest.skip("the commands were not run")
    page = path.read_text(encoding="utf-8")
    body = page[page.index("<body>") :]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", body)
    assert body.count("<script>") == body.count("</script>") == 1


@pytest.mark.parametrize(
    ("place", "value"),
    [("written_by", "0.1.0\x1b[31m"), ("kind", "net\x1bwork"), ("strategy", "scr\natch"), ("name", "g\u202eru")],
)
def test_none_of_a_manifest_is_printed(
    tmp_path: Path, base_folder: Path, place: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from headstart.artifact import manifest, read
    from headstart.cli.app import run

    parts = read(base_folder)
    model = json.loads(json.dumps(parts.model))
    holder = {"strategy": model["info"], "name": model["scorer"]["net"]}.get(place, model)
    if place != "written_by":
        holder[place] = value
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "__version__", value if place == "written_by" else "0.2.0")
        write(tmp_path / "m", Parts(model))
    assert run(["inspect", str(tmp_path / "m")]) == (2 if place == "kind" else 0)
    told = "".join(capsys.readouterr())
    assert value not in told and value.encode("unicode_escape").decode() in told
    assert not has_controls(told.replace("\n", ""))
