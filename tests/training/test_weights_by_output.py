"""Sample weights of each target: `sample_weight: {a: wa, b: wb}`, as stock `fit` takes a list or a dict of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.engine_cases import ENGINES
from tests.training.test_reports import assert_close, logs_of
from tests.whole import whole
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError
from workbench.recipe.document import Document, parse
from workbench.training.preparing import prepare
from workbench.training.saved_model import SavedModel
from workbench.training.session import Session

ROWS, TRAIN, VALIDATION = 60, slice(0, 30), slice(30, 48)
TEST = slice(48, ROWS)
rng = np.random.default_rng(2)
X = rng.normal(size=(ROWS, 2)).astype("float32")
A = (X[:, :1] - X[:, 1:]).astype("float32")
B = (X[:, :1] * X[:, 1:]).astype("float32")
WA, WB = rng.uniform(0, 3, ROWS).astype("float32"), (np.arange(ROWS) % 3).astype("float32")
ONES = np.ones(ROWS, "float32")

GRAPH = """
model:
  inputs: {x: [2]}
  graph: ['h = Dense(4, activation="tanh")(x)', a = Dense(1)(h), b = Dense(1)(h)]
  outputs: [a, b]
"""
WEIGHTS = {"{a: wa, b: wb}": (WA, WB), "{b: wb}": (ONES, WB), "{b: wa, a: wa}": (WA, WA)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table = np.column_stack([X, A, B, WA, WB])
    lines = [",".join(map(repr, row)) for row in table.tolist()]
    (tmp_path / "t.csv").write_text("\n".join(["x1,x2,a,b,wa,wb", *lines]) + "\n")
    return tmp_path


def recipe(
    folder: Path, weights: str, engine: str = "plain", model: str = GRAPH, stream: str = "false"
) -> Document:
    text = f"""
kwb: 1
seed: 3
data:
  use: csv
  path: t.csv
  stream: {stream}
  inputs: {{x: [x1, x2]}}
  targets: {{a: [a], b: [b]}}
  sample_weight: {weights}
  split: {{validation: 0.3, test: 0.2, shuffle: false}}
{model}
train:
  engine: {engine}
  epochs: 3
  batch_size: 10
  shuffle: false
  watch: none
  loss: {{a: mse, b: mae}}
  metrics: {{a: [mae], b: [mse]}}
  weighted_metrics: {{a: [mae], b: [mse]}}
"""
    return parse(text, name="r.yaml", folder=folder)


def by_name(a: np.ndarray, b: np.ndarray) -> Any:
    return {"a": a, "b": b}


def in_order(a: np.ndarray, b: np.ndarray) -> Any:
    """As the loaded model has its outputs."""
    return [b, a]


def stock(
    document: Document, catalog: Catalog, weights: Any, pack: Any
) -> tuple[dict[str, Any], dict[str, float]]:
    """The logs and the evaluation of Keras' own `fit`, of numbers that kwb has not touched."""
    model = prepare(document, catalog).model

    def rows(part: slice) -> tuple[Any, Any, Any]:
        return X[part], pack(A[part], B[part]), pack(*(each[part] for each in weights))

    x, y, own = rows(TRAIN)
    history = model.fit(
        x, y, sample_weight=own, validation_data=rows(VALIDATION), batch_size=10, epochs=3, shuffle=False, verbose=0
    ).history  # fmt: skip
    x, y, own = rows(TEST)
    return history, model.evaluate(x, y, sample_weight=own, batch_size=10, return_dict=True, verbose=0)


@pytest.mark.parametrize(
    ("weights", "engine"),
    [(weights, engine) for weights in WEIGHTS for engine in ("auto", *ENGINES)]
    if whole("engines")
    else [("{a: wa, b: wb}", "auto"), ("{b: wb}", "chunk"), ("{b: wa, a: wa}", "plain")],
)
def test_a_dict_of_outputs(weights: str, engine: str, folder: Path, catalog: Catalog) -> None:
    found = logs_of(recipe(folder, weights, engine), catalog, folder)
    wanted, _ = stock(recipe(folder, weights), catalog, WEIGHTS[weights], by_name)
    assert_close(found, wanted)
    assert found["val_a_mae"] != found["val_a_weighted_mae"] or weights == "{b: wb}"


