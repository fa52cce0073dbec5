"""Files that plain Keras saved are evaluated and predicted as plain Keras does, output for output."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from workbench.catalog.lookup import Catalog
from workbench.data.streamed_part import StreamedPart
from workbench.errors import DataError
from workbench.training.prediction_table import predict, prediction_table
from workbench.training.saved_model import SavedModel
from workbench.worker.predictions import predictions_of

ROWS = 23
_RANDOM = np.random.default_rng(5)
X = _RANDOM.normal(size=(ROWS, 3)).astype("float32")
TARGETS = {
    "width": (X @ [1.0, 2, 3])[:, None].astype("float32"),
    "height": (X @ [-1.0, 0.5, 3])[:, None].astype("float32"),
    "area": (X @ [0.0, 1.5, -1])[:, None].astype("float32"),
}

# Each from the tensors width, height, area to the outputs of a model, or from the arrays to its targets.
FORMS: dict[str, Callable[..., Any]] = {
    "list": lambda width, height, area: [width, height, area],
    "list in another order": lambda width, height, area: [height, area, width],
    "dict": lambda width, height, area: {"width": width, "height": height, "area": area},
    "dict of lists": lambda width, height, area: {"size": [width, height], "area": area},
    "list of lists": lambda width, height, area: [[width, height], area],
    "one of two": lambda width, height, area: [width, height],
    "single": lambda width, height, area: width,
}
# The names that the data must have for the parts of a nested output.
NAMES = {"dict of lists": {"width": "size/width", "height": "size/height"}}


@pytest.fixture(params=[(form, ".keras") for form in FORMS] + [("list", ".h5"), ("single", ".h5")], ids=str)
def case(request: Any, tmp_path: Path) -> tuple[str, Any, Any, Path]:
    form, extension = request.param
    keras.utils.set_random_seed(1)
    inputs = keras.Input((3,), name="x")
    hidden = keras.layers.Dense(4, activation="tanh")(inputs)
    tensors = {name: keras.layers.Dense(1, name=name)(hidden) for name in TARGETS}
    model = keras.Model(inputs, FORMS[form](**tensors))
    model.compile("adam", "mse")
    y = FORMS[form](**TARGETS)
    model.fit(X, y, epochs=1, verbose=0)
    path = tmp_path / f"plain{extension}"
    model.save(path)
    return form, model, y, path


def recipe(folder: Path, names: list[str]) -> str:
    """A recipe whose data has the targets under these names; its model does not matter."""
    np.savez(folder / "data.npz", x=X, **TARGETS)
    targets = {name: name.rpartition("/")[2] for name in names}
    data = {"use": "npz", "path": "data.npz", "inputs": {"x": "x"}, "targets": targets}
    path = folder / "r.yaml"
    path.write_text(json.dumps({"kwb": 1, "data": data, "model": {"sequential": [{"use": "Flatten"}]}}))
    return str(path)


def names_of(form: str, y: Any) -> list[str]:
    given = [name for name in TARGETS if any(array is TARGETS[name] for array in keras.tree.flatten(y))]
    return [NAMES.get(form, {}).get(name, name) for name in given]


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "turned round"])
def test_as_evaluate_and_predict_of_keras(
    case: tuple[str, Any, Any, Path], order: int, tmp_path: Path, catalog: Catalog
) -> None:
    form, model, y, path = case
    names = names_of(form, y)
    saved = SavedModel.open(path, catalog)
    part = saved.read(recipe(tmp_path, names[::order]), catalog, with_targets=True)

    wanted = model.evaluate(X, y, verbose=0, return_dict=True)
    assert saved.evaluate(part) == pytest.approx(wanted, rel=1e-5)

    predicted = model.predict(X, verbose=0)
    outputs = saved.predict(part)
    flat = zip(keras.tree.flatten(y), keras.tree.flatten(predicted), strict=True)
    for target, prediction in flat:
        name = next(name for name in TARGETS if TARGETS[name] is target)
        np.testing.assert_array_equal(outputs[NAMES.get(form, {}).get(name, name)], prediction)

    table = prediction_table(saved, predict(saved, lambda with_targets: part))
    rows = list(csv.DictReader(table.as_csv(table.order()).splitlines()))
    assert len(rows) == ROWS
    compared = predictions_of(table, 1)["comparisons"]
    assert sorted(each["name"] for each in compared) == sorted(names)
    for target, prediction in zip(keras.tree.flatten(y), keras.tree.flatten(predicted), strict=True):
        name = next(name for name in TARGETS if TARGETS[name] is target)
        name = NAMES.get(form, {}).get(name, name)
        assert [float(row[name]) for row in rows] == pytest.approx(prediction[:, 0].tolist())
        one = next(each for each in compared if each["name"] == name)
        assert one["mae"] == pytest.approx(float(np.abs(prediction - target).mean()), rel=1e-5)


def test_columns_of_one_target_go_to_outputs_by_name(tmp_path: Path, catalog: Catalog) -> None:
    """As many rows as outputs: a transposed table would fit as well."""
    inputs = keras.Input((2,), name="inputs")
    model = keras.Model(inputs, [keras.layers.Dense(1, name=name)(inputs) for name in ("width", "height")])
    model.compile("adam", "mse")
    model.save(tmp_path / "two.keras")
    table = "a,b,height,width\n1,2,3,4\n-1,0,5,1\n"
    (tmp_path / "t.csv").write_text(table)
    x, height, width = np.array([[1, 2], [-1, 0.0]]), np.array([[3.0], [5]]), np.array([[4.0], [1]])
    data = {"use": "csv", "path": "t.csv", "targets": ["height", "width"]}
    path = tmp_path / "r.yaml"
    path.write_text(json.dumps({"kwb": 1, "data": data, "model": {"sequential": [{"use": "Flatten"}]}}))

    saved = SavedModel.open(tmp_path / "two.keras", catalog)
    part = saved.read(str(path), catalog, with_targets=True)
    wanted = model.evaluate(x, [width, height], verbose=0, return_dict=True)
    assert saved.evaluate(part) == pytest.approx(wanted, rel=1e-5)
    predicted = dict(zip(("width", "height"), model.predict(x, verbose=0), strict=True))
    table = prediction_table(saved, predict(saved, lambda with_targets: part))
    for row in csv.DictReader(table.as_csv(table.order()).splitlines()):
        at = int(row["row"]) - 1
        assert float(row["width"]) == pytest.approx(float(predicted["width"][at, 0]))
        assert float(row["height"]) == pytest.approx(float(predicted["height"][at, 0]))


def test_a_loss_for_some_outputs_only(tmp_path: Path, catalog: Catalog) -> None:
    inputs = keras.Input((3,), name="x")
    model = keras.Model(
        inputs, {name: keras.layers.Dense(1, name=name)(inputs) for name in ("width", "height")}
    )
    model.compile("adam", {"height": "mse"})
    model.fit(X, {"height": TARGETS["height"]}, verbose=0)
    model.save(tmp_path / "one.keras")
    saved = SavedModel.open(tmp_path / "one.keras", catalog)
    part = saved.read(recipe(tmp_path, ["height"]), catalog, with_targets=True)
    wanted = model.evaluate(X, {"height": TARGETS["height"]}, verbose=0, return_dict=True)
    assert saved.evaluate(part) == pytest.approx(wanted, rel=1e-5)


def test_names_that_stand_at_other_places_are_no_positions(tmp_path: Path, catalog: Catalog) -> None:
    inputs = keras.Input((3,), name="x")
    model = keras.Model(inputs, [keras.layers.Dense(1, name=name)(inputs) for name in ("width", "other")])
    model.compile("adam", "mse")
    model.save(tmp_path / "two.keras")
    saved = SavedModel.open(tmp_path / "two.keras", catalog)
    part = saved.read(recipe(tmp_path, ["area", "width"]), catalog, with_targets=True)
    with pytest.raises(DataError, match="'width' is at another position"):
        saved.evaluate(part)
    assert list(saved.predict(part)) == ["width", "other"]


def test_from_the_command_line(tmp_path: Path, kwb: Callable[..., Any]) -> None:
    inputs = keras.Input((3,), name="x")
    model = keras.Model(inputs, [keras.layers.Dense(1, name=name)(inputs) for name in ("width", "height")])
    model.compile("adam", "mse")
    model.save(tmp_path / "two.keras")
    data = recipe(tmp_path, ["height", "width"])
    done = kwb("evaluate", str(tmp_path / "two.keras"), "--data", data, "--json")
    assert done.returncode == 0, done.stderr
    wanted = model.evaluate(X, [TARGETS["width"], TARGETS["height"]], verbose=0, return_dict=True)
    assert json.loads(done.stdout) == pytest.approx(wanted, rel=1e-5)


def test_rows_that_are_streamed(tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluated and predicted block by block: the same numbers as at once."""
    monkeypatch.setattr("workbench.training.saved_model.WINDOW_BYTES", 1)
    rows = 1_000
    x = np.random.default_rng(3).normal(size=(rows, 3)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.save(tmp_path / "one.keras")
    data = {"use": "npz", "path": "data.npz", "inputs": {"x": "x"}, "targets": "y", "stream": True}
    path = tmp_path / "r.yaml"
    path.write_text(json.dumps({"kwb": 1, "data": data, "model": {"sequential": [{"use": "Flatten"}]}}))
    saved = SavedModel.open(tmp_path / "one.keras", catalog)
    part = saved.read(str(path), catalog, with_targets=True)
    assert isinstance(part, StreamedPart)
    wanted = model.evaluate(x, y, verbose=0, return_dict=True, batch_size=256)
    assert saved.evaluate(part) == pytest.approx(wanted, rel=1e-5)
    table = prediction_table(saved, predict(saved, lambda with_targets: part))
    assert table.rows == rows
    (judged,) = table.judged
    np.testing.assert_allclose(judged.predicted, model.predict(x, verbose=0)[:, 0], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(judged.true, y[:, 0])
    worst = table.order(judged.name)
    errors = np.abs(model.predict(x, verbose=0) - y)[:, 0]
    np.testing.assert_allclose(errors[worst], np.sort(errors)[::-1], rtol=1e-4, atol=1e-5)
