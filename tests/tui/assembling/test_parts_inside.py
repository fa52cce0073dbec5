"""Layers and models as arguments of others: rows of their own, edited by keyboard, with errors where they belong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.coroutines import until
from tests.tui.assembling.conftest import checked, pytest_pyfunc_call, typed
from tests.tui.conftest import settle
from workbench.recipe import item_edits, model_edits
from workbench.recipe.document import parse
from workbench.recipe.editing import Editor
from workbench.tui.forms.form import Form

__all__ = ["pytest_pyfunc_call"]

HEAD = "kwb: 1\nname: parts\ndata: {use: diabetes, scale: standard}\n"
NESTED = f"""{HEAD}layers: {{shared: {{use: Dense, units: 3}}}}
model:
  use: Halves
  first:
    sequential:
      - {{use: Dense, units: 4, kernel_regularizer: {{use: L2, l2: 0.01}}}}  # the first
      - shared
  second:
    {{inputs: {{x: [3]}}, layers: {{d: {{use: Dense, units: 3}}}}, graph: ['h = d(x)', 'y = Dense(1)(h)'], outputs: y}}
  more: [{{use: Dense, units: 1}}, {{load: x.keras}}]
train:
  loss: mse
  optimizer: {{use: Adam, learning_rate: {{use: CosineDecay, initial_learning_rate: 0.1, decay_steps: 9}}}}
"""

FILE = """import keras


