"""The open recipe: every edit a person makes, undo and redo, errors with their places, saving."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recipe.recipes import GRAPH, STACK, comments, graph, lines, stack
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.errors import FileError, RecipeError
from workbench.recipe import item_edits, model_edits
from workbench.recipe.document import parse
from workbench.recipe.editing import Editor
from workbench.recipe.outline import Role

__all__ = ["graph", "stack"]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(discover())


# --------------------------------------------------------------------------- rows


def test_a_stack_in_rows(stack):
    rows = [(row.role.value, row.key, row.name, row.use, row.arguments) for row in stack.rows]
    assert rows == [
        ("model", "model", "a stack of layers", "", ""),
        ("layer", "model.sequential[0]", "1", "MyDense", "units 30, activation elu"),
        ("layer", "model.sequential[1]", "2", "MyGaussianNoise", "stddev 0.1"),
        ("layer", "model.sequential[2]", "3", "Exponential", ""),
        ("train", "train", "training", "", ""),
        ("optimizer", "train.optimizer", "optimizer", "Adam", ""),
        ("loss", "train.loss", "loss", "mse", ""),
        ("metric", "train.metrics[0]", "metric", "mae", ""),
        ("callback", "train.callbacks[0]", "callback", "EarlyStopping", "patience 5"),
        ("file", "save", "save to", "nothing", ""),
    ]


def test_a_graph_in_rows(graph):
    rows = [
        (row.name, row.use, row.arguments, row.inputs, row.form) for row in graph.rows if row.part == "model"
    ]
    assert rows == [
        ("a graph of layers", "", "", "", ""),
        ("left", "input", "shape [2]", "", ""),
        ("right", "input", "shape [2]", "", ""),
        ("block", "ResidualBlock", "n_layers 2, n_neurons 8", "", "model.layers.block"),
        ("total, product, ratio", "MyMultiLayer", "", "left, right", "model.graph[0]"),
        ("z", "Dense", "8, activation relu", "total", "model.graph[1]"),
        ("z", "block", "", "z", "model.layers.block"),
        ("z", "block", "", "z", "model.layers.block"),
        ("joined", "Concatenate", "", "[z, product], axis=-1", "model.graph[4]"),
        ("price", "Dense", "1, name price", "joined", "model.graph[5]"),
        ("outputs", "", "", "price", ""),
    ]
    by_output = [(row.name, row.use) for row in graph.rows if row.role in (Role.LOSS, Role.METRIC)]
    assert by_output == [("loss of price", "mse"), ("metric of price", "mae")]


@pytest.mark.parametrize(
    "text",
    ["kwb: 1", "model: 3", "model: {sequential: 3}", "model: {graph: {a: 1}, inputs: [x], outputs: 3}",
     "train: [1]", "model: {sequential: [3, null, [1]]}", "model: {graph: [1]}",
     "train: {loss: 3, metrics: 3, callbacks: 3}\nsave: 3"],
)  # fmt: skip
def test_half_written_recipes_have_rows_and_an_error(text):
    editor = Editor(text)
    assert editor.rows
    assert editor.error is not None


# --------------------------------------------------------------------------- undo, text, errors


def test_every_edit_is_undone_and_redone(stack):
    stack.set("train.epochs", 5)
    model_edits.delete(stack, "model.sequential[1]")
    after = stack.text
    assert stack.undo()
    assert stack.get("train.epochs") == 5
    assert len(stack.get("model.sequential")) == 3
    assert stack.undo()
    assert stack.text == STACK
    assert not stack.undo()
    assert stack.redo()
    assert stack.redo()
    assert stack.text == after
    assert not stack.redo()


def test_a_new_edit_ends_what_could_be_redone(stack):
    stack.set("train.epochs", 5)
    stack.undo()
    stack.set("train.epochs", 6)
    assert not stack.redo()


def test_a_word_typed_is_one_step(stack):
    for end in range(1, 5):
        stack.replace_text(STACK + "# more"[:end], joined=True)
    stack.end_step()
    stack.replace_text(STACK + "# more", joined=True)
    stack.undo()
    assert stack.text == STACK + "# mo"
    stack.undo()
    assert stack.text == STACK


def test_argument_edits_of_one_field_are_one_step(stack):
    for value in (1, 12, 128):
        item_edits.set_argument(stack, "model.sequential[0]", "units", value)
    stack.undo()
    assert stack.text == STACK


def test_changes_are_reported_with_a_revision():
    reported = []
    editor = Editor(STACK, on_change=reported.append)
    editor.set("seed", 3)
    editor.set("seed", 3)
    editor.undo()
    assert reported == [1, 2]


def test_text_that_is_no_yaml_keeps_the_rows_and_refuses_edits(stack):
    rows = stack.rows
    stack.replace_text(STACK.replace("sequential:", "sequential: ["))
    assert stack.document is None
    assert stack.rows == rows
    assert not stack.is_yaml
    with pytest.raises(RecipeError, match="not valid YAML"):
        stack.set("seed", 1)
    stack.undo()
    assert stack.error is None


def test_an_error_has_its_key_and_line(stack, catalog):
    stack.set("train.epochs", "many")
    assert (stack.error.key, stack.error.line) == ("train.epochs", 13)
    assert stack.error.what == "must be a whole number, not 'many'."
    stack.undo()
    assert stack.check(catalog) is None
    item_edits.use(stack, "model.sequential[1]", "MyGausianNoise")
    assert stack.error is None
    error = stack.check(catalog)
    assert (error.key, error.line) == ("model.sequential[1]", 9)
    assert "MyGaussianNoise" in error.hint


def test_where_a_key_stands(stack):
    assert stack.line_of("model.sequential[1]") == 9
    assert stack.line_of("model.sequential[1].stddev") == 9
    assert stack.line_of("train.callbacks[0].patience") == 17
    assert stack.line_of("train.epochs") == 12


# --------------------------------------------------------------------------- arguments


def test_arguments_in_each_form(stack, graph):
    assert item_edits.arguments(stack, "model.sequential[0]") == {"units": 30, "activation": "elu"}
    assert item_edits.arguments(stack, "model.sequential[2]") == {}
    assert item_edits.arguments(stack, "train.callbacks[0]") == {"patience": 5}
    assert item_edits.arguments(graph, "model.layers.block") == {"n_layers": 2, "n_neurons": 8}
    order = ("units", "activation", "use_bias")
    assert item_edits.arguments(graph, "model.graph[1]", order) == {"units": 8, "activation": "relu"}
    assert item_edits.arguments(graph, "model.graph[5]") == {"name": "price"}


def test_an_argument_of_a_stack_layer(stack):
    item_edits.set_argument(stack, "model.sequential[0]", "units", 64)
    item_edits.set_argument(stack, "model.sequential[2]", "name", "positive")
    item_edits.unset_argument(stack, "model.sequential[0]", "activation")
    assert stack.get("model.sequential")[0] == {"use": "MyDense", "units": 64}
    assert stack.get("model.sequential")[2] == {"use": "Exponential", "name": "positive"}
    assert comments(stack.text) == comments(STACK)


def test_an_argument_of_a_graph_line(graph):
    order = ("units", "activation", "use_bias", "kernel_regularizer", "name")
    item_edits.set_argument(graph, "model.graph[1]", "units", 16, order)
    item_edits.set_argument(graph, "model.graph[1]", "use_bias", False, order)
    item_edits.set_argument(graph, "model.graph[1]", "kernel_regularizer", {"use": "L2", "l2": 0.01}, order)
    assert lines(graph)[1] == (
        'z = Dense(16, activation="relu", use_bias=False, kernel_regularizer=L2(l2=0.01))(total)'
    )
    assert item_edits.arguments(graph, "model.graph[1]", order)["kernel_regularizer"] == {
        "use": "L2",
        "l2": 0.01,
    }
    item_edits.unset_argument(graph, "model.graph[1]", "activation", order)
    item_edits.unset_argument(graph, "model.graph[1]", "units", order)
    assert lines(graph)[1] == "z = Dense(use_bias=False, kernel_regularizer=L2(l2=0.01))(total)"
    assert comments(graph.text) == comments(GRAPH)


def test_a_positional_argument_left_out_names_those_after_it():
    editor = Editor('model: {inputs: {x: [8]}, graph: ["z = Conv2D(16, 3, 2)(x)"], outputs: [z]}')
    item_edits.unset_argument(editor, "model.graph[0]", "kernel_size", ("filters", "kernel_size", "strides"))
    assert lines(editor) == ["z = Conv2D(16, strides=2)(x)"]


def test_the_default_optimizer_is_written_out_to_hold_an_argument(stack):
    item_edits.set_argument(stack, "train.optimizer", "learning_rate", 0.01)
    assert stack.get("train.optimizer") == {"use": "Adam", "learning_rate": 0.01}
    assert stack.document.recipe.train.optimizer.arguments == {"learning_rate": 0.01}


def test_another_entry_keeps_the_arguments_that_it_takes_too(stack, graph):
    item_edits.use(stack, "model.sequential[0]", "Dense", {"units": 1}, keep=("units", "activation"))
    assert stack.get("model.sequential")[0] == {"use": "Dense", "units": 30, "activation": "elu"}
    item_edits.use(graph, "model.graph[1]", "MyDense", keep=("units", "activation"))
    assert lines(graph)[1] == 'z = MyDense(units=8, activation="relu")(total)'
    item_edits.use(stack, "train.loss", "mae")
    assert "  loss: mae         # squared\n" in stack.text


# --------------------------------------------------------------------------- a stack


def test_layers_of_a_stack_are_added_moved_duplicated_and_deleted(stack):
    assert model_edits.add_layer(stack, 1, "Flatten") == "model.sequential[1]"
    assert model_edits.add_layer(stack, 4, "MyDense", {"units": 1}) == "model.sequential[4]"
    assert item_edits.move(stack, "model.sequential[4]", -1) == "model.sequential[3]"
    assert model_edits.duplicate(stack, "model.sequential[3]") == "model.sequential[4]"
    names = [row.use for row in stack.rows if row.role is Role.LAYER]
    assert names == ["MyDense", "Flatten", "MyGaussianNoise", "MyDense", "MyDense", "Exponential"]
    model_edits.delete(stack, "model.sequential[1]")
    assert stack.document is not None
    assert comments(stack.text) == comments(STACK)
    with pytest.raises(RecipeError, match="at the end"):
        item_edits.move(stack, "model.sequential[0]", -1)


def test_a_copy_has_no_name_of_its_own(stack):
    model_edits.rename(stack, "model.sequential[0]", "first")
    model_edits.duplicate(stack, "model.sequential[0]")
    assert stack.get("model.sequential")[1] == {"use": "MyDense", "units": 30, "activation": "elu"}


def test_a_stack_emptied_and_filled_again(stack):
    for _ in range(3):
        model_edits.delete(stack, "model.sequential[0]")
    assert stack.error is not None
    model_edits.add_layer(stack, 0, "MyDense", {"units": 1})
    assert stack.get("model.sequential") == [{"use": "MyDense", "units": 1}]
    assert stack.error is None


# --------------------------------------------------------------------------- training, data, saving


def test_training_parts_are_added_and_deleted(stack):
    assert item_edits.insert(stack, "train.callbacks", 1, "TerminateOnNaN") == "train.callbacks[1]"
    item_edits.insert(stack, "train.metrics", 1, "mse")
    item_edits.insert(stack, "save", 0, "saved/x.keras")
    item_edits.insert(stack, "train.callbacks", 0, "ReduceLROnPlateau", {"patience": 3})
    model_edits.delete(stack, "train.metrics[0]")
    assert stack.get("train.metrics") == ["mse"]
    assert stack.get("save") == ["saved/x.keras"]
    assert [row.use for row in stack.rows if row.role is Role.CALLBACK] == [
        "ReduceLROnPlateau",
        "EarlyStopping",
        "TerminateOnNaN",
    ]
    assert comments(stack.text) == comments(STACK)
    assert stack.error is None


def test_the_data_section_is_edited(stack):
    stack.set("data.scale", "standard")
    stack.set("data.split.test", 0.1)
    stack.remove("data.split.validation")
    stack.remove("data.nothing")
    assert stack.get("data") == {"use": "diabetes", "split": {"test": 0.1}, "scale": "standard"}
    assert "# kept small" in stack.text


def test_a_recipe_is_saved_and_opened(tmp_path, stack):
    assert not stack.dirty
    with pytest.raises(RecipeError, match="no file"):
        stack.save()
    stack.set("seed", 1)
    assert stack.dirty
    path = stack.save(tmp_path / "deep" / "prices.yaml")
    assert not stack.dirty
    assert stack.folder == path.parent
    again = Editor.open(path)
    assert again.text == stack.text
    assert again.name == "prices.yaml"
    assert parse(again.text).recipe.seed == 1
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(RecipeError, match="no such recipe file"):
        Editor.open(tmp_path / "none.yaml")


def test_a_recipe_that_cannot_be_saved_stays_dirty(tmp_path, stack):
    (tmp_path / "file").write_text("")
    stack.set("seed", 1)
    with pytest.raises(FileError):
        stack.save(tmp_path / "file" / "prices.yaml")
    assert stack.dirty
    assert stack.path is None


def test_every_built_in_recipe_has_rows_and_survives_edits(catalog):
    from workbench.catalog import Kind
    from workbench.catalog.lookup import recipe_file

    for entry in catalog.of_kind(Kind.RECIPE):
        editor = Editor.open(Path(recipe_file(entry)))
        before = editor.text
        assert editor.check(catalog) is None
        for row in editor.rows:
            if "[" in row.key:
                model_edits.duplicate(editor, row.key)
                item_edits.move(editor, row.key, 1)
                assert editor.is_yaml
                assert comments(editor.text) == comments(before)
        while editor.undo():
            pass
        assert editor.text == before


def test_a_saved_model_is_added_to_a_stack_and_to_a_graph() -> None:
    stack = Editor("kwb: 1\nname: a\ndata: diabetes\nmodel:\n  sequential:\n    - {use: Dense, units: 1}\n")
    assert model_edits.add_loaded(stack, 0, "saved/odd, name.keras") == "model.sequential[0]"
    assert stack.get("model.sequential") == [{"load": "saved/odd, name.keras"}, {"use": "Dense", "units": 1}]
    stack.undo()
    assert len(stack.get("model.sequential")) == 1

    graph = Editor(
        "kwb: 1\nname: a\ndata: diabetes\nmodel:\n  inputs: {x: [10]}\n  graph:\n"
        "    - y = Dense(1)(x)\n  outputs: [y]\n"
    )
    assert model_edits.add_loaded(graph, 0, "saved/price.keras") == "model.graph[0]"
    assert graph.get("model.layers") == {"price": {"load": "saved/price.keras"}}
    assert graph.get("model.graph") == ["z = price(x)", "y = Dense(1)(z)"]
    assert model_edits.add_loaded(graph, 1, "saved/price.keras") == "model.graph[1]"
    assert list(graph.get("model.layers")) == ["price", "price2"]

    one = Editor("kwb: 1\nname: a\ndata: diabetes\nmodel: {use: ResidualRegressor, output_dim: 1}\n")
    with pytest.raises(RecipeError):
        model_edits.add_loaded(one, 0, "saved/price.keras")
