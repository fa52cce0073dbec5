"""The open recipe: every edit a person makes, undo and redo, errors with their places, saving."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.errors import FileError, RecipeError
from workbench.recipe import graph_edits, item_edits, model_edits
from workbench.recipe.document import parse
from workbench.recipe.editing import Editor
from workbench.recipe.outline import ModelForm, Role

STACK = """\
# Prices.
kwb: 1
data: {use: diabetes, split: {validation: 0.2}}   # kept small

model:
  sequential:
    - {use: MyDense, units: 30, activation: elu}   # wide
    # in training only
    - {use: MyGaussianNoise, stddev: 0.1}
    - Exponential

train:
  loss: mse         # squared
  metrics: [mae]
  callbacks:
    - use: EarlyStopping
      patience: 5   # epochs
"""

GRAPH = """\
kwb: 1
data:
  use: diabetes
  inputs: {left: [a, b], right: [c, d]}
model:
  inputs: {left: [2], right: [2]}
  layers:
    block: {use: ResidualBlock, n_layers: 2, n_neurons: 8}   # shared
  graph:
    # both sides meet
    - total, product, ratio = MyMultiLayer()(left, right)
    - z = Dense(8, activation="relu")(total)   # wide
    - z = block(z)
    - z = block(z)
    - joined = Concatenate()([z, product], axis=-1)
    - price = Dense(1, name="price")(joined)
  outputs: [price]
train: {loss: {price: mse}, metrics: {price: [mae]}}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(discover())


@pytest.fixture
def stack() -> Editor:
    return Editor(STACK, name="prices.yaml")


@pytest.fixture
def graph() -> Editor:
    return Editor(GRAPH, name="prices.yaml")


def lines(editor: Editor) -> list[str]:
    return editor.get("model.graph")


def comments(text: str) -> list[str]:
    return sorted(line[line.index("#") :].strip() for line in text.splitlines() if "#" in line)


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


# --------------------------------------------------------------------------- a graph


def test_a_new_line_goes_between(graph):
    key = model_edits.add_layer(graph, 2, "Dropout", {"rate": 0.5})
    assert key == "model.graph[2]"
    assert lines(graph)[1:4] == [
        'z = Dense(8, activation="relu")(total)',
        "z = Dropout(rate=0.5)(z)",
        "z = block(z)",
    ]
    assert comments(graph.text) == comments(GRAPH)


def test_a_new_first_line_takes_the_first_input():
    editor = Editor("model: {inputs: {x: [8]}, graph: [], outputs: []}")
    model_edits.add_layer(editor, 0, "Dense", {"units": 3})
    model_edits.add_layer(editor, 1, "Dense", {"units": 1})
    assert lines(editor) == ["z = Dense(units=3)(x)", "z = Dense(units=1)(z)"]
    assert editor.get("model.outputs") == ["z"]
    model_edits.add_layer(editor, 0, "Flatten")
    assert lines(editor)[:2] == ["z2 = Flatten()(x)", "z = Dense(units=3)(z2)"]


def test_a_layer_of_two_inputs_and_three_outputs():
    editor = Editor("model: {inputs: {left: [8], right: [8]}, graph: [], outputs: []}")
    model_edits.add_layer(editor, 0, "MyMultiLayer", inputs=2, outputs=3)
    assert lines(editor) == ["z1, z2, z3 = MyMultiLayer()(left, right)"]
    model_edits.add_layer(editor, 1, "Add", inputs=2)
    assert lines(editor)[1] == "z = Add()(z2, z3)"
    model_edits.add_layer(editor, 2, "Dense", {"units": 1})
    assert lines(editor)[2] == "z = Dense(units=1)(z)"
    model_edits.add_layer(editor, 1, "Concatenate", inputs=None)
    assert lines(editor)[1] == "z4 = Concatenate()(z1, z2, z3)"
    assert editor.get("model.outputs") == ["z"]