@pytest.mark.parametrize("engine", ["auto", *ENGINES] if whole("engines") else ["chunk"])
def test_a_list_of_outputs(engine: str, folder: Path, catalog: Catalog) -> None:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((2,), name="x")
    outputs = [keras.layers.Dense(1, name=name)(inputs) for name in ("b", "a")]
    keras.Model(inputs, outputs).save(folder / "m.keras")
    document = recipe(folder, "{a: wa, b: wb}", engine, "model: {load: m.keras}")
    wanted, _ = stock(document, catalog, (WA, WB), in_order)
    assert_close(logs_of(document, catalog, folder), wanted)


@pytest.mark.parametrize("stream", ["true", "false"])
def test_the_file_evaluates_with_them(stream: str, folder: Path, catalog: Catalog) -> None:
    """In memory and as a stream the rows of the parts are others, so the test part is asked what it holds."""
    document = recipe(folder, "{a: wa, b: wb}", stream=stream)
    finished = Session(document, catalog, lambda event, line: None, runs_folder=folder / "runs").run()
    (path,) = (folder / "runs").glob("*/model.keras")
    saved = SavedModel.open(path, catalog)
    assert saved.notes is not None
    assert saved.notes.preparation.sample_weight == {"a": "wa", "b": "wb"}
    rows = saved.read_own(folder, catalog, with_targets=True)
    # Keras has the loss of an output as the mean of the batches, whose rows are others here.
    found = {name: value for name, value in finished.evaluation.items() if name not in ("a_loss", "b_loss")}
    again = saved.evaluate(rows)
    assert {name: again[name] for name in found} == pytest.approx(found, rel=1e-5)
    at = np.concatenate([part.index for part in saved.blocks(rows)])
    model = keras.models.load_model(path)
    own = by_name(WA[at], WB[at])
    alone = model.evaluate(X[at], by_name(A[at], B[at]), sample_weight=own, return_dict=True, verbose=0)
    assert {name: alone[name] for name in found} == pytest.approx(found, rel=1e-5)
    if stream == "false":
        _, wanted = stock(document, catalog, (WA, WB), by_name)
        assert dict(finished.evaluation) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("weights", "where", "what"),
    [
        ("{prize: wa, b: wb}", "data.sample_weight.prize", "there is no target 'prize'. The targets are: a, b."),
        ("{A: wa}", "data.sample_weight.A", "Did you mean 'a'?"),
        ("{a: wc}", "data.sample_weight.a", "there is no column 'wc'"),
        ("{a: 5}", "data.sample_weight.a", "must be a text, not 5"),
        ("{}", "data.sample_weight", "must not be empty"),
        ("5", "data.sample_weight", "must be a text, not 5"),
    ],
)  # fmt: skip
def test_what_is_no_output_and_no_column_is_reported_with_its_line(
    weights: str, where: str, what: str, folder: Path, catalog: Catalog
) -> None:
    with pytest.raises(RecipeError) as error:
        prepare(recipe(folder, weights), catalog)
    assert error.value.where == f"r.yaml:10: {where}"
    assert what in str(error.value)


def test_an_output_may_weigh_nothing_but_not_all_of_them(folder: Path, catalog: Catalog) -> None:
    text = (folder / "t.csv").read_text().splitlines()
    rows = [line.rsplit(",", 1)[0] for line in text[1:]]
    (folder / "t.csv").write_text("\n".join([text[0], *(f"{row},0" for row in rows)]) + "\n")
    found = logs_of(recipe(folder, "{a: wa, b: wb}"), catalog, folder)
    wanted, _ = stock(recipe(folder, "{a: wa, b: wb}"), catalog, (WA, 0 * WB), by_name)
    assert_close(found, wanted)
    with pytest.raises(Exception, match="the sample weights 'wb' are all 0"):
        prepare(recipe(folder, "{a: wb, b: wb}"), catalog)
