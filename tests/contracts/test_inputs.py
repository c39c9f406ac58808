"""What holds of every kind of rows: alone as in any batch, saved as loaded, frozen to the bit, learnt in one way.

Runs over every entry of `headstart.inputs.INPUTS`, its networks and the reference points that read it.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

import headstart as hs
from headstart.artifact import content_hash, inspect, read
from headstart.comparison.fits import Fit, perform
from headstart.comparison.planning import chosen
from headstart.comparison.problem import assemble
from headstart.comparison.workspace import prepare
from headstart.corpus import OtherColumns, as_corpus, scan
from headstart.errors import DataError, OptionError
from headstart.inputs import INPUTS
from headstart.inputs.images import ImageInput
from headstart.named_outputs import layer_outputs
from headstart.nets import OTHER_NETS, build
from headstart.predictor import Predictor
from headstart.strategies import STRATEGIES

SMALL: dict[str, dict[str, Any]] = {
    "series": {"net_options": {"n_filters": 4, "n_blocks": 2}},
    "image": {"net_options": {"sizes": [16, 16]}},
    "columns": {"net_options": {"size": 16, "n_blocks": 1, "embedding_size": 4}},
}
ESTIMATORS = {"series": hs.SeriesClassifier, "image": hs.ImageClassifier, "columns": hs.TabularClassifier}
REFERENCES = [
    (need, name) for name, one in STRATEGIES.items() for need in one.needs if need in INPUTS and one.uses == "nothing"
]
N = 40


def rows_of(kind: str, seed: int = 0) -> tuple[Any, Any]:
    """Rows of a kind with two labels, odd ones among them: nulls, empty and missing values."""
    rng = np.random.default_rng(seed)
    labels = np.arange(N) % 2
    if kind == "series":
        rows: Any = [rng.normal(label, 1, (2, int(rng.integers(5, 30)))) for label in labels]
        rows[3], rows[4][0, 2] = None, np.nan
        return rows, labels
    if kind == "image":
        return rng.integers(0, 100, (N, 9, 7, 3)).astype(np.uint8) + labels[:, None, None, None].astype(
            np.uint8
        ) * 90, labels
    numbers = rng.normal(labels, 1).tolist()
    numbers[5] = None
    return pa.table(
        {"n": numbers, "c": [["a", "b"][int(rng.integers(2))] if i % 7 else None for i in range(N)]}
    ), labels


def some(rows: Any, places: list[int]) -> Any:
    return rows.take(places) if isinstance(rows, pa.Table) else [rows[i] for i in places]


@pytest.fixture(scope="module", params=sorted(INPUTS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(kind: str) -> Any:
    return ESTIMATORS[kind](epochs=1, valid_fraction=0, **SMALL[kind]).fit(*rows_of(kind))


def test_every_kind_has_a_case() -> None:
    assert set(INPUTS) == set(SMALL) == set(ESTIMATORS) == set(OTHER_NETS)


def test_a_row_is_the_same_alone_as_in_any_batch_at_every_layer(kind: str, model: Any) -> None:
    rows, _ = rows_of(kind)
    predictor, layers = model.predictor_, model.predictor_.net.stages
    whole = {
        name: value for part in layer_outputs(predictor, _corpus(kind, rows), layers) for name, value in part.items()
    }
    for place in (0, 3, 4, 5, 11):
        alone = next(iter(layer_outputs(predictor, _corpus(kind, some(rows, [place])), layers)))
        for name in layers:
            np.testing.assert_allclose(alone[name][0], whole[name][place], rtol=0, atol=1e-5, err_msg=name)


def test_the_stated_shape_is_the_shape(kind: str, model: Any) -> None:
    net, examples = model.predictor_.net, model.predictor_.rows(_corpus(kind, rows_of(kind)[0])).examples
    from headstart.batches import Batches

    batch = Batches(examples, batch_size=3)[0].tensors()
    for name, value in net.outputs(batch, net.stages).items():
        stated = net.shapes[name]
        assert len(stated) == value.dim(), name
        assert all(size == found for size, found in zip(stated, value.shape, strict=True) if isinstance(size, int)), (
            name
        )


def test_gradient_reaches_every_parameter(kind: str, model: Any) -> None:
    from headstart.batches import Batches

    predictor = model.predictor_
    net = build(predictor.scorer.spec.name, 0, predictor.scorer.spec.options).train()
    net(Batches(predictor.rows(_corpus(kind, rows_of(kind)[0])).examples, batch_size=N)[0].tensors()).sum().backward()
    assert [name for name, one in net.named_parameters() if one.grad is None] == []


def test_saved_and_loaded_it_says_the_same_to_the_bit(kind: str, model: Any, tmp_path: Path) -> None:
    rows, _ = rows_of(kind, 1)
    model.save(tmp_path / "model")
    again = hs.load(tmp_path / "model")
    assert type(again) is type(model) and again.n_features_in_ == model.n_features_in_
    np.testing.assert_array_equal(again.predict_proba(rows), model.predict_proba(rows))
    assert content_hash(again.predictor_.to_parts()) == content_hash(model.predictor_.to_parts())
    assert inspect(tmp_path / "model")["format"] == 2


@pytest.mark.parametrize(("kind_of_rows", "reference"), REFERENCES)
def test_a_reference_point_is_the_same_alone_and_saved(kind_of_rows: str, reference: str, tmp_path: Path) -> None:
    rows, labels = rows_of(kind_of_rows)
    made = ESTIMATORS[kind_of_rows](strategy=reference).fit(rows, labels)
    whole = made.predict_proba(rows)
    np.testing.assert_allclose(made.predict_proba(some(rows, [3])), whole[3:4], rtol=0, atol=1e-9)
    made.save(tmp_path / "model")
    np.testing.assert_array_equal(hs.load(tmp_path / "model").predict_proba(rows), whole)


def test_what_is_frozen_stays_and_the_same_seed_gives_the_same_model(kind: str, model: Any) -> None:
    rows, labels = rows_of(kind, 2)
    first = model.predictor_.net.stages[2 if kind == "image" else 0]
    options: dict[str, Any] = {
        "base": model,
        "strategy": "fine-tune",
        "freeze": first,
        "epochs": 1,
        "valid_fraction": 0,
    }
    tuned, again = (ESTIMATORS[kind](**options, **SMALL[kind]).fit(rows, labels) for _ in range(2))
    before, after = model.predictor_.net.state_dict(), tuned.predictor_.net.state_dict()
    frozen = [name for name in before if name.startswith(f"{first}.")]
    assert frozen and all(torch.equal(before[name], after[name]) for name in frozen)
    assert not torch.equal(before["output.weight"], after["output.weight"])
    np.testing.assert_array_equal(tuned.predict_proba(rows), again.predict_proba(rows))


class Killed(Exception):
    """Stands for whatever ends a process."""


def test_killed_it_goes_on_to_the_same_weights(kind: str, tmp_path: Path) -> None:
    def trained(checkpoint: Path | None = None, kill_at: int | None = None) -> tuple[dict[str, Any], int]:
        seen = []

        def event(name: str, trainer: Any, row: Any) -> None:
            seen.append(name)
            if len(seen) == kill_at:
                raise Killed

        how: dict[str, Any] = {"epochs": 2, "batch_size": 16, "valid_fraction": 0, "device": "cpu", "events": [event]}
        how |= {"checkpoint": checkpoint, "trainer_options": {"checkpoint_seconds": 0.0}}
        made = ESTIMATORS[kind](**how, **SMALL[kind]).fit(*rows_of(kind))
        return made.predictor_.net.state_dict(), len(seen)

    whole, n_events = trained()
    with pytest.raises(Killed):
        trained(tmp_path / "kept", 2 * n_events // 3)
    again, fewer = trained(tmp_path / "kept")
    assert fewer < n_events and all(torch.equal(value, again[name]) for name, value in whole.items())


def test_texts_and_columns_go_through_one_network(tmp_path: Path) -> None:
    columns, labels = rows_of("columns")
    table = columns.append_column("text", pa.array([f"word{i % 3} room" for i in range(N)]))
    how: dict[str, Any] = {"columns": ["n", "c"], "epochs": 1, "valid_fraction": 0, "device": "cpu"}
    how |= {"net": "gru", "net_options": {"embedding_size": 4, "hidden_size": 3, "dense": [4]}}
    model = hs.TextClassifier(**how).fit(table, labels)
    whole = model.predict_proba(table)
    np.testing.assert_allclose(model.predict_proba(table.slice(5, 1)), whole[5:6], rtol=0, atol=1e-6)
    assert (model.predict_proba(table.set_column(0, "n", pa.array([9.0] * N))) != whole).any()
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(hs.load(tmp_path / "model").predict_proba(table), whole)
    way: dict[str, Any] = {
        "base": model,
        "epochs": 1,
        "valid_fraction": 0,
        "device": "cpu",
    }  # its columns are the base's
    tuned = hs.TextClassifier(strategy="fine-tune", freeze="columns|embedding", **way).fit(table, labels)
    before, after = model.predictor_.net.state_dict(), tuned.predictor_.net.state_dict()
    still = {name.split(".")[0] for name in before if torch.equal(before[name], after[name])}
    assert {"columns", "embedding"} <= still and not torch.equal(before["output.weight"], after["output.weight"])
    with pytest.raises(OptionError, match="'blend' reads texts alone; take one that reads both"):
        hs.TextClassifier(columns=["n"]).fit(table, labels)


@pytest.mark.parametrize("name", ["as-is", "features", "fine-tune", "scratch", "reference point"])
def test_what_compare_ships_is_what_the_estimator_makes(kind: str, model: Any, name: str, tmp_path: Path) -> None:
    name = dict(REFERENCES)[kind] if name == "reference point" else name
    rows, labels = rows_of(kind, 3)
    corpus = _corpus(kind, rows).with_labels(pa.array(labels))
    problem = assemble(corpus, 0.3)
    workspace = prepare(problem, model.predictor_, None, tmp_path / "rows")
    there = ("labels", "answers", "network", "beginning", "layers", "rows", kind)
    strategy = replace(chosen([name], available=there)[0][name], with_columns=False)
    fit = Fit(name, 0 if name == "as-is" else 20, 0)
    row = perform(workspace, strategy, fit, tmp_path, keep=True)
    shipped = Predictor.from_parts(read(tmp_path / "fitted" / name))
    made = ESTIMATORS[kind](base=model, strategy=name, device="cpu")
    made.set_params(**{choice: value for choice, value in row["choices"].items() if choice in made.get_params()})
    made.fit(workspace.corpus(workspace.drawn(20, 0)))
    test = workspace.corpus(workspace.test)
    assert made.predictor_.score(test).logits.tobytes() == shipped.score(test).logits.tobytes()


def test_compare_takes_any_rows(tmp_path: Path) -> None:
    rows, labels = rows_of("columns", 3)
    model = hs.TabularClassifier(epochs=1, valid_fraction=0, **SMALL["columns"]).fit(*rows_of("columns"))
    corpus = _corpus("columns", rows).with_labels(pa.array(labels))
    found = hs.compare(
        model, corpus, budgets=[None], seeds=1, n_jobs=1, candidates=["features", "columns"], out=tmp_path / "out"
    )
    assert {row["strategy"] for row in found.rows} == {"features", "columns"} and found.predictor is not None
    assert "texts" not in " ".join(found.facts["left_out"].values())
    kept = hs.load(tmp_path / "out" / "model")
    assert isinstance(kept, hs.TabularClassifier) and np.isfinite(kept.predict_proba(rows)).all()


@pytest.mark.parametrize(
    ("made", "rows", "said"),
    [
        (hs.SeriesClassifier(strategy="tfidf"), rows_of("series"), "the strategy 'tfidf' reads rows of the kind 'text'"),
        (hs.SeriesClassifier(net="gru"), rows_of("series"), "network for series rows called 'gru'"),
        (hs.SeriesClassifier(), (["a text"] * N, np.arange(N) % 2), "a series"),
        (hs.ImageClassifier(), (np.full((N, 4, 4), 300.0), np.arange(N) % 2), "expected 0 to 255"),
        (hs.ImageClassifier(column="path"), ({"path": ["none.png"] * N}, np.arange(N) % 2), "cannot be read at 'none.png'"),
    ],
    ids=["strategy", "network", "texts", "points", "path"],
)  # fmt: skip
def test_a_mistake_gets_a_sentence(made: Any, rows: Any, said: str) -> None:
    with pytest.raises((DataError, OptionError, ValueError), match=said):
        made.fit(*rows)


def test_another_kind_of_rows_is_refused(model: Any, kind: str) -> None:
    with pytest.raises(DataError, match="this model reads"):
        model.predictor_.score(as_corpus(["a text"]))


def _png(mode: str, points: Any = None, **options: Any) -> bytes:
    stored = io.BytesIO()
    image = Image.new(mode, (4, 3), 0) if points is None else Image.fromarray(points)
    image.save(stored, **options)
    return stored.getvalue()


def _frames() -> bytes:
    stored = io.BytesIO()
    red, blue = (Image.new("RGB", (4, 3), colour) for colour in ("red", "blue"))
    red.save(stored, "GIF", save_all=True, append_images=[blue])
    return stored.getvalue()


GOOD = {
    "16 bits": (_png("I;16", np.full((3, 4), 51400, np.uint16), format="PNG"), (200, 200, 200)),
    "CMYK": (_png("CMYK", format="JPEG"), (255, 255, 255)),
    "the first of an animation": (_frames(), (255, 0, 0)),
    "nothing but what is transparent": (_png("RGBA", np.zeros((3, 4, 4), np.uint8), format="PNG"), (255, 255, 255)),
    "one bit": (_png("1", format="PNG"), (0, 0, 0)),
}
BAD = {
    "a bomb": (_png("1", np.zeros((8000, 8000), bool), format="PNG"), "unpacks to 8,000 x 8,000 points"),
    "a cut PNG": (
        _png("RGB", np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8), format="PNG")[:900],
        "is damaged",
    ),
    "no image": (b"%PDF-1.4 and so on", "cannot be read"),
    "a PostScript program": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "cannot be read"),
}


@pytest.mark.parametrize("name", GOOD)
def test_an_odd_image_is_read_rightly(name: str) -> None:
    file, colour = GOOD[name]
    pixels = ImageInput("image", 2, 2, 3).encode(_corpus("image", pa.array([file]))).examples.fields["pixels"]
    assert np.abs(np.asarray(pixels, int) - np.array(colour)[:, None, None]).max() <= 2


@pytest.mark.parametrize("name", BAD)
def test_a_hostile_image_gets_a_sentence(name: str) -> None:
    file, said = BAD[name]
    with pytest.raises(DataError, match=rf"the image in row 0 \(the first is 0\) .*{said}"):
        ImageInput("image", 2, 2, 3).encode(_corpus("image", pa.array([file])))


def test_a_sentence_names_the_row_of_the_source_in_any_batch(tmp_path: Path) -> None:
    images = _corpus("image", pa.array([None] * 30 + [b"no image"]))
    for reading in (ImageInput("image", 2, 2, 3).encode, ImageInput.fit):
        with pytest.raises(DataError, match=r"row 30 .*of no known format"):
            reading(images.slice(20, 20).slice(5, 9))
    (tmp_path / "rows.csv").write_text("series,image\n" + '"[1, 2]",\n' * 12 + "abc,/dev/zero\n")
    for kind, said in (("series", "'abc' in row 12"), ("image", "in row 12 .*no file")):
        scanned = scan(str(tmp_path / "rows.csv"), text=OtherColumns(kind), batch_rows=5)
        rows = scanned.rows()
        assert scanned.corpus([next(rows), next(rows)][1]).first == 5
        with pytest.raises(DataError, match=said):
            list(rows)
    (tmp_path / "deep.csv").write_text("series\n" + "[" * 100_000 + "\n")
    with pytest.raises(DataError, match="expected a series"):
        list(scan(str(tmp_path / "deep.csv"), text=OtherColumns("series")).rows())


def test_images_are_moved_in_training_alone() -> None:
    net = build("resnet", 0, {"channels": 1, "sizes": [16]})
    images = torch.rand(2, 1, 8, 8)
    assert torch.equal(net.eval().get_submodule("moved")(images), images)
    assert not torch.equal(net.train().get_submodule("moved")(images), images)


def _corpus(kind: str, rows: Any) -> Any:
    return as_corpus(rows, text=OtherColumns(kind))
