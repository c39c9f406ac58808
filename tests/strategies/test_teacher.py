"""A model teaches another one by its probabilities of texts without labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headstart as hs
from headstart.cli.app import run
from headstart.corpus import as_corpus
from headstart.errors import DataError
from headstart.strategies.teacher import Teacher

SMALL = {"embedding_size": 8, "hidden_size": 6}


@pytest.mark.parametrize("net", ["fast", "blend"])
def test_a_student_says_what_its_teacher_says(gru_base: Any, draw_reviews: Any, net: str) -> None:
    texts = draw_reviews(200, seed=7).texts
    how = {"epochs": 3, "learning_rate": 0.03, "random_state": 0, "device": "cpu"}
    student = hs.TextClassifier(teacher=gru_base, net=net, net_options=SMALL, **how).fit(texts)
    new = draw_reviews(100, seed=8).texts
    taught, found = gru_base.predict_proba(new)[:, 1], student.predict_proba(new)[:, 1]
    assert np.corrcoef(taught, found)[0, 1] > 0.8
    assert list(student.classes_) == list(gru_base.classes_)
    assert "teacher" not in student.predictor_.estimator


@pytest.mark.parametrize("labels", [["a", "b", "c"], [["a"], ["a", "b"], []]])
def test_several_classes_and_labels_are_taught(reviews: Any, labels: Any) -> None:
    texts, own = list(reviews.texts[:90]), [labels[i % 3] for i in range(90)]
    teacher = hs.TextClassifier(strategy="tfidf").fit(
        [f"{text} word{i % 3} word{i % 3}" for i, text in enumerate(texts)], own
    )
    again = [f"{text} word{i % 3} word{i % 3}" for i, text in enumerate(reviews.texts[90:210])]
    student = hs.TextClassifier(teacher=teacher, net="fast", net_options=SMALL, epochs=4, learning_rate=0.03).fit(again)
    assert student.predict_proba(again[:3]).shape == teacher.predict_proba(again[:3]).shape
    assert student.predictor_.answers.kind == teacher.predictor_.answers.kind


def test_what_a_student_learns_are_probabilities_and_each_text_is_scored_once(gru_base: Any, reviews: Any) -> None:
    teacher, corpus = Teacher(gru_base.predictor_), as_corpus([*reviews.texts[:20], reviews.texts[0]])
    goals = teacher.goals(corpus, teacher.task)
    np.testing.assert_allclose(goals, gru_base.predict_proba([*reviews.texts[:20], reviews.texts[0]])[:, 1], atol=1e-6)
    assert len(teacher._logits) == 20
    with pytest.raises(DataError, match="the model says the same of all 2 texts"):
        teacher.labelled(as_corpus([reviews.texts[0]] * 2))


def test_the_command_prints_what_is_kept_and_gained(
    base_folders: dict[str, Path], reviews: Any, others: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, test = reviews.write(tmp_path / "texts.csv"), others.write(tmp_path / "test.csv")
    given = [
        "--unlabelled",
        texts,
        "--test",
        test,
        "--label",
        "label",
        "--epochs",
        1,
        "--out",
        tmp_path / "student",
        "--json",
    ]
    code = run(["distil", str(base_folders["gru"]), *map(str, given)])
    said, told = capsys.readouterr()
    assert code == 0, told
    found = json.loads(said)
    assert set(found["rows_a_second"]) == set(found["test"]) == {"teacher", "student"}
    assert hs.load(tmp_path / "student").predict(["great"])[0] in ("0", "1", 0, 1)