TWO_INPUTS = """\
model:
  inputs: {left: [8], right: [8], extra: [2]}
  graph:
    - wide = Dense(4)(left)   # of the left
    - deep = Dense(3)(left)
    - z = Concatenate()([wide, right])
    - z = Dense(1)(z)
  outputs: [z]
"""


def add_at(editor: Editor, key: str, index: int, *, above: bool = False, inputs: int = 1) -> None:
    sources = graph_edits.sources_at(editor, key, above=above)
    model_edits.add_layer(editor, index, "New", inputs=inputs, sources=sources, only_next=above)


@pytest.mark.parametrize(
    ("key", "index", "changed"),
    [
        # an input: all that used it use the new tensor, and nothing else does
        ("model.inputs.left", 0, {0: "z2 = New()(left)", 1: "wide = Dense(4)(z2)", 2: "deep = Dense(3)(z2)"}),
        ("model.inputs.right", 0, {0: "z2 = New()(right)", 3: "z = Concatenate()([wide, z2])"}),
        ("model.inputs.extra", 0, {0: "z2 = New()(extra)"}),
        # a line: its own tensor
        ("model.graph[0]", 1, {1: "wide = New()(wide)"}),
        ("model.graph[1]", 2, {2: "deep = New()(deep)"}),
        ("model.outputs", 4, {4: "z = New()(z)"}),
    ],
)
def test_a_line_added_at_a_row_begins_with_the_tensor_of_the_row(key, index, changed):
    editor = Editor(TWO_INPUTS)
    expected = [*lines(editor)]
    expected.insert(index, "")
    for at, text in changed.items():
        expected[at] = text
    add_at(editor, key, index)
    assert lines(editor) == expected
    assert editor.get("model.outputs") == ["z"]
    assert comments(editor.text) == comments(TWO_INPUTS)


@pytest.mark.parametrize(
    ("index", "changed"),
    [
        (0, {0: "z2 = New()(left)", 1: "wide = Dense(4)(z2)"}),  # `deep` begins with `left` as before
        (1, {1: "z2 = New()(left)", 2: "deep = Dense(3)(z2)"}),  # not with `wide`, which is the line before
        (2, {2: "wide = New()(wide)"}),
        (3, {3: "z = New()(z)"}),
    ],
)
def test_a_line_inserted_above_a_line_is_between_that_and_its_input(index, changed):
    editor = Editor(TWO_INPUTS)
    expected = [*lines(editor)]
    expected.insert(index, "")
    for at, text in changed.items():
        expected[at] = text
    add_at(editor, f"model.graph[{index}]", index, above=True)
    assert lines(editor) == expected


def test_a_line_whose_tensor_others_use_too_is_not_changed_for_them():
    editor = Editor(
        "model: {inputs: {x: [8]}, graph: [a = A()(x), b = B()(a), 'c = C()(b, a)'], outputs: [c]}"
    )
    add_at(editor, "model.graph[1]", 1, above=True)
    assert lines(editor) == ["a = A()(x)", "z = New()(a)", "b = B()(z)", "c = C()(b, a)"]


def test_a_layer_of_two_inputs_at_an_input_has_this_one_too():
    for name, inputs in (("left", "left, extra"), ("right", "right, extra"), ("extra", "right, extra")):
        editor = Editor(TWO_INPUTS)
        add_at(editor, f"model.inputs.{name}", 0, inputs=2)
        assert lines(editor) == [f"z2 = New()({inputs})", *lines(Editor(TWO_INPUTS))]


def test_an_input_that_is_an_output_too_goes_through_the_new_line():
    editor = Editor("model: {inputs: {x: [8], y: [8]}, graph: [], outputs: [x, y]}")
    add_at(editor, "model.inputs.y", 0)
    assert (lines(editor), editor.get("model.outputs")) == (["z = New()(y)"], ["x", "z"])


