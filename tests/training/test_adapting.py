"""Preprocessing layers learn their state from the training rows, as `layer.adapt(rows)` in plain Keras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.catalog.single_file import scan
from workbench.cli import main
from workbench.recipe.document import parse
from workbench.storage.run_folder import RunFolder
from workbench.training.preparing import PreparedRun, prepare

DATA = "data: {use: npz, path: rows.npz, targets: [y], split: {validation: 0.2, test: 0.2}}"
TRAIN = "train: {epochs: 2, loss: mse, engine: plain, watch: none}"
PARTS = """
import keras

class Inside(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.widen = keras.layers.Dense(4)
        self.norm = keras.layers.Normalization()
        self.out = keras.layers.Dense(1)

    def call(self, inputs):
        return self.out(self.norm(self.widen(inputs)))
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(3)
    np.savez(
        "rows.npz",
        x=random.normal(50, 9, size=(300, 3)).astype("float32"),
        y=random.normal(size=300).astype("float32"),
    )
    np.savez(
        "codes.npz",
        codes=random.choice([7, 11, 40, 41], p=[0.5, 0.3, 0.1, 0.1], size=(300, 2)).astype("int32"),
        x=random.normal(5, 2, size=(300, 3)).astype("float32"),
        y=random.normal(size=300).astype("float32"),
    )
    Path("parts.py").write_text(PARTS)


def prepared(model: str, catalog: Catalog, data: str = DATA, more: str = "") -> PreparedRun:
    text = f"kwb: 1\nname: adapting\nseed: 4\n{data}\n{model}\n{TRAIN}\n{more}"
    return prepare(parse(text, name="r.yaml", folder=Path.cwd()), catalog)


def only(model: Any, kind: Any) -> Any:
    (layer,) = [each for each in model._flatten_layers() if isinstance(each, kind)]
    return layer


def array(value: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(value))


def same_normalization(mine: Any, rows: Any) -> None:
    plain = keras.layers.Normalization()
    plain.adapt(array(rows))
    np.testing.assert_allclose(array(mine.mean), array(plain.mean), rtol=1e-5)
    np.testing.assert_allclose(array(mine.variance), array(plain.variance), rtol=1e-4)
    assert np.ptp(array(plain.variance)) > 0


def test_a_stack_on_the_training_part_only(catalog: Catalog) -> None:
    run = prepared("model: {sequential: [Normalization, {use: Dense, units: 1}]}", catalog)
    rows = run.prepared.train.inputs["x"]
    assert len(rows) == 180
    same_normalization(run.model.layers[0], rows)
    assert not run.warnings


def test_behind_other_layers_and_in_a_model_of_ones_own(catalog: Catalog) -> None:
    layers = "{use: Dense, units: 4}, {use: Dropout, rate: 0.5}, Normalization, {use: Dense, units: 1}"
    run = prepared(f"model: {{sequential: [{layers}]}}", catalog)
    rows = run.prepared.train.inputs["x"]
    same_normalization(run.model.layers[2], run.model.layers[0](rows))
    nested = (
        "model: {sequential: [{sequential: [{use: Dense, units: 4}, Normalization]}, {use: Dense, units: 1}]}"
    )
    run = prepared(nested, catalog)
    inner = run.model.layers[0]
    same_normalization(inner.layers[1], inner.layers[0](rows))
    own = Catalog(tuple(discover([Path("parts.py")], scan=scan)))
    run = prepared("model: {use: Inside}", own)
    same_normalization(run.model.norm, run.model.widen(rows))


def test_a_graph_of_several_inputs_whose_shapes_depend_on_it(catalog: Catalog) -> None:
    data = "data: {use: npz, path: codes.npz, targets: [y], split: {test: 0.2}}"
    graph = """\
model:
  inputs: {codes: [2], x: [3]}
  graph:
    - a = IntegerLookup(output_mode="multi_hot")(codes)
    - b = Discretization(num_bins=4, output_mode="int")(x)
    - c = CategoryEncoding(num_tokens=4, output_mode="multi_hot")(b)
    - d = Normalization()(x)
    - z = Concatenate()([a, c, d])
    - y = Dense(1)(z)
  outputs: [y]
"""
    run = prepared(graph, catalog, data)
    rows = run.prepared.train.inputs
    lookup = keras.layers.IntegerLookup(output_mode="multi_hot")
    lookup.adapt(rows["codes"])
    mine = only(run.model, keras.layers.IntegerLookup)
    assert (
        [int(v) for v in mine.get_vocabulary()]
        == [int(v) for v in lookup.get_vocabulary()]
        == [-1, 7, 11, *sorted([40, 41], key=lambda v: (-(rows["codes"] == v).sum(), -v))]
    )
    bins = keras.layers.Discretization(num_bins=4)
    bins.adapt(rows["x"])
    np.testing.assert_allclose(
        only(run.model, keras.layers.Discretization).bin_boundaries, bins.bin_boundaries, rtol=1e-6
    )
    same_normalization(only(run.model, keras.layers.Normalization), rows["x"])
    assert run.model.layers[-1].kernel.shape == (5 + 4 + 3, 1)


def test_rows_that_are_streamed(catalog: Catalog) -> None:
    with np.load("rows.npz") as content:
        lines = [",".join(map(str, [*row, y])) for row, y in zip(content["x"], content["y"], strict=True)]
    Path("rows.csv").write_text("\n".join(["a,b,c,y", *lines]))
    data = "data: {use: csv, path: rows.csv, targets: [y], stream: true, split: {test: 0.2}}"
    run = prepared("model: {sequential: [Normalization, {use: Dense, units: 1}]}", catalog, data)
    rows = np.concatenate([part.inputs["features"] for part in run.prepared.train.batches(64)])
    assert 200 < len(rows) < 280
    same_normalization(run.model.layers[0], rows)


def test_what_its_arguments_give_is_left_as_it_is(catalog: Catalog) -> None:
    given = "{use: Normalization, mean: [1, 2, 3], variance: [4, 4, 4]}, {use: Discretization, bin_boundaries: [0.0]}"
    run = prepared(f"model: {{sequential: [{given}, {{use: Dense, units: 1}}]}}", catalog)
    np.testing.assert_array_equal(array(run.model.layers[0].mean).ravel(), [1, 2, 3])
    assert run.model.layers[1].bin_boundaries == [0.0]
    assert run.adapter is not None
    assert not run.adapter.states

    saved = keras.layers.Normalization(name="saved")
    saved.adapt(np.ones((4, 3)) * [[1.0], [1.0], [3.0], [3.0]])
    never = keras.layers.Normalization(name="never")  # nobody adapted it, and the model was trained so
    keras.Sequential([keras.Input((3,)), saved, never, keras.layers.Dense(1)]).save("adapted.keras")
    for model in ("{load: adapted.keras}", "{sequential: [{load: adapted.keras}, {use: Dense, units: 1}]}"):
        run = prepared(f"model: {model}", catalog)
        layers = {each.name: each for each in run.model._flatten_layers()}
        np.testing.assert_array_equal(array(layers["saved"].mean).ravel(), [2, 2, 2])
        np.testing.assert_array_equal(array(layers["never"].adapt_mean).ravel(), [0, 0, 0])


def test_the_state_is_in_the_files_and_a_resumed_run_keeps_it(capfd: pytest.CaptureFixture[str]) -> None:
    recipe = f"""\
kwb: 1
name: kept
{DATA}
model:
  sequential:
    - Normalization
    - {{use: Discretization, num_bins: 5, output_mode: int}}
    - {{use: Embedding, input_dim: 5, output_dim: 2}}
    - Flatten
    - {{use: Dense, units: 1}}
{TRAIN}
save: [m.keras, m.h5, m.weights.h5]
"""
    Path("r.yaml").write_text(recipe)
    assert main(["--batch", "r.yaml"]) == 0
    names = "'normalization' (Normalization), 'discretization' (Discretization)"
    assert f"adapted to the training rows: {names}" in capfd.readouterr().out
    (folder,) = Path("saved/runs").iterdir()
    states = json.loads(RunFolder(folder).adapted.read_text())
    assert [state["class"] for state in states] == ["Normalization", "Discretization"]
    plain = keras.saving.load_model("m.keras")
    np.testing.assert_array_equal(array(plain.layers[0].adapt_mean), states[0]["adapt_mean"])
    assert plain.layers[1].bin_boundaries == states[1]["bin_boundaries"]
    capfd.readouterr()
    scores = []
    for file in ("m.keras", "m.h5", "m.weights.h5"):
        assert main(["evaluate", file, "--data", "r.yaml"]) == 0
        scores.append(capfd.readouterr().out)
    assert scores[0] == scores[1] == scores[2]

    with np.load("rows.npz") as content:
        np.savez("rows.npz", x=content["x"] * 100, y=content["y"])
    assert main(["--batch", "r.yaml", "--resume", "--set", "train.epochs=3"]) == 0
    again = keras.saving.load_model("m.keras")
    np.testing.assert_array_equal(array(again.layers[0].adapt_mean), states[0]["adapt_mean"])
    assert again.layers[1].bin_boundaries == states[1]["bin_boundaries"]


def test_rows_that_a_layer_cannot_use_are_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    layer = "{use: Normalization, axis: 3}"
    model = (
        f"model: {{sequential: [{{use: Discretization, num_bins: 0}}, {layer}, {{use: Dense, units: 1}}]}}"
    )
    Path("r.yaml").write_text(f"kwb: 1\nname: wrong\n{DATA}\n{model}\n{TRAIN}\n")
    assert main(["--batch", "r.yaml"]) == 2
    text = capfd.readouterr().err
    assert "r.yaml" in text
    assert "Traceback" not in text
