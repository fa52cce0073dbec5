"""A recipe that is being edited, as the child sees it: shapes as far as they go, the error and its place, the calls."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from workbench.catalog import Kind, single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog, recipe_file
from workbench.recipe.document import parse, read
from workbench.recipe.schema import Data
from workbench.training.preparing import prepare
from workbench.worker.examine import examine, look_at_data
from workbench.worker.kept_data import KeptData, stamp

HEAD = "kwb: 1\ndata: {use: diabetes}\ntrain: {loss: mse}\n"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(discover())


@pytest.fixture(scope="module")
def kept() -> KeptData:
    return KeptData()


@pytest.fixture
def look(catalog, kept):
    return lambda model: examine(parse(HEAD + model, name="r.yaml"), catalog, kept)


def built_in(catalog, name):
    return read(Path(recipe_file(catalog.find(Kind.RECIPE, name))))


def test_a_stack_has_a_row_for_each_layer(look):
    answer = look(
        "model: {sequential: [{use: MyDense, units: 30}, {use: Dropout, rate: 0.1}, {use: Dense, units: 1}]}"
    )
    assert answer["error"] is None
    assert [(row["key"], row["class"], row["output_shape"], row["parameters"]) for row in answer["rows"]] == [
        ("model.sequential[0]", "MyDense", [None, 30], 330),
        ("model.sequential[1]", "Dropout", [None, 30], 0),
        ("model.sequential[2]", "Dense", [None, 1], 31),
    ]
    assert answer["parameters"] == answer["trainable_parameters"] == 361
    assert answer["inputs"] == {"features": [10]}
    assert [(call["path"], call["sources"]) for call in answer["calls"]] == [
        ("my_dense", ("in0",)),
        ("dropout", ("my_dense#1",)),
        ("dense", ("dropout#1",)),
    ]
    assert answer["outputs"] == ["dense#1"]


def test_what_stands_before_an_error_has_its_shape(look):
    answer = look(
        "model:\n  sequential:\n    - {use: MyDense, units: 30}\n    - {use: MyDense, units: 20}\n"
        "    - {use: ResidualBlock, n_layers: 2, n_neurons: 30}\n    - {use: Dense, units: 1}\n"
    )
    assert [(row["key"], row["output_shape"]) for row in answer["rows"]] == [
        ("model.sequential[0]", [None, 30]),
        ("model.sequential[1]", [None, 20]),
    ]
    assert answer["error"]["where"] == "r.yaml:8: model.sequential[2]"
    assert "30" in answer["error"]["what"]
    assert "calls" not in answer


def test_a_layer_that_cannot_be_made_leaves_the_shapes_before_it(look):
    answer = look("model: {sequential: [{use: MyDense, units: 30}, {use: MyDense, unit: 1}]}")
    assert [row["output_shape"] for row in answer["rows"]] == [[None, 30]]
    assert answer["error"]["what"] == "MyDense has no argument 'unit'."
    two = look("model: {sequential: [{use: MyDense, units: 30}, MyMultiLayer]}")
    assert [row["output_shape"] for row in two["rows"]] == [[None, 30]]
    assert two["error"]["what"] == "MyMultiLayer expects 2 inputs; a layer in a stack gets 1."


def test_a_graph_has_a_row_for_each_line_and_each_shared_layer(look):
    answer = look(
        "model:\n  inputs: {features: [10]}\n  layers: {wide: {use: Dense, units: 10}}\n  graph:\n"
        "    - z = wide(features)\n    - z = wide(z)\n    - y = Add()(z, features)\n"
        "    - y = Dense(1)(Flatten()(y))\n  outputs: [y]\n"
    )
    assert answer["error"] is None
    assert [(row["key"], row["class"], row["output_shape"], row["parameters"]) for row in answer["rows"]] == [
        ("model.layers.wide", "Dense", [None, 10], 110),
        ("model.graph[0]", "Dense", [None, 10], 110),
        ("model.graph[1]", "Dense", [None, 10], 110),
        ("model.graph[2]", "Add", [None, 10], 0),
        ("model.graph[3]", "Dense", [None, 1], 11),
    ]
    assert [(c["path"], c["number"], c["sources"]) for c in answer["calls"] if c["parent"] is None] == [
        ("wide", 1, ("in0",)),
        ("wide", 2, ("wide#1",)),
        ("add", 1, ("wide#2", "in0")),
        ("flatten", 1, ("add#1",)),
        ("dense", 1, ("flatten#1",)),
    ]


def test_a_model_class_shows_its_layers_as_called(catalog, kept):
    answer = examine(built_in(catalog, "residual-regressor"), catalog, kept)
    calls = answer["calls"]
    assert [(c["path"], c["number"], c["sources"]) for c in calls if c["parent"] is None] == [
        ("hidden", 1, ("in0",)),
        ("block1", 1, ("hidden#1",)),
        ("block1", 2, ("block1#1",)),
        ("block1", 3, ("block1#2",)),
        ("block1", 4, ("block1#3",)),
        ("block2", 1, ("block1#4",)),
        ("out", 1, ("block2#1",)),
    ]
    inside = [(c["path"], c["sources"]) for c in calls if c["parent"] == "block2#1"]
    assert inside == [
        ("block2/hidden/0", ("in0",)),
        ("block2/hidden/1", ("block2/hidden/0#1",)),
        ("+", ("in0", "block2/hidden/1#1")),  # the skip connection
    ]
    (block,) = [c for c in calls if c["id"] == "block2#1"]
    assert block["ends"] == (next(c["id"] for c in calls if c["path"] == "+" and c["parent"] == "block2#1"),)


def test_a_layer_that_only_adds_a_loss_is_in_the_picture(catalog, kept):
    calls = examine(built_in(catalog, "reconstructing-regressor"), catalog, kept)["calls"]
    sources = {call["path"]: call["sources"] for call in calls}
    assert sources["reconstruct"] == sources["out"] == ("hidden/4#1",)


def test_several_inputs_and_outputs_of_a_layer(catalog, kept):
    answer = examine(built_in(catalog, "multi-inputs"), catalog, kept)
    calls = {call["path"]: call for call in answer["calls"]}
    assert answer["input_names"] == ["patient", "serum"]
    assert calls["my_multi_layer"]["sources"] == ("my_dense#1", "dense#1")
    assert calls["my_multi_layer"]["output_shape"] == [[None, 16]] * 3
    assert calls["concatenate"]["sources"] == ("my_multi_layer#1",)


def test_data_that_cannot_be_read_is_the_error(catalog):
    document = parse(
        "kwb: 1\ndata: {use: csv, path: none.csv}\nmodel: {sequential: [Flatten]}\n", name="r.yaml"
    )
    answer = examine(document, catalog, KeptData())
    assert answer["rows"] == []
    assert "none.csv" in answer["error"]["what"] + answer["error"]["where"]


def test_data_is_read_again_when_its_file_is_another(catalog, tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("a,b\n" + "1,2\n" * 20)
    text = (
        "kwb: 1\ndata: {use: csv, path: t.csv, targets: b}\nmodel: {sequential: [{use: Dense, units: 1}]}\n"
    )
    text += "train: {loss: mse}"
    document = parse(text, folder=tmp_path)
    kept = KeptData()
    assert examine(document, catalog, kept)["data"].startswith("20 rows")
    assert kept.load(document, catalog) is kept.load(document, catalog)
    file.write_text("a,b\n" + "1,2\n" * 30)
    assert examine(document, catalog, kept)["data"].startswith("30 rows")


def test_a_look_at_data(catalog):
    answer = look_at_data(Data(use="iris", split={"validation": 0.2}), catalog, Path(), 0, 3)
    assert answer["error"] is None
    assert answer["preview"]["rows"] == 150
    assert len(answer["preview"]["first_rows"]) == 3
    (balance,) = answer["balance"].values()
    assert {name: sum(counts) for name, counts in balance.items()} == {
        "setosa": 50,
        "versicolor": 50,
        "virginica": 50,
    }


def test_a_look_at_data_that_cannot_be_used_as_it_is(catalog, tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n,3\n")
    answer = look_at_data(Data.model_validate({"use": "csv", "path": "t.csv"}), catalog, tmp_path, 0, 3)
    assert [column["name"] for column in answer["preview"]["columns"]] == ["a", "b"]
    assert answer["error"] is not None
    assert answer["roles"]["inputs"] == {"features": ["a", "b"]}
    assert answer["roles"]["targets"] == {}


def test_any_file_that_the_section_names_counts_also_one_put_in_its_place_with_the_same_time(tmp_path):
    for name in ("a.csv", "labels.csv", "new.csv"):
        (tmp_path / name).write_text("1\n")
        os.utime(tmp_path / name, ns=(0, 0))
    data = Data.model_validate({"use": "csv", "path": "a.csv", "labels": "labels.csv", "delimiter": ";"})
    before = stamp(data, tmp_path)
    assert len(before) == 2
    os.replace(tmp_path / "new.csv", tmp_path / "labels.csv")
    assert stamp(data, tmp_path) != before
    (tmp_path / "b1.csv").write_text("1\n")
    data = Data.model_validate({"use": "csv", "path": ["a.csv", "b*.csv"], "test": "labels.csv"})
    assert len(stamp(data, tmp_path)) == 3
    (tmp_path / "b2.csv").write_text("1\n")
    assert len(stamp(data, tmp_path)) == 4


SHAPED = """
import keras


