"""`headstart export onnx`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx", reason="onnx is not installed: pip install 'headstart[onnx]'")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'headstart[onnx]'")

ARTIFACTS = Path(__file__).parents[1] / "data" / "artifacts"


def test_a_folder_scores_what_predict_scores(cli: Callable[..., Any], files: Path) -> None:
    model = ARTIFACTS / "v1.1-gru"
    texts = ["a good hotel", "", "rude staff, dirty room!"]
    Path("texts.txt").write_text("\n".join(texts) + "\n")
    Path("texts.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in texts))
    exported = cli("export", "onnx", model, "--out", "folder", "--layer", "pooled", "--json").json
    assert exported["agreement"]["largest_difference"] <= 1e-5
    assert sorted(exported["bytes"]) == ["model.onnx", "reader.json", "score.py"]
    assert cli("predict", model, "texts.jsonl", "--out", "-").code == 0
    ours = [line.split(",") for line in cli("predict", model, "texts.jsonl", "--out", "-").out.splitlines()]
    for given, stdin in (("texts.txt", None), ("-", "\n".join(texts) + "\n")):
        called = subprocess.run(
            [sys.executable, "folder/score.py", given], input=stdin, capture_output=True, text=True, check=True
        )
        theirs = [line.split(",") for line in called.stdout.splitlines()]
        assert [cell.strip('"') for cell in ours[0]] == theirs[0]
        for one, other in zip(ours[1:], theirs[1:], strict=True):
            assert one[0].strip('"') == other[0]
            assert [float(cell) for cell in one[1:]] == pytest.approx([float(cell) for cell in other[1:]], abs=1e-5)


def test_what_a_smaller_type_costs_is_printed(cli: Callable[..., Any], files: Path) -> None:
    done = cli("export", "onnx", ARTIFACTS / "v1.1-gru", "--out", "small", "--dtype", "int8", "--data", "reviews.csv")
    assert done.code == 0, done.err
    assert "int8: model.onnx of " in done.out
    assert "lost; one text " in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--out", "reviews.csv"), "a file, and a folder is to be written"),
        (("--out", "."), "a folder with"),
        (("--out", "new", "--data", "reviews.csv"), "leave --data out, or give --dtype"),
        (("--out", "new", "--dtype", "int4"), "there is no dtype 'int4'"),
        (("--out", "new", "--layer", "poled"), "did you mean 'pooled'"),
    ],
)
def test_a_mistake_gets_a_sentence(arguments: tuple[str, ...], said: str, cli: Callable[..., Any], files: Path) -> None:
    done = cli("export", "onnx", ARTIFACTS / "v1.1-gru", *arguments)
    assert done.code == 2
    assert said in done.err
    assert not Path("new").exists()
