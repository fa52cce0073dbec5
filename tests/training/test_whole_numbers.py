"""Columns of numbers in Keras' preprocessing layers: as plain Keras has them, adapted on the training rows by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.conftest import Kwb
from workbench.catalog.lookup import Catalog
from workbench.errors import WorkbenchError
from workbench.recipe.document import Document, parse, to_yaml
from workbench.training.preparing import PreparedRun, prepare
from workbench.training.session import Session

IDS = np.array([123_456_789, 123_456_790, 5, 3_000_000_000])  # two are the same as 32-bit floats
GRAPH = {
    "inputs": {"id": "data", "age": "data", "kind": "data", "x": "data"},
    "graph": [
        'a = IntegerLookup(output_mode="one_hot")(id)',
        'b = Hashing(num_bins=16, output_mode="one_hot")(id)',
        'c = Discretization(num_bins=4, output_mode="one_hot")(age)',
        'd = CategoryEncoding(num_tokens=4, output_mode="one_hot")(kind)',
        "e = Normalization()(x)",
        "z = Concatenate()(a, b, c, d, e)",
        "y = Dense(1)(z)",
    ],
    "outputs": ["y"],
}
INPUTS = {"id": ["id"], "age": ["age"], "kind": ["kind"], "x": ["x", "age"]}


@pytest.fixture
def columns(tmp_path: Path) -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    found = {
        "id": random.choice(IDS, 200),
        "age": random.integers(18, 80, 200),
        "kind": random.integers(0, 4, 200),
        "x": random.normal(50, 9, 200).round(4),
    }
    found["y"] = (found["age"] / 10 + (found["id"] == IDS[0]) * 3 + found["kind"]).round(4)
    write(tmp_path / "rows.csv", found)
    return found


def write(path: Path, columns: dict[str, np.ndarray]) -> None:
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")


def recipe(folder: Path, model: dict[str, Any] = GRAPH, inputs: Any = INPUTS, **data: Any) -> Document:
    section = {
        "use": "csv",
        "path": "rows.csv",
        "targets": ["y"],
        "inputs": inputs,
        "split": {"validation": 0.2},
    }
    content = {
        "kwb": 1,
        "seed": 4,
        "data": section | data,
        "model": model,
        "train": {"epochs": 2, "loss": "mse", "watch": "none"},
        "save": [str(folder / "model.keras"), str(folder / "model.h5")],
    }
    return parse(to_yaml(content), name="r.yaml", folder=folder)


def by_hand(layer: Any, train: np.ndarray, rows: np.ndarray) -> np.ndarray:
    if hasattr(layer, "adapt"):
        layer.adapt(train)
    return np.asarray(layer(rows))


def only(run: PreparedRun, kind: Any) -> Any:
    (layer,) = [layer for layer in run.model.layers if isinstance(layer, kind)]
    return layer


@pytest.mark.parametrize("stream", [False, True])
def test_each_layer_is_that_of_plain_keras_on_the_columns_as_they_are(
    catalog: Catalog, tmp_path: Path, columns: dict[str, np.ndarray], stream: bool
) -> None:
    run = prepare(recipe(tmp_path, stream=stream, scale={"x": "none"}), catalog)
    part = run.prepared.train
    part = part.read_all() if stream else part  # type: ignore[union-attr]
    own = {name: columns[name][part.index][:, None] for name in ("id", "age", "kind")}  # type: ignore[union-attr]
    assert part.inputs["id"].dtype == np.int64  # type: ignore[union-attr]
    for kind, name, layer in [
        (keras.layers.IntegerLookup, "id", keras.layers.IntegerLookup(output_mode="one_hot")),
        (keras.layers.Hashing, "id", keras.layers.Hashing(16, output_mode="one_hot")),
        (keras.layers.Discretization, "age", keras.layers.Discretization(num_bins=4, output_mode="one_hot")),
        (keras.layers.CategoryEncoding, "kind", keras.layers.CategoryEncoding(4, output_mode="one_hot")),
    ]:
        mine = np.asarray(only(run, kind)(part.inputs[name]))  # type: ignore[union-attr]
        assert np.array_equal(mine, by_hand(layer, own[name], own[name])), kind
    both = np.stack([columns["x"], columns["age"]], axis=1)[part.index]  # type: ignore[union-attr]
    mine = np.asarray(only(run, keras.layers.Normalization)(part.inputs["x"]))  # type: ignore[union-attr]
    np.testing.assert_allclose(mine, by_hand(keras.layers.Normalization(), both, both), rtol=1e-4, atol=1e-5)
    assert only(run, keras.layers.IntegerLookup).vocabulary_size() == 5


def test_a_saved_file_predicts_from_raw_rows_in_another_process(
    catalog: Catalog, tmp_path: Path, columns: dict[str, np.ndarray], kwb: Kwb
) -> None:
    Session(recipe(tmp_path), catalog, lambda event, line: None, runs_folder=tmp_path / "runs").run()
    model = keras.models.load_model(tmp_path / "model.keras", compile=False)
    rows = {name: columns[name][:, None] for name in ("id", "age", "kind")}
    rows["x"] = np.stack([columns["x"], columns["age"]], axis=1).astype("float32")
    expected = np.asarray(model.predict(rows, verbose=0))[:, 0]
    for name in ("model.keras", "model.h5"):
        done = kwb("predict", name, "--data", "rows.csv", "--out", "out.npz", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        np.testing.assert_allclose(np.load(tmp_path / "out.npz")["y"][:, 0], expected, rtol=1e-5)


def test_a_stack_gets_all_columns_and_an_id_that_is_new_is_unknown(
    catalog: Catalog, tmp_path: Path, columns: dict[str, np.ndarray]
) -> None:
    stack = {
        "sequential": [{"use": "IntegerLookup", "output_mode": "multi_hot"}, {"use": "Dense", "units": 1}]
    }
    run = prepare(recipe(tmp_path, stack, None, ignore=["x"]), catalog)
    inputs = run.prepared.train.inputs["features"]  # type: ignore[union-attr]
    whole = np.stack([columns[name] for name in ("id", "age", "kind")], axis=1)[run.prepared.train.index]  # type: ignore[union-attr]
    assert np.array_equal(inputs, whole)
    lookup = only(run, keras.layers.IntegerLookup)
    assert np.array_equal(np.asarray(lookup(np.array([[-7, -8, -9]])))[0].nonzero()[0], [0])


def test_what_is_no_whole_number_is_named(
    catalog: Catalog, tmp_path: Path, columns: dict[str, np.ndarray]
) -> None:
    lookup = {
        "sequential": [{"use": "IntegerLookup", "output_mode": "one_hot"}, {"use": "Dense", "units": 1}]
    }

    def refused(**data: Any) -> WorkbenchError:
        with pytest.raises(WorkbenchError) as caught:
            prepare(recipe(tmp_path, lookup, data.pop("inputs", {"id": ["id"]}), **data), catalog)
        return caught.value

    assert refused(inputs={"x": ["x"]}).what.startswith("column 'x' holds ")
    error = refused(scale={"id": "standard"})
    assert "given as whole numbers, which are not scaled" in error.what
    columns["id"] = columns["id"].astype(object)
    columns["id"][3] = "NA"
    write(tmp_path / "rows.csv", columns)
    error = refused(missing={"inputs": "mean"})
    assert "a missing value of 'id' cannot be" in error.what
    assert "`missing: {id: most_frequent}`" in error.hint
    columns["id"][:] = np.where(columns["kind"] > 1, "red", "blue")
    write(tmp_path / "rows.csv", columns)
    error = refused()
    assert "column 'id' holds texts" in error.what
    assert "`strings: [id]`" in error.hint