def test_lines_of_a_chain_change_their_layers_when_one_is_moved():
    text = "model:\n  inputs: {x: [8]}\n  graph:\n    - a = A()(x)\n    - b = B(2)(a)  # b\n"
    text += "    - 'c = C()(b, a)'\n  outputs: [c]\n"
    for key, step, there in (("model.graph[1]", -1, 0), ("model.graph[0]", 1, 1)):
        editor = Editor(text)
        assert graph_edits.move_line(editor, key, step) == f"model.graph[{there}]"
        assert lines(editor) == ["a = B(2)(x)", "b = A()(a)", "c = C()(b, a)"]
        assert "- a = B(2)(x)  # b" in editor.text  # the comment goes with its layer
        editor.undo()
        assert editor.text == text
    # lines that are no chain change places as they are
    assert graph_edits.move_line(editor, "model.graph[2]", -1) == "model.graph[1]"
    assert lines(editor) == ["a = A()(x)", "c = C()(b, a)", "b = B(2)(a)"]
    with pytest.raises(RecipeError, match="at the end"):
        graph_edits.move_line(editor, "model.graph[0]", -1)


def test_a_deleted_line_is_bypassed():
    graph = "graph: [a = A()(x), b = B()(a), 'c = C()(b, a)']"
    editor = Editor(f"model: {{inputs: {{x: [8]}}, {graph}, outputs: [c]}}")
    model_edits.delete(editor, "model.graph[1]")
    assert lines(editor) == ["a = A()(x)", "c = C()(a, a)"]
    model_edits.delete(editor, "model.graph[1]")
    assert editor.get("model.outputs") == ["a"]


def test_a_line_of_a_chain_of_one_name_is_deleted(graph):
    model_edits.delete(graph, "model.graph[2]")
    assert lines(graph)[1:3] == ['z = Dense(8, activation="relu")(total)', "z = block(z)"]
    assert comments(graph.text) == comments(GRAPH)


def test_a_duplicated_line_goes_on_from_the_first(graph):
    assert model_edits.duplicate(graph, "model.graph[5]") == "model.graph[6]"
    assert lines(graph)[6] == "price = Dense(1)(price)"
    assert model_edits.duplicate(graph, "model.graph[0]") == "model.graph[1]"
    assert lines(graph)[1] == "total, product, ratio = MyMultiLayer()(left, right)"
    assert model_edits.duplicate(graph, "model.layers.block") == "model.layers.block2"


def test_a_tensor_is_renamed_wherever_it_is_used(graph):
    model_edits.rename(graph, "model.graph[0]", "sum, product, quotient")
    assert lines(graph)[:2] == [
        "sum, product, quotient = MyMultiLayer()(left, right)",
        'z = Dense(8, activation="relu")(sum)',
    ]
    model_edits.rename(graph, "model.graph[1]", "wide")
    assert lines(graph)[1:4] == ['wide = Dense(8, activation="relu")(sum)', "z = block(wide)", "z = block(z)"]
    model_edits.rename(graph, "model.graph[5]", "cost")
    assert graph.get("model.outputs") == ["cost"]
    assert graph.get("train") == {"loss": {"cost": "mse"}, "metrics": {"cost": ["mae"]}}
    assert comments(graph.text) == comments(GRAPH)


def test_a_name_that_means_something_else_is_refused(graph):
    before = graph.text
    for key, name in (
        ("model.graph[1]", "product"),
        ("model.graph[1]", "block"),
        ("model.graph[1]", "not a name"),
        ("model.graph[0]", "a, a, b"),
        ("model.layers.block", "total"),
        ("model.inputs.left", "right"),
        ("model.inputs.left", "class"),
        ("model.outputs", "x"),
    ):
        with pytest.raises(RecipeError):
            model_edits.rename(graph, key, name)
        assert graph.text == before


def test_inputs_and_shared_layers_are_renamed_everywhere(graph):
    model_edits.rename(graph, "model.inputs.left", "here")
    assert lines(graph)[0] == "total, product, ratio = MyMultiLayer()(here, right)"
    assert list(graph.get("data.inputs")) == ["here", "right"]
    model_edits.rename(graph, "model.layers.block", "tower")
    assert lines(graph)[2:4] == ["z = tower(z)", "z = tower(z)"]
    assert graph.get("model.layers.tower")["use"] == "ResidualBlock"


