from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import headstart as hs
from headstart.children import Child
from headstart.comparison import compare
from headstart.comparison.problem import budget_list
from headstart.errors import DataError, OptionError

TIMINGS = ("seconds", "cpu_seconds", "ms_per_row", "digest")  # which is of the timings too
CHEAP = ("as-is", "tfidf", "features")


@pytest.fixture(scope="module")
def target(targets: Any) -> Any:
    return targets["own words"](260, 1)


@pytest.fixture(scope="module")
def folder(gru_base: Any, target: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished comparison."""
    out = tmp_path_factory.mktemp("compare") / "out"
    compare(gru_base, target.frame, target.labels, budgets=[20, None], seeds=2, candidates=CHEAP, out=out, n_jobs=1)
    return out


def _rows(folder: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    shown = [{name: value for name, value in row.items() if name not in TIMINGS} for row in rows]
    return sorted(shown, key=lambda row: (row["strategy"], row["budget"], row["seed"]))


def test_the_folder_holds_what_was_promised(folder: Path, target: Any) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "model", "plan.json", "report.html", "rows.jsonl", "scores", "verdict.json"
    }  # fmt: skip
    verdict = json.loads((folder / "verdict.json").read_text())
    assert {"verdict", "labels_saved", "gap", "counts", "facts", "estimates"} == set(verdict)
    model = hs.load(folder / "model")
    assert len(model.predict_proba(target.frame)) == 260
    assert model.predictor_.info["strategy"] == verdict["verdict"]["ship"]


def test_every_candidate_sees_the_same_number_of_rows(folder: Path) -> None:
    rows = _rows(folder)
    assert {(row["strategy"], row["budget"], row["seed"]) for row in rows} == {
        ("as-is", 0, 0), *((name, n, seed) for name in ("tfidf", "features") for n in (20, 208) for seed in (0, 1))
    }  # fmt: skip
    assert {row["n"] for row in rows} == {52}


def test_a_killed_run_goes_on_to_the_same_rows(folder: Path, base_folder: Path, target: Any, tmp_path: Path) -> None:
    """The process is killed by the kernel after its third row, in the middle of the fourth line."""
    import pyarrow.parquet as pq

    data, out = tmp_path / "target.parquet", tmp_path / "out"
    pq.write_table(target.frame.append_column("label", pa.array(target.labels)), data)
    script = f"""
import os, signal
import headstart as hs
from headstart.comparison import compare, log
add = log.RowLog.add
def torn(self, row):
    if len(self.rows) == 3:
        with self.path.open("ab") as file: file.write(b'{{"strategy": "tf')
        os.kill(os.getpid(), signal.SIGKILL)
    add(self, row)
log.RowLog.add = torn
corpus = hs.read({str(data)!r}, label="label", columns=())
compare({str(base_folder)!r}, corpus, budgets=[20, None], seeds=2, candidates={CHEAP!r}, out={str(out)!r}, n_jobs=1)
"""
    killed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert killed.returncode == -9, killed.stderr.decode()
    assert not (out / "model").exists()
    corpus = hs.read(str(data), label="label", columns=())
    compare(base_folder, corpus, budgets=[20, None], seeds=2, candidates=CHEAP, out=out, n_jobs=1)
    assert _rows(out) == _rows(folder)


def test_a_finished_comparison_is_read_not_done_again(
    folder: Path, base: Any, target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headstart.comparison import running

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a fit was done again")

    before = _rows(folder)
    monkeypatch.setattr(running, "perform", never)
    result = compare(
        base, target.frame, target.labels, budgets=[20, None], seeds=2, candidates=CHEAP, out=folder, n_jobs=1
    )
    assert _rows(folder) == before
    assert result.predictor is not None


def test_a_kept_model_is_shipped_only_as_it_was_written(
    base: Any, target: Any, others: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run stops before the model is shipped; meanwhile another model comes into its place."""
    from headstart.comparison import comparing

    options: dict[str, Any] = {
        "budgets": [20],
        "seeds": 1,
        "candidates": ["as-is"],
        "out": tmp_path / "out",
        "n_jobs": 1,
    }

    def stop(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(comparing, "_ship", stop)
        compare(base, target.frame, target.labels, **options)
    assert (tmp_path / "out" / "fitted" / "as-is" / "headstart.json").exists()
    other = hs.TextClassifier(base=base, strategy="tfidf").fit(others.texts, others.labels)
    other.save(tmp_path / "out" / "fitted" / "as-is")
    result = compare(base, target.frame, target.labels, **options)
    assert result.predictor.scorer.kind == base.predictor_.scorer.kind  # type: ignore[union-attr]


def test_processes_give_the_same_rows(folder: Path, base: Any, target: Any, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    compare(
        base, target.frame, target.labels, budgets=[20], seeds=2, candidates=["as-is", "tfidf"], out=tmp_path / "out", n_jobs=2,
        progress=lambda done, total, left, last: told.append((done, total)),
    )  # fmt: skip
    kept = (
        "bytes",
        "artifact_differs_by",
        "content_hash",
    )  # of the largest budget's first draw, which is another one here
    wanted = [("as-is", 0), ("tfidf", 20)]

    def bare(of: Path) -> list[dict[str, Any]]:
        rows = [row for row in _rows(of) if (row["strategy"], row["budget"]) in wanted]
        return [{k: v for k, v in row.items() if k not in kept} for row in rows]

    assert bare(tmp_path / "out") == bare(folder)
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_without_a_folder_the_winner_stays_at_hand(base: Any, target: Any, tmp_path: Path) -> None:
    result = hs.compare(base, target.frame, target.labels, budgets=[20], seeds=1, candidates=["tfidf"], n_jobs=1)
    result.save(tmp_path / "model")
    assert hs.load(tmp_path / "model").predict(["plus1 plus2"]).shape == (1,)
    assert result.report(tmp_path / "page.html").exists()


def test_without_labels_only_the_gap_is_told(base: Any, others: Any, tmp_path: Path) -> None:
    result = compare(base, others.texts)
    assert result.rows == []
    assert result.gap["vocabulary"]["unknown_token_rate"] < 0.2
    assert "Without labels of the target, nothing can be said" in result.verdict["words"]
    assert "How far is the target" in result.report(tmp_path / "page.html").read_text()
    with pytest.raises(DataError, match="No candidate was chosen, because no labels were there"):
        result.save(tmp_path / "model")


def test_duplicates_are_counted_and_left_out_once(base: Any, targets: Any) -> None:
    target = targets["like source"](120, 3)
    texts = target.frame.column("text").to_pylist()
    frame = {"text": texts + texts[:20]}
    labels = target.labels + target.labels[:20]
    result = compare(base, pa.table(frame), labels, budgets=[None], seeds=1, candidates=["as-is", "tfidf"], n_jobs=1)
    n_shared = result.counts["test"]["n_duplicates_of_train"]
    assert n_shared > 0
    assert result.verdict["without_duplicates"]["n_test"] == 28 - n_shared
    assert all("auc_without_duplicates" in row for row in result.rows)


def test_groups_stay_together(base: Any, targets: Any) -> None:
    target = targets["own words"](240, 2)
    frame = target.frame.append_column("hotel", pa.array([f"h{i // 8}" for i in range(240)]))
    result = compare(
        base, frame, target.labels, groups="hotel", budgets=[60, None], seeds=2, candidates=["as-is", "tfidf"], n_jobs=1
    )
    assert any("groups of hotel kept together" in note for note in result.facts["notes"])


def _labels(n: int) -> list[int]:
    return (np.arange(n) % 2).tolist()


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"y": ["good", "bad"] * 30}, DataError, "cannot be placed. Say which is which"),
        ({"y": [1] * 60}, DataError, "training needs rows of at least two classes"),
        ({"budgets": [500]}, OptionError, "A budget of 500 labels was asked for, and 48 labelled rows are there"),
        ({"budgets": [2]}, OptionError, "A budget of 2 labels cannot be divided into folds"),
        ({"budgets": []}, OptionError, "No label budget was named"),
        ({"groups": "one"}, DataError, "holds one group only"),
        ({"groups": "none"}, DataError, "none"),
        ({"seeds": 0}, OptionError, "0 draws were asked for; expected 1 or more"),
        ({"candidates": ["nothing"]}, OptionError, "there is no strategy 'nothing'"),
        ({"test": (["a b", "c d"], [1, 1])}, DataError, "the test rows hold only the label '1'"),
        (
            {"y": [0] * 58 + [1] * 2, "test": (["great", "awful"], [1, 0]), "budgets": [4]},
            DataError,
            "rows of one class only",
        ),
        ({"columns": ["stars"]}, DataError, "stars"),
    ],
)
def test_bad_input_gets_its_sentence(base: Any, change: dict[str, Any], error: type[Exception], match: str) -> None:
    frame = pa.table({"text": [f"great room {i}" for i in range(60)], "one": ["a"] * 60})
    given = {"y": _labels(60), "text": "text", "seeds": 1, "candidates": ["tfidf"], "n_jobs": 1, **change}
    with pytest.raises(error, match=match):
        compare(base, frame, **given)


@pytest.mark.parametrize(
    ("asked", "n_rows", "found"),
    [
        ([100, None, 100], 500, (100, 500)),
        (None, 1280, (50, 100, 200, 500, 1000, 1280)),
        (None, 30, (30,)),
        ([50, 20], 90, (20, 50)),
    ],
)
def test_budgets(asked: list[int | None] | None, n_rows: int, found: tuple[int, ...]) -> None:
    assert budget_list(asked, n_rows) == found


def test_a_failing_worker_says_which_fit(base: Any, target: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from headstart.executors import local

    # It ends at once, with code 0 and no answer.
    monkeypatch.setattr(local, "Child", lambda *_, **__: Child("builtins:str"))
    with pytest.raises(RuntimeError, match="a worker failed at .*ended with code 0"):
        compare(base, target.frame, target.labels, budgets=[20], seeds=2, candidates=["tfidf"], n_jobs=2)
