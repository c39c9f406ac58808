"""What people say of a model, in the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headstart.artifact import inspect, write
from headstart.errors import ArtifactError, OptionError
from headstart.predictor import Predictor
from headstart.predictor.card import read_card

MODEL = Path(__file__).parent / "data" / "artifacts" / "v1.1-nbsvm"
CARD = 'description = "Moods of reviews"\ntags = ["hotel", "mood"]\nlicence = "CC0-1.0"\nintended_use = "Sorting <b>mail</b>"\n'


def test_a_card_is_stored_and_shown_and_changes_no_answer(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text(CARD)
    plain = Predictor.load(MODEL)
    carded = plain.with_card(**read_card(tmp_path / "card.toml"))
    write(tmp_path / "m", carded.to_parts())
    assert inspect(tmp_path / "m")["model"]["info"]["card"]["tags"] == ["hotel", "mood"]
    again = Predictor.load(tmp_path / "m")
    assert again.info["card"]["licence"] == "CC0-1.0" and again.digest() == plain.digest()


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("descripton = 'x'", "did you mean 'description'?"),
        ("tags = 'hotel'", "a list of texts was expected"),
        ("licence = 3", "a text of at most 10,000 characters was expected"),
        ("licence", "give a TOML file with description"),
    ],
)
def test_a_card_that_is_none_gets_a_sentence(tmp_path: Path, toml: str, sentence: str) -> None:
    (tmp_path / "card.toml").write_text(toml)
    with pytest.raises(OptionError) as told:
        read_card(tmp_path / "card.toml")
    assert sentence in str(told.value)
    with pytest.raises(OptionError, match="--card"):
        read_card(tmp_path / "none.toml")


def test_a_stored_card_is_checked(tmp_path: Path) -> None:
    odd: Any = Predictor.load(MODEL).with_facts(card={"tags": [1]})  # type: ignore[typeddict-item]
    write(tmp_path / "m", odd.to_parts())
    with pytest.raises(ArtifactError, match="tags"):
        Predictor.load(tmp_path / "m")


def test_inspect_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from headstart.cli.app import run

    write(tmp_path / "m", Predictor.load(MODEL).with_card(intended_use="Sorting mail").to_parts())
    assert run(["inspect", str(tmp_path / "m")]) == 0
    assert "intended use   Sorting mail" in capsys.readouterr().out
