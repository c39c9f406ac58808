from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headstart.cli.app import run


@pytest.fixture(scope="module")
def data(others: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = others.write(tmp_path_factory.mktemp("data") / "others.csv")
    return path


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run(["compare", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_compare_writes_what_the_contract_says(
    base_folder: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    code, said, told = _run(
        capsys, base_folder, data, "--budgets", "20,all", "--seeds", 2, "--columns", "stars,device", "--candidates",
        "as-is,tfidf,tfidf+columns,columns", "--out", out, "--jobs", 1, "--json",
    )  # fmt: skip
    assert code == 0, told
    found = json.loads(said)
    assert {"verdict", "labels_saved", "rows"} <= set(found)
    assert found["verdict"]["words"]
    assert {row["strategy"] for row in found["rows"]} == {"as-is", "tfidf", "tfidf+columns", "columns"}
    assert {path.name for path in out.iterdir()} >= {"rows.jsonl", "report.html", "verdict.json", "model"}
    assert "fits done" in told
    assert "labels 0 = 0, 1 = 1 (positive)" in told
    assert _run(capsys, base_folder, data, "--label", "label", "--out", tmp_path / "no", "--budgets", "x")[0] == 2


def test_compare_in_words(base_folder: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = _run(
        capsys, base_folder, data, "--budgets", "all", "--seeds", 1, "--candidates", "as-is,tfidf", "--out", tmp_path / "o",
        "--jobs", 1,
    )  # fmt: skip
    assert code == 0
    assert "mean AUC" in said
    assert "report: " in said


def test_options_from_a_file_and_from_the_command(
    base_folder: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "compare.toml").write_text('seeds = 3\ncandidates = ["as-is", "tfidf"]\nbudgets = [20]\n')
    code, said, told = _run(
        capsys, base_folder, data, "--config", tmp_path / "compare.toml", "--set", "seeds=2", "--out", tmp_path / "o",
        "--jobs", 1, "--json",
    )  # fmt: skip
    assert code == 0, told
    rows = json.loads(said)["rows"]
    assert sorted((row["strategy"], row["budget"], row["seed"]) for row in rows) == [
        ("as-is", 0, 0), ("tfidf", 20, 0), ("tfidf", 20, 1),
    ]  # fmt: skip


def test_networks_are_trained_on_the_device(
    base_folder: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from headstart.strategies import STRATEGIES, Settings

    devices: list[str] = []
    scratch = STRATEGIES["scratch"]

    def watched(rows: Any, valid: Any, base: Any, settings: Settings, shared: Any) -> Any:
        devices.append(settings.device)
        return scratch.fit(rows, valid, base, settings, shared)

    monkeypatch.setitem(STRATEGIES, "scratch", replace(scratch, fit=watched))
    code, said, told = _run(
        capsys, base_folder, data, "--budgets", "20", "--seeds", 1, "--candidates", "scratch", "--device", "cpu", "--out",
        tmp_path / "out", "--jobs", 1, "--json",
    )  # fmt: skip
    assert code == 0, told
    assert devices == ["cpu"]
    assert json.loads(said)["facts"]["device"] == "cpu"
    assert "cpu" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seds=3", "there is no option 'seds'; did you mean 'seeds'"),
        ("seeds=many", "seeds is 'many'; expected a whole number"),
    ],
)
def test_options_that_do_not_fit(
    base_folder: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], setting: str, message: str
) -> None:
    code, _, told = _run(capsys, base_folder, data, "--set", setting, "--out", tmp_path / "o")
    assert code == 2
    assert message in told


def test_without_a_label_column_only_the_gap(
    base_folder: Path, others: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("text\n" + "\n".join(others.texts[:40]) + "\n")
    code, said, told = _run(capsys, base_folder, path, "--out", tmp_path / "out", "--json")
    assert code == 0, told
    found = json.loads(said)
    assert found["verdict"]["kind"] == "no labels"
    assert found["rows"] == []
    assert (tmp_path / "out" / "report.html").exists()
    assert "only the texts are read" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--budgets", "100,many"), "--budgets holds 'many'; expected numbers of labels"),
        (("--budgets", "5000"), "A budget of 5,000 labels was asked for, and 96 labelled rows are there"),
        (("--test", "1.5"), "--test is 1.5; expected a share of the rows between 0 and 1"),
        (("--label", "nothing"), "nothing"),
        (("--columns", "weight"), "weight"),
        (("--candidates", "tfidff"), "there is no strategy 'tfidff'; did you mean"),
        (("--device", "gpu"), "the device is 'gpu'; expected 'auto', 'cpu', 'cuda'"),
        (
            ("--valid", "0.2"),
            "--valid is 0.2, and compare takes no validation rows: a budget of N means N labels in all",
        ),
    ],
)
def test_mistakes_get_a_sentence(
    base_folder: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    code, said, told = _run(capsys, base_folder, data, "--out", tmp_path / "out", "--jobs", 1, *arguments)
    assert (code, said) == (2, "")
    assert message in told
    assert "Traceback" not in told
