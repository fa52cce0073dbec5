"""Edits of a graph: lines that are added, moved, rewired, renamed and deleted, and a stack that becomes one."""

from __future__ import annotations

import pytest

from tests.recipe.recipes import GRAPH, STACK, comments, graph, lines, stack
from workbench.errors import RecipeError
from workbench.recipe import graph_edits, item_edits, model_edits
from workbench.recipe.editing import Editor
from workbench.recipe.outline import ModelForm

__all__ = ["graph", "stack"]


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
    model_edits.to_graph(stack, ["x"], "progression")
    assert stack.form is ModelForm.GRAPH
    assert stack.get("model") == {
        "inputs": {"x": "data"},
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
        model_edits.to_graph(stack, ["x"])


def test_saved_files_in_a_stack_become_shared_layers():
    editor = Editor("model: {sequential: [{load: a.keras, trainable: false}, {use: Dense, units: 1}]}")
    model_edits.to_graph(editor, ["x"])
    assert lines(editor) == ["z = loaded(x)", "output = Dense(units=1)(z)"]
    assert editor.get("model.layers") == {"loaded": {"load": "a.keras", "trainable": False}}


def test_another_model(stack):
    item_edits.use(stack, "model", "ResidualRegressor", {"output_dim": 1})
    assert stack.form is ModelForm.CLASS
    assert stack.rows[0].arguments == "output_dim 1"
    model_edits.start_graph(stack, ["x"])
    model_edits.add_layer(stack, 0, "Dense", {"units": 1})
    assert stack.get("model") == {
        "inputs": {"x": "data"},
        "graph": ["z = Dense(units=1)(x)"],
        "outputs": ["z"],
    }
    model_edits.start_stack(stack)
    model_edits.add_layer(stack, 0, "Dense", {"units": 1})
    assert stack.get("model") == {"sequential": [{"use": "Dense", "units": 1}]}
    with pytest.raises(RecipeError, match="no list of layers"):
        model_edits.add_layer(Editor("model: {use: X}"), 0, "Dense")
