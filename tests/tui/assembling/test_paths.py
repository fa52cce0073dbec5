"""With the keyboard alone, each of the document's models is assembled, and the worker agrees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.assembling.conftest import checked, typed
from tests.tui.conftest import OpenApp, settle, shown
from workbench.recipe.outline import Role
from workbench.tui.app import KwbApp
from workbench.tui.forms.form import Form

pytestmark = pytest.mark.slow

NEW = """\
# Mine.
kwb: 1
data: {use: diabetes, scale: standard}   # kept
model: {sequential: []}
train: {loss: mse}
"""


TWO_INPUTS = """\
kwb: 1
name: mine
data:
  use: diabetes
  inputs: {features: [age, sex, bmi, bp], serum: [s1, s2, s3, s4, s5, s6]}
  targets: [progression]
model:
  inputs: {features: [4], serum: [6]}
  graph:
    - z = Concatenate()([features, serum])
    - z = Dense(1)(z)
  outputs: [z]
train: {loss: mse}
"""


@pytest.fixture
def recipe(working_directory: Path) -> str:
    (working_directory / "mine.yaml").write_text(NEW)
    return "mine.yaml"


def rows(app: KwbApp) -> list[tuple[str, str]]:
    assert app.editor is not None
    return [(row.use, row.arguments) for row in app.editor.rows if row.part == "model"]


async def test_the_stack_of_custom_layers(open_app: OpenApp, recipe: str, working_directory: Path) -> None:
    async with open_app(recipe=recipe, size=(80, 24)) as pilot:
        app = pilot.app
        screen = await checked(pilot)
        assert "✗" in shown(app)  # a stack of nothing
        # a layer is searched by typing; its form opens at the first argument it needs
        await typed(pilot, "a", "'mydense'", "enter")
        await checked(pilot)
        assert app.focused.value == "8"  # the plugin's example
        await typed(pilot, "backspace", "'30'", "tab", "enter", "'elu'", "enter", "escape")
        await typed(pilot, "a", "'mygauss'", "enter", "escape")
        await typed(
            pilot, "a", "'mydense'", "enter", "backspace", "'1'", "escape", "a", "'expon'", "enter", "escape"
        )
        await checked(pilot)
        assert rows(app) == [
            ("", ""),
            ("MyDense", "units 30, activation elu"),
            ("MyGaussianNoise", "stddev 0.5"),
            ("MyDense", "units 1"),
            ("Exponential", ""),
        ]
        assert screen.examination.error is None
        assert screen.examination.total == 10 * 30 + 30 + 30 + 1
        assert "(batch, 30)" in shown(app)
        # up and down, undone; then saved
        await typed(pilot, "shift+up", "u", "s")
        assert rows(app)[-1] == ("Exponential", "")
        text = (working_directory / "mine.yaml").read_text()
        assert text.startswith("# Mine.\nkwb: 1\n")
        assert "# kept" in text
        assert text.count("use: MyDense") == 2


async def test_a_graph_with_a_layer_of_two_inputs(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        await checked(pilot)
        # two inputs: on the data screen some columns move to an input of their own
        await typed(pilot, "3")
        await checked(pilot)
        await typed(pilot, *["down"] * 4, "n", "'serum'", "enter")
        await checked(pilot)
        for _ in range(5):
            await typed(pilot, "down", "i")
            await checked(pilot)
        await typed(pilot, "2")
        screen = await checked(pilot)
        assert app.editor.get("data.inputs") == {
            "features": ["age", "sex", "bmi", "bp"],
            "serum": ["s1", "s2", "s3", "s4", "s5", "s6"],
        }
        # an empty graph takes the data's inputs
        await typed(pilot, "home", "c", "'a graph'", "enter", "escape")
        await checked(pilot)
        assert app.editor.get("model.inputs") == {"features": "data", "serum": "data"}
        await typed(pilot, "home", "a", "'mydense'", "enter", "escape", "a", "'mydense'", "enter")
        # its line: named right, called on the other input
        await typed(
            pilot,
            "escape",
            "r",
            *["backspace"] * 9,
            "'right'",
            "tab",
            *["backspace"] * 9,
            "'serum'",
            "escape",
        )
        await typed(pilot, "a", "'mymulti'", "enter", "escape", "a", "'concat'", "enter", "escape")
        await typed(pilot, "w", *["backspace"] * 20, "'z3, z2, z1'", "escape")
        await typed(pilot, "a", "'dense'", "enter")
        await checked(pilot)
        screen = await checked(pilot)
        assert app.editor.get("model.graph") == [
            "z = MyDense(units=8)(features)",
            "right = MyDense(units=8)(serum)",
            "z1, z2, z3 = MyMultiLayer()(z, right)",
            "z4 = Concatenate()(z3, z2, z1)",
            "z4 = Dense(units=4)(z4)",
        ]
        # the error is the number of outputs of the data; one number is wanted
        await typed(pilot, "escape", "enter", "'1'", "escape")
        await checked(pilot)
        assert screen.examination.error is None, screen.examination.error
        assert screen.examination.total == (4 * 8 + 8) + (6 * 8 + 8) + (24 + 1)
        await typed(pilot, "p")
        picture = screen.query_one("#picture").text
        assert "MyMultiLayer" in picture
        assert "▾ serum" in picture


@pytest.mark.parametrize(
    ("name", "parameters"), [("ResidualRegressor", 4081), ("ReconstructingRegressor", 4391)]
)
async def test_the_regressors(open_app: OpenApp, recipe: str, name: str, parameters: int) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        await checked(pilot)
        await typed(pilot, "home", "c", f"'{name}'", "enter")
        screen = await checked(pilot)
        await typed(pilot, "backspace", "'1'", "escape")
        await checked(pilot)
        assert app.editor.get("model.use") == name
        assert app.editor.get("model.output_dim") == 1
        assert screen.examination.error is None
        assert screen.examination.total == parameters
        # the picture: layers as they are called, shared weights, and the inside of a layer
        await typed(pilot, "p")
        picture = screen.query_one("#picture")
        assert "hidden" in picture.text
        if name == "ResidualRegressor":
            assert "↻ 4 of 4" in picture.text
            assert "same weights" in picture.text
            await typed(pilot, *["down"] * 5, "enter")
            assert picture.inside == "block2"
            assert "(+)" in picture.text  # where the skip connection comes in
            await typed(pilot, "backspace")
            assert picture.inside == ""
        else:
            assert "reconstruct" in picture.text


async def test_training_is_chosen_by_keys(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        await checked(pilot)
        keys = [row.role for row in app.editor.rows]
        await typed(pilot, "home", *["down"] * keys.index(Role.OPTIMIZER), "c", "'sgd'", "enter")
        await typed(pilot, "'0.05'", "escape")
        await typed(pilot, "down", "c", "'huber'", "enter", "escape")
        await typed(
            pilot, "down", "a", "'mae'", "enter", "escape", "down", "a", "'earlyst'", "enter", "escape"
        )
        await typed(
            pilot, "down", "a", "escape", "a", "escape", "enter", "end", *["backspace"] * 5, "'h5'", "escape"
        )
        train = app.editor.get("train")
        assert train["optimizer"] == {"use": "SGD", "learning_rate": 0.05}
        assert train["loss"] == "huber"
        assert train["metrics"] == ["mae"]
        assert train["callbacks"] == ["EarlyStopping"]
        assert app.editor.get("save") == ["saved/model.keras", "saved/model.h5"]
        assert "# kept" in app.editor.text


async def test_a_stack_is_written_as_a_graph_and_a_layer_shared(
    open_app: OpenApp, working_directory: Path
) -> None:
    (working_directory / "mine.yaml").write_text(
        NEW.replace("sequential: []", "sequential: [{use: Dense, units: 10}, {use: Dense, units: 1}]")
    )
    async with open_app(recipe="mine.yaml") as pilot:
        app = pilot.app
        screen = await checked(pilot)
        await typed(pilot, "g")
        await checked(pilot)
        assert app.editor.get("model.outputs") == ["progression"]
        await typed(pilot, "home", "down", "down", "l", "'wide'", "enter", "l", "escape")
        await checked(pilot)
        assert app.editor.get("model.layers") == {"wide": {"use": "Dense", "units": 10}}
        assert app.editor.get("model.graph")[0] == "z = wide(features)"
        assert screen.examination.error is not None  # the line added last gives what nobody takes
        await typed(pilot, "u")
        await checked(pilot)
        assert screen.examination.error is None
        await settle(pilot)


async def test_a_layer_added_at_an_input_is_called_on_that_input(
    open_app: OpenApp, working_directory: Path
) -> None:
    (working_directory / "mine.yaml").write_text(TWO_INPUTS)
    async with open_app(recipe="mine.yaml", size=(80, 24)) as pilot:
        app = pilot.app
        screen = await checked(pilot)
        await typed(pilot, "home", "down", "down")
        assert screen.rows.row.key == "model.inputs.serum"
        await typed(pilot, "a", "'dense'", "enter", "'3'", "escape")
        await checked(pilot)
        assert app.editor.get("model.graph") == [
            "z2 = Dense(units=3)(serum)",
            "z = Concatenate()([features, z2])",
            "z = Dense(1)(z)",
        ]
        assert screen.examination.error is None
        # above the second line: between that and what it used
        await typed(pilot, "end", "home", "down", "down", "down", "down")
        assert screen.rows.row.key == "model.graph[1]"
        await typed(pilot, "i", "'dense'", "enter", "'5'", "escape")
        await checked(pilot)
        assert app.editor.get("model.graph")[1:3] == [
            "z3 = Dense(units=5)(features)",
            "z = Concatenate()([z3, z2])",
        ]
        assert screen.examination.error is None
        assert screen.examination.total == (6 * 3 + 3) + (4 * 5 + 5) + (8 + 1)


@pytest.mark.parametrize("width", [60, 80, 120, 160])
async def test_escape_leaves_the_text_at_any_width(open_app: OpenApp, width: int) -> None:
    async with open_app(recipe="custom-stack", size=(width, 24)) as pilot:
        screen = await checked(pilot)
        await typed(pilot, "v")
        assert pilot.app.focused is screen.query_one("#text")
        await typed(pilot, "escape")
        assert pilot.app.focused is screen.query_one("#rows")
        assert screen.query_one("#rows").region.width > 0


async def test_a_gan_with_two_optimizers(open_app: OpenApp, working_directory: Path) -> None:
    model = "{use: GenerativeAdversarialNetwork, picture_shape: [8, 8, 1]}"
    text = f"kwb: 1\ndata: {{use: digits, targets: [], ignore: [digit]}}\nmodel: {model}\n"
    (working_directory / "gan.yaml").write_text(text)
    async with open_app(recipe="gan.yaml") as pilot:
        app = pilot.app
        screen = await checked(pilot)
        # what is lacking is said at the training's row, with what to write
        assert screen.examination.error.what.endswith("'d_optimizer', 'g_optimizer' and 'loss_fn'.")
        assert "✗ training" in shown(app)
        await typed(pilot, "down", "enter")
        (row,) = [row for row in screen.query_one(Form).rows if row.field.name == "train.compile"]
        while not row.in_focus:
            await typed(pilot, "tab")
        await pilot.press(*"{d_optimizer: Adam, g_optimizer: SGD, loss_fn: BinaryCrossentropy}")
        await typed(pilot, "enter", "escape")
        screen = await checked(pilot)
        assert screen.examination.error is None
        # each is a row with a form of its own; the usual optimizer and loss have none
        roles = [(row.role, row.name, row.use) for row in app.editor.rows if row.part == "train"]
        assert roles[1:4] == [
            (Role.OPTIMIZER, "d_optimizer", "Adam"),
            (Role.OPTIMIZER, "g_optimizer", "SGD"),
            (Role.LOSS, "loss_fn", "BinaryCrossentropy"),
        ]
        await typed(pilot, "down", "enter")
        await checked(pilot)
        await typed(pilot, "'0.0003'", "escape")
        await checked(pilot)
        await typed(pilot, "down", "c", "'rmsprop'", "enter")
        await checked(pilot)
        await typed(pilot, "escape")
        await typed(pilot, "down", "enter")
        await checked(pilot)
        await typed(pilot, "enter", "'true'", "enter", "escape")
        screen = await checked(pilot)
        assert app.editor.get("train.compile") == {
            "d_optimizer": {"use": "Adam", "learning_rate": 0.0003},
            "g_optimizer": "RMSprop",
            "loss_fn": {"use": "BinaryCrossentropy", "from_logits": True},
        }
        assert screen.examination.error is None