class Halves(keras.Model):
    def __init__(self, first=None, second=None, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = first, second

    def call(self, inputs):
        return self.second(self.first(inputs))
"""


def test_what_is_inside_another_thing_has_rows_of_its_own():
    rows = Editor(NESTED).rows
    assert [(row.depth, row.key, row.name, row.use) for row in rows if row.role.value == "part"] == [
        (1, "model.first", "first", "a stack of layers"),
        (2, "model.first.sequential[0]", "1", "Dense"),
        (3, "model.first.sequential[0].kernel_regularizer", "kernel_regularizer", "L2"),
        (2, "model.first.sequential[1]", "2", "shared"),
        (1, "model.second", "second", "a graph of layers"),
        (2, "model.second.layers.d", "d", "Dense"),
        (2, "model.second.graph[0]", "h", "d"),
        (2, "model.second.graph[1]", "y", "Dense"),
        (1, "model.more[0]", "more 1", "Dense"),
        (1, "model.more[1]", "more 2", "x.keras"),
        (0, "layers.shared", "shared", "Dense"),
        (1, "train.optimizer.learning_rate", "learning_rate", "CosineDecay"),
    ]
    kinds = {row.name: row.kind.value for row in rows if row.role.value == "part" and row.kind}
    assert kinds["kernel_regularizer"] == "regularizer"
    assert kinds["learning_rate"] == "schedule"
    assert kinds["first"] == "layer"


def test_parts_are_edited_by_their_keys_and_comments_stay():
    editor = Editor(NESTED)
    before = editor.text
    item_edits.set_argument(editor, "model.first.sequential[0]", "units", 5)
    item_edits.set_argument(editor, "model.first.sequential[0].kernel_regularizer", "l2", 0.5)
    item_edits.use(editor, "model.more[0]", "Flatten", as_map=True)
    assert item_edits.move(editor, "model.first.sequential[0]", 1) == "model.first.sequential[1]"
    item_edits.set_argument(editor, "model.second.graph[1]", "units", 2, ["units"])
    assert editor.get("model.second.graph") == ["h = d(x)", "y = Dense(2)(h)"]
    editor.undo()
    assert model_edits.duplicate(editor, "model.first.sequential[1]") == "model.first.sequential[2]"
    model_edits.delete(editor, "model.first.sequential[0]")
    model_edits.delete(editor, "model.second")
    assert "# the first" in editor.text
    model = parse(editor.text).recipe.model
    dense = {"use": "Dense", "units": 5, "kernel_regularizer": {"use": "L2", "l2": 0.5}}
    dumped = model.model_dump()
    assert dumped["first"]["sequential"] == (dense, dense)
    assert dumped["more"][0] == {"use": "Flatten"}
    assert "second" not in dumped
    for _ in range(7):
        editor.undo()
    assert editor.text == before


def test_a_layer_of_the_graph_is_renamed_also_where_it_is_an_argument():
    editor = Editor(
        HEAD
        + "model:\n  inputs: {x: [10]}\n  layers: {d: {use: Dense, units: 3}, t: {use: Tied, dense: {use: d}}}\n"
        "  graph:\n    - h = d(x)\n    - y = Chain([t, d], other=Tied(dense=d))(h)\n  outputs: y\n"
    )
    model_edits.rename(editor, "model.layers.d", "base")
    model = editor.data["model"]
    assert model["layers"]["t"] == {"use": "Tied", "dense": {"use": "base"}}
    assert model["graph"] == ["h = base(x)", "y = Chain([t, base], other=Tied(dense=base))(h)"]


def test_a_stack_as_an_argument_of_a_line_is_written_as_one_writes_it_there():
    editor = Editor(
        HEAD + "model: {inputs: {x: [10]}, graph: ['y = TimeDistributed(Dense(1))(x)'], outputs: y}\n"
    )
    stack = {"sequential": [{"use": "Dense", "units": 4}, "Flatten"]}
    item_edits.set_argument(editor, "model.graph[0]", "layer", stack, ["layer"])
    assert editor.get("model.graph[0]") == "y = TimeDistributed(Sequential([Dense(units=4), Flatten()]))(x)"
    shown = item_edits.arguments(editor, "model.graph[0]", ["layer"])
    assert shown == {"layer": {"sequential": [{"use": "Dense", "units": 4}, {"use": "Flatten"}]}}


@pytest.mark.slow
async def test_an_autoencoder_is_put_together_by_keyboard(working_directory: Path, open_app: Any) -> None:
    """Two stacks as arguments; a wrong layer has its error at its own row, and undo takes the deletion back."""
    (working_directory / "halves.py").write_text(FILE)
    (working_directory / "r.yaml").write_text(f"{HEAD}model: Halves\ntrain: {{epochs: 1, loss: mse}}\n")
    async with open_app(recipe="r.yaml", plugin_files=[working_directory / "halves.py"]) as pilot:
        app = pilot.app
        screen = await checked(pilot)
        for argument, layers in (("first", ("'Dense'", "'LSTM'")), ("second", ("'Dense'",))):
            await typed(pilot, "home", "enter")
            form = screen.query_one(Form)
            await until(lambda form=form: form.rows, what="the arguments are known")
            form.focus_field(argument)
            await typed(pilot, "ctrl+l", "'a stack'", "enter")
            await until(
                lambda a=argument: screen.rows.row.key == f"model.{a}", what="the new part has its row"
            )
            for layer in layers:
                await typed(pilot, "a", layer, "enter")
                await until(lambda form=form: form.has_focus_within, what="the layer's form is open")
                await typed(pilot, *(["'1'"] if argument == "second" else []), "escape")
        await checked(pilot)
        assert app.editor is not None
        assert screen.examination.error is not None
        assert screen.examination.error.key == "model.first.sequential[1]"
        options = [screen.rows.get_option_at_index(i).prompt for i in range(screen.rows.option_count)]
        lines = [" ".join(str(option).split()) for option in options]
        wrong = [line for line in lines if "cannot take an input of shape" in line]
        assert len(wrong) == 1
        assert "LSTM" in wrong[0]
        keys = [row.key for row in screen.rows.rows]
        screen.rows.highlighted = keys.index("model.first.sequential[1]")
        await typed(pilot, "x")
        await checked(pilot)
        assert screen.examination.error is None
        assert app.editor.get("model.first") == {"sequential": [{"use": "Dense", "units": 4}]}
        assert screen.examination.parameters["model.first"] == 44
        await typed(pilot, "u")
        await settle(pilot)
        assert [each["use"] for each in app.editor.get("model.first")["sequential"]] == ["Dense", "LSTM"]
