"""The data screen: what columns are for, the settings, the balance; the recipe says it, comments kept."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.tui.assembling.conftest import checked, typed
from tests.tui.conftest import OpenApp, settle, shown, until
from workbench.tui.screens.data.column_dialog import ColumnDialog
from workbench.tui.widgets.pick import PickDialog

pytestmark = pytest.mark.slow

RECIPE = """\
kwb: 1
data: {use: csv, path: penguins.csv, missing: drop}   # birds
model: {sequential: [{use: Dense, units: 3, activation: softmax}]}
train: {loss: sparse_categorical_crossentropy}
"""


@pytest.fixture
def recipe(working_directory: Path) -> str:
    shutil.copy(Path(__file__).parents[2] / "data" / "files" / "penguins.csv", working_directory)
    (working_directory / "birds.yaml").write_text(RECIPE)
    return "birds.yaml"


async def field_of(pilot: Pilot[Any], name: str) -> None:
    """Go to a field of the form."""
    for _ in range(60):
        if pilot.app.focused.parent.parent.field.name == name:
            return
        await typed(pilot, "tab")
    raise AssertionError(f"there is no field {name}")


async def test_a_table_is_made_ready_by_keys(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        await checked(pilot)
        await typed(pilot, "3")
        screen = await checked(pilot)
        text = " ".join(shown(app).split())
        assert "152 44.2 %" in text  # of Adelie, in the column under the cursor
        assert "2 missing" in text
        # the species is to be learned, as classes; the year is left out
        await typed(pilot, "home", "o", "l")
        await checked(pilot)
        await typed(pilot, "end", "space")
        await checked(pilot)
        assert app.editor.get("data.targets") == ["species"]
        assert app.editor.get("data.classes") == ["species"]
        assert app.editor.get("data.ignore") == ["year"]
        # a part for validation, scaling
        await typed(pilot, "e")
        await field_of(pilot, "data.split.validation")
        await typed(pilot, "'0.25'")
        await field_of(pilot, "data.scale")
        await typed(pilot, "'standard'", "escape", "b")
        await checked(pilot)
        assert screen.look.error is None
        assert screen.look.data.startswith("333 rows")
        assert app.editor.get("data.split.validation") == 0.25
        assert app.editor.get("data.scale") == "standard"
        assert "species: 3 classes" in shown(app)
        assert "Chinstrap" in shown(app)
        assert "# birds" in app.editor.text
        await typed(pilot, "2")
        screen = await checked(pilot)
        assert screen.examination.error is None


async def test_a_fold_is_chosen_in_the_form_and_its_parts_are_shown(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        await checked(pilot)
        await typed(pilot, "3", "home", "o", "l", "e")
        await field_of(pilot, "data.split.fold")
        await typed(pilot, "'{of: 3, number: 1}'", "escape")
        screen = await checked(pilot)
        assert screen.look.error is None
        assert screen.look.data.endswith("222 to train on, 111 for validation (fold 1 of 3)")
        assert app.editor.get("data.split.fold") == {"of": 3, "number": 1}
        assert "# birds" in app.editor.text


async def test_how_columns_are_read_filled_and_embedded_is_said_by_keys(
    open_app: OpenApp, recipe: str, working_directory: Path
) -> None:
    rows = [f"{n % 28 + 1}.03.2020,${n}.50,{n if n % 7 else ''},{n % 9:02},{n}" for n in range(60)]
    (working_directory / "penguins.csv").write_text("\n".join(["when,price,age,zip,y", *rows]) + "\n")
    (working_directory / recipe).write_text(RECIPE.replace("missing: drop", "targets: [y]"))
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        await checked(pilot)
        await typed(pilot, "3")
        screen = await checked(pilot)
        assert "has no value" in str(screen.look.error)
        await typed(pilot, "home", "d", "down", "d", "down", "m", "'median'", "enter", "down", "h")
        screen = await checked(pilot)
        assert screen.look.error is None
        data = app.editor.get("data")
        assert data["dates"] == {"when": {"parts": ["day", "weekday"], "cyclic": True, "format": "%d.%m.%Y"}}
        assert (data["numbers"], data["missing"], data["embed"]) == (
            {"price": {"strip": "$"}},
            {"age": "median"},
            ["zip"],
        )
        assert screen.look.inputs == {"features": [6], "zip": [1]}
        await typed(pilot, "d")  # nothing of that kind
        await until(lambda: "holds no dates" in shown(app))


async def test_enter_lists_all_that_can_be_set_of_a_column(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe, size=(80, 24)) as pilot:
        app = pilot.app
        await checked(pilot)
        await typed(pilot, "3", "home")
        await checked(pilot)
        await typed(pilot, "enter")
        await until(lambda: isinstance(app.screen, ColumnDialog))
        await settle(pilot)
        text = shown(app)
        assert all(
            line in text for line in ("│  species ", "│  i  ● Input", "│  o  ○ Target", "│  m    Missing")
        )
        assert "Classes" not in text  # they are those of a target
        await typed(pilot, "down", "enter")  # a target
        await checked(pilot)
        await typed(pilot, "enter", "l")  # the list's keys do the same in it
        await checked(pilot)
        assert (app.editor.get("data.targets"), app.editor.get("data.classes")) == (["species"], ["species"])
        await typed(pilot, "enter")
        await until(lambda: "l  ✓ Classes" in shown(app))
        assert "o  ● Target" in shown(app)
        await typed(pilot, "escape", "down", "enter", "m", "'most_frequent'", "enter")
        await checked(pilot)
        assert app.editor.get("data.missing")["island"] == "most_frequent"
        await typed(pilot, "enter")
        await until(lambda: "m  ✓ Missing: most_frequent" in shown(app))
        assert "# birds" in app.editor.text


async def test_what_cannot_be_is_reported_and_undone(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe, size=(80, 24)) as pilot:
        app = pilot.app
        await checked(pilot)
        await typed(pilot, "3")
        screen = await checked(pilot)
        assert "does not say what to learn" in str(screen.query_one("#columns").border_title)
        await typed(pilot, "home", "o")  # texts as numbers
        await checked(pilot)
        assert "holds texts" in str(screen.query_one("#columns").border_title)
        await typed(pilot, "u")
        assert app.editor.text == RECIPE
        # other data: a dataset is chosen by typing
        await typed(pilot, "c", "'iris'", "enter")
        await checked(pilot)
        assert app.editor.get("data") == {"use": "iris", "missing": "drop"}
        assert "150 rows" in shown(app)
        # a path that leads nowhere
        await typed(pilot, "u", "e", "end", "'x'")
        await checked(pilot)
        assert screen.look.columns == ()
        assert "penguins.csvx" in app.editor.text
        await typed(pilot, "escape")
        assert "✗" in str(screen.query_one("#columns").border_title)


async def test_a_file_is_picked_and_what_is_wrong_with_it_is_said_whole(
    open_app: OpenApp, recipe: str, working_directory: Path
) -> None:
    (working_directory / "odd.csv").write_text("a,b\n1,2\n3\n")
    (working_directory / "notes.txt").write_text("no data")
    async with open_app(recipe=recipe, size=(80, 24)) as pilot:
        app = pilot.app
        await checked(pilot)
        await typed(pilot, "3")
        await checked(pilot)
        await typed(pilot, "c", "'csv'", "enter")
        await until(lambda: isinstance(app.screen, PickDialog), what="it asks which file")
        await until(lambda: app.screen.query_one(OptionList).option_count == 2, what="the two tables")
        assert app.editor.get("data.path") == "penguins.csv"
        await typed(pilot, "'od'", "enter")  # what the list marks
        await checked(pilot)
        assert app.editor.get("data.path") == "odd.csv"
        text = " ".join(shown(app).split())
        assert "✗ odd.csv:3: this line has 1 columns, and the table 2." in text
        assert "Put a text that holds ',' in" in text


async def test_a_built_in_recipe_is_given_a_file_of_the_working_directory(
    open_app: OpenApp, recipe: str
) -> None:
    async with open_app(recipe="residual-regressor") as pilot:
        app = pilot.app
        await checked(pilot)
        await typed(pilot, "3", "c", "'csv'", "enter")
        await until(lambda: isinstance(app.screen, PickDialog), what="it asks which file")
        await until(lambda: app.screen.query_one(OptionList).option_count, what="the table of this folder")
        await typed(pilot, "'peng'", "enter")
        await checked(pilot)
        assert app.editor.get("data.path") == "penguins.csv"


async def test_without_a_recipe_both_screens_say_what_to_do(open_app: OpenApp) -> None:
    async with open_app(mode="assemble", size=(60, 20)) as pilot:
        assert "No recipe is open" in shown(pilot.app)
        await typed(pilot, "3")
        assert "No recipe is open" in shown(pilot.app)


async def test_rows_become_windows_by_keys(open_app: OpenApp, working_directory: Path) -> None:
    days = (f"2024-{month:02}-{day:02}" for month in (1, 3, 5, 7) for day in range(1, 26))
    (working_directory / "load.csv").write_text(
        "\n".join(["area,day,load", *(f"north,{day},{at % 7}" for at, day in enumerate(days))])
    )
    (working_directory / "load.yaml").write_text(
        "kwb: 1\ndata: {use: csv, path: load.csv, targets: [load], split: {test: 0.25}}\n"
        "model: {sequential: [{use: Flatten}, {use: Dense, units: 1}]}\ntrain: {loss: mse}\n"
    )
    async with open_app(recipe="load.yaml") as pilot:
        app = pilot.app
        await checked(pilot)
        await typed(pilot, "3")
        screen = await checked(pilot)
        assert screen.look.error is not None  # a column of dates
        await typed(pilot, "e")
        await field_of(pilot, "data.windows")
        await typed(pilot, "'{length: 4, ahead: 2, time: day, group: area}'", "enter", "escape")
        await checked(pilot)
        assert screen.look.error is None
        assert screen.look.data == "80 windows of 4 rows: 60 to train on, 20 for the test"
        text = shown(app)
        assert "↓ day" in text
        assert "≡ area" in text
        assert "▸ load" in text
        assert app.editor.get("data.windows.group") == "area"
