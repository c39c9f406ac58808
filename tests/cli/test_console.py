"""Tables, lines and bars for people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headstart import Trainer
from headstart.cli import console, progress


@pytest.mark.parametrize(
    ("rows", "columns", "lines"),
    [
        ([{"a": 1, "b": "x"}, {"a": 22, "b": "yy"}], None, [" a  b", " 1  x", "22  yy"]),
        ([{"n_rows": 1, "gone": None}], None, ["n rows", "     1"]),
        ([{"a": 0.5}, {"a": None}], None, ["     a", "0.5000", "     -"]),
        ([{"a": 1, "b": 2}], ["b"], ["b", "2"]),
        ([], ["a"], [""]),
    ],
)
def test_tables(rows: list[dict[str, Any]], columns: list[str] | None, lines: list[str]) -> None:
    assert console.table(rows, columns) == lines


def test_results_go_to_stdout_and_remarks_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    console.emit({"a": 1}, as_json=False, lines=["a is 1"])
    console.note("by the way")
    console.warn("look out")
    assert capsys.readouterr() == ("a is 1\n", "by the way\nwarning: look out\n")


class TestProgress:
    def train(self, small_net: Any, make_examples: Any) -> None:
        Trainer(small_net(), phases=2, device="cpu", events=[progress.Progress()]).fit(make_examples(40))

    def test_is_a_line_an_epoch_in_a_log(
        self, small_net: Any, make_examples: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.train(small_net, make_examples)
        lines = capsys.readouterr().err.splitlines()
        assert [line.split(",")[0] for line in lines] == ["epoch 0", "epoch 1", "epoch 2"]
        assert "train loss 0." in lines[1] and lines[1].endswith(" s")

    def test_is_a_bar_on_a_terminal(self, small_net: Any, make_examples: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn: list[str] = []

        class Bar:
            def start(self) -> None:
                drawn.append("start")

            def stop(self) -> None:
                drawn.append("stop")

            def add_task(self, what: str, total: int, left: str) -> int:
                drawn.append(what)
                return 0

            def update(self, task: int, completed: int, left: str) -> None:
                drawn.append(f"{completed} {left}".strip())

        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        monkeypatch.setattr(progress, "_bar", Bar)
        clock = iter(np.arange(0, 1e6, 1.0))
        monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
        Trainer(small_net(), phases=1, batch_size=20, device="cpu", events=[progress.Progress()]).fit(make_examples(40))
        assert drawn[:2] == ["start", "epoch 1"] and drawn[2].startswith("1 about ") and drawn[2].endswith(" s left")
        assert drawn[3:] == ["2 about 0 s left", "stop"]

    def test_over_rows_appears_only_on_a_terminal_and_after_a_second(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shown: list[Any] = []

        class Bar:
            start = stop = lambda self: None
            add_task = lambda self, what, total, left: shown.append(what)  # noqa: E731
            update = lambda self, task, completed, left: shown.append(completed)  # noqa: E731

        monkeypatch.setattr(progress, "_bar", Bar)
        for terminal, expected in ((False, []), (True, ["rows", 30])):
            monkeypatch.setattr("sys.stderr.isatty", lambda seen=terminal: seen, raising=False)
            clock = iter([0.0, 0.5, 2.0])
            monkeypatch.setattr(progress.time, "perf_counter", lambda ticks=clock: next(ticks))
            shown.clear()
            with progress.track("rows", 100) as bar:
                bar.advance(10)
                bar.advance(20)
            assert shown == expected