class Gate(keras.layers.Layer):
    def call(self, x, training=False):
        if training:
            return x
        return x * self.missing

    def compute_output_shape(self, input_shape):
        return input_shape


class Late(keras.layers.Layer):
    def call(self, x):
        return x @ keras.ops.ones((3, 3))

    def compute_output_shape(self, input_shape):
        return input_shape
"""


def test_a_call_that_fails_is_found_though_the_layer_says_its_shape(tmp_path):
    """Keras builds such a layer without calling it."""
    (tmp_path / "shaped.py").write_text(SHAPED)
    own = Catalog(discover([tmp_path / "shaped.py"], scan=single_file.scan))
    late = HEAD + "model: {sequential: [{use: Dense, units: 4}, Late, {use: Dense, units: 1}]}"
    answer = examine(parse(late, name="r.yaml"), own, KeptData())
    error = answer["error"]
    assert error["where"] == "r.yaml:4: model.sequential[1]"
    assert error["what"].startswith("Late cannot take an input of shape (batch, 4): ")
    assert [row["output_shape"] for row in answer["rows"]] == [[None, 4], [None, 4], [None, 1]]
    with pytest.raises(
        Exception, match=r"(?i)dim|shape|incompatible|multipl"
    ):  # as plain Keras says in its first step
        prepare(parse(late, name="r.yaml"), own).model.predict(np.zeros((2, 10)), verbose=0)
    gate = HEAD + "model: {sequential: [{use: Dense, units: 4}, Gate, {use: Dense, units: 1}]}"
    assert (
        examine(parse(gate, name="r.yaml"), own, KeptData())["error"] is None
    )  # it trains; only validation fails