def test_lines_are_rewired(graph):
    assert graph_edits.tensors_before(graph, "model.graph[1]") == [
        "left",
        "right",
        "total",
        "product",
        "ratio",
    ]
    graph_edits.rewire(graph, "model.graph[1]", "ratio")
    assert lines(graph)[1] == 'z = Dense(8, activation="relu")(ratio)'
    graph_edits.rewire(graph, "model.graph[4]", "[z, ratio]")
    assert lines(graph)[4] == "joined = Concatenate()([z, ratio])"
    graph_edits.rewire(graph, "model.outputs", "price, ratio")
    assert graph.get("model.outputs") == ["price", "ratio"]
    with pytest.raises(RecipeError, match="no tensor is called 'z'"):
        graph_edits.rewire(graph, "model.graph[1]", "z")
    with pytest.raises(RecipeError):
        graph_edits.rewire(graph, "model.graph[1]", "1 +")


def test_a_layer_is_shared_and_called_again(graph):
    item_edits.use(graph, "model.graph[1]", "Dense", keep=("units", "activation"))
    item_edits.set_argument(graph, "model.graph[1]", "units", 8)
    key = graph_edits.share(graph, "model.graph[1]", "wide")
    assert key == "model.layers.wide"
    assert lines(graph)[1] == "z = wide(total)"
    graph_edits.call_shared(graph, 2, "wide")
    assert lines(graph)[2] == "z = wide(z)"
    assert graph_edits.add_shared(graph, "MyDense", {"units": 3}) == "model.layers.my_dense"


def test_an_input_is_added(graph):
    assert graph_edits.add_input(graph, "extra", [None, 3]) == "model.inputs.extra"
    assert graph.get("model.inputs.extra") == [None, 3]


def test_a_stack_becomes_the_same_graph(stack):
    model_edits.to_graph(stack, {"x": [10]}, "progression")
    assert stack.form is ModelForm.GRAPH
    assert stack.get("model") == {
        "inputs": {"x": [10]},
        "graph": [
            'z = MyDense(units=30, activation="elu")(x)',
            "z = MyGaussianNoise(stddev=0.1)(z)",
            "progression = Exponential()(z)",
        ],
        "outputs": ["progression"],
    }
    assert comments(stack.text) == comments(STACK)
    assert stack.document is not None
    with pytest.raises(RecipeError, match="only a stack"):
        model_edits.to_graph(stack, {"x": [10]})


def test_saved_files_in_a_stack_become_shared_layers():
    editor = Editor("model: {sequential: [{load: a.keras, trainable: false}, {use: Dense, units: 1}]}")
    model_edits.to_graph(editor, {"x": [10]})
    assert lines(editor) == ["z = loaded(x)", "output = Dense(units=1)(z)"]
    assert editor.get("model.layers") == {"loaded": {"load": "a.keras", "trainable": False}}


def test_another_model(stack):
    item_edits.use(stack, "model", "ResidualRegressor", {"output_dim": 1})
    assert stack.form is ModelForm.CLASS
    assert stack.rows[0].arguments == "output_dim 1"
    model_edits.start_graph(stack, {"x": [10]})
    model_edits.add_layer(stack, 0, "Dense", {"units": 1})
    assert stack.get("model") == {"inputs": {"x": [10]}, "graph": ["z = Dense(units=1)(x)"], "outputs": ["z"]}
    model_edits.start_stack(stack)
    model_edits.add_layer(stack, 0, "Dense", {"units": 1})
    assert stack.get("model") == {"sequential": [{"use": "Dense", "units": 1}]}
    with pytest.raises(RecipeError, match="no list of layers"):
        model_edits.add_layer(Editor("model: {use: X}"), 0, "Dense")


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
