"""From data to a recipe that trains, through the app and with a real child."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from tests.coroutines import until
from tests.tui.conftest import LooksAsBefore, OpenApp, settle, shown
from workbench.tui.screens.recipes.new import NewRecipeDialog

PENGUINS = Path(__file__).parents[1] / "data" / "files" / "penguins.csv"


async def look_at(pilot: Pilot[Any], name: str) -> None:
    """Open the dialog and have it look into some data."""
    await pilot.press("n")
    await until(lambda: isinstance(pilot.app.screen, NewRecipeDialog))
    listing = pilot.app.screen.query_one(OptionList)
    await until(lambda: listing.option_count)
    await pilot.press(*name)  # letters go to the option that begins with them
    assert listing.highlighted == listing.get_option_index(name)
    await pilot.press("enter")
    await until(lambda: pilot.app.screen.query_one("#learn").display, 60)
    await settle(pilot)


@pytest.mark.slow
async def test_from_a_table_to_a_model_that_fits_it(open_app: OpenApp, working_directory: Path) -> None:
    shutil.copy(PENGUINS, working_directory)
    async with open_app() as pilot:
        app = pilot.app
        await look_at(pilot, "penguins.csv")
        text = await until(lambda: "2 missing" in (text := shown(app)) and text)
        assert "344 rows" in text
        learn = app.screen.query_one("#learn Input", Input)
        assert learn.value == "species"
        suggestion = str(app.screen.query_one("#suggestion", Static).visual)
        assert "{use: Dense, units: 3, activation: softmax}" in suggestion

        learn.value = "spezies"
        await pilot.pause()
        assert "there is no column 'spezies'" in shown(app)
        await pilot.press("enter")
        assert isinstance(app.screen, NewRecipeDialog)  # nothing to make a recipe of
        learn.value = "species"
        await pilot.press("enter")
        await until(lambda: app.editor is not None)
        assert app.editor.check(app.catalog) is None
        rows = await app.worker.call("examine", text=app.editor.text, folder=str(working_directory))
        assert rows["layers"][-1]["output_shape"] == [None, 3]

        app.editor.set("train.epochs", 2)
        training = app.worker.train(app.editor)
        await until(training.ended.is_set, 120)
        assert training.state == "finished", training.error
        assert (working_directory / "saved/penguins.keras").is_file()


@pytest.mark.slow
async def test_every_dataset_that_needs_no_download_gets_a_recipe_that_can_be_built(
    open_app: OpenApp, working_directory: Path
) -> None:
    async with open_app(size=(80, 24)) as pilot:
        app = pilot.app
        for name in ("diabetes", "iris", "wine", "breast_cancer", "digits"):
            await look_at(pilot, name)
            await pilot.press("enter")
            await until(lambda name=name: app.editor is not None and app.editor.name == name)
            built = await app.worker.call("examine", text=app.editor.text, folder=str(working_directory))
            assert built["parameters"] > 100
            app.go("recipes")
            await settle(pilot)


@pytest.mark.slow
async def test_data_that_cannot_be_read_is_reported_in_place(
    open_app: OpenApp, working_directory: Path
) -> None:
    (working_directory / "bad.csv").write_bytes(b"a,b\n1,2\n3\n")
    async with open_app() as pilot:
        await pilot.press("n")
        await until(lambda: isinstance(pilot.app.screen, NewRecipeDialog))
        listing = pilot.app.screen.query_one(OptionList)
        await until(lambda: listing.option_count)
        await pilot.press("enter")  # the file is the first
        await until(lambda: "✗" in shown(pilot.app), 60)
        assert "bad.csv:3" in shown(pilot.app)
        await pilot.press("escape", "escape")  # back to the data, and out
        await settle(pilot)
        assert not pilot.app.screen.is_modal


@pytest.mark.slow
async def test_what_the_file_shows_is_done_and_the_target_is_picked(
    open_app: OpenApp, working_directory: Path
) -> None:
    """Semicolons and decimal commas need no advice; the list of columns stays while one types."""
    rows = "".join(f"{n};{n},5;2024-01-{n % 28 + 1:02};{n % 3}\n" for n in range(1, 61))
    (working_directory / "semi.csv").write_text(f"id;size;sold;condition\n{rows}")
    async with open_app() as pilot:
        app = pilot.app
        await look_at(pilot, "semi.csv")
        shows = app.screen.query_one("#suggestion", Static)
        suggestion = await until(lambda: "delimiter: ;" in (text := str(shows.visual)) and text, 60)
        assert "decimal: ','" in suggestion
        assert "';' stands between the columns" in suggestion
        assert "'id' is left out: it looks like an id" in suggestion
        assert "'sold' holds dates: day, weekday are made of them" in suggestion
        learn = app.screen.query_one("#learn Input", Input)
        listing = app.screen.query_one("#learn OptionList", OptionList)
        await pilot.press("ctrl+u", *"conditon")  # a slip: nothing fits, and the columns are one key away
        assert "there is no column 'conditon'. Did you mean 'condition'?" in shown(app)
        assert (listing.option_count, listing.highlighted) == (4, 0)  # the nearest first, the others in sight
        await pilot.press("backspace", "backspace")
        await settle(pilot)
        assert listing.option_count == 1
        await pilot.press("tab")
        assert learn.value == "condition"
        await pilot.press("tab")  # nothing more to take over: it does not lead away
        await pilot.press(*", si")
        await pilot.press("enter")  # completes, as it is no column yet
        assert learn.value == "condition, size"
        await settle(pilot)
        await pilot.press(*["backspace"] * 6)
        await pilot.press("enter")
        await until(lambda: app.editor is not None)
        assert app.editor.get("data.delimiter") == ";"
        assert app.editor.get("data.decimal") == ","
        assert app.editor.get("data.ignore") == ["id"]
        assert app.editor.get("data.dates.sold.parts") == ["day", "weekday"]
        assert app.editor.get("data.targets") == ["condition"]
        built = await app.worker.call("examine", text=app.editor.text, folder=str(working_directory))
        assert built["layers"][-1]["output_shape"][-1] in (1, 3)


@pytest.mark.slow
async def test_advice_has_a_place_to_follow_it(open_app: OpenApp, working_directory: Path) -> None:
    (working_directory / "latin.csv").write_bytes("größe,preis\n1,2\n2,3\n3,5\n".encode("latin-1"))
    async with open_app(size=(80, 24)) as pilot:
        app = pilot.app
        await pilot.press("n")
        await until(lambda: isinstance(app.screen, NewRecipeDialog))
        await until(lambda: app.screen.query_one(OptionList).option_count)
        await pilot.press("enter")
        await until(lambda: app.screen.query_one("#options").display, 60)
        await until(lambda: "Name its encoding" in str(app.screen.query_one("#facts", Static).content))
        assert "'latin.csv' is not written in utf-8" in str(app.screen.query_one("#facts", Static).content)
        assert app.screen.query_one("#options Input", Input).value == "encoding: cp1252"  # typed over here
        await pilot.press(*"encoding", "enter")
        await until(lambda: "not as in a recipe" in shown(app))
        await pilot.press(*": latin-1", "enter")
        await until(lambda: app.screen.query_one("#learn").display, 60)
        await pilot.press("enter")
        await until(lambda: app.editor is not None)
        assert app.editor.get("data.encoding") == "latin-1"
        assert app.editor.get("data.targets") == ["preis"]


@pytest.mark.slow
async def test_words_and_signs_among_numbers_are_read_as_is_said(
    open_app: OpenApp, working_directory: Path
) -> None:
    rows = "".join(
        f"{n},{'k.A.' if n % 9 == 0 else n / 2},{n % 7 + 1}.03.2024,${n * 3}\n" for n in range(1, 61)
    )
    (working_directory / "ages.csv").write_text(f"size,age,sold,preis_eur\n{rows}")
    async with open_app(size=(80, 24)) as pilot:
        app = pilot.app
        await look_at(pilot, "ages.csv")
        await until(lambda: app.focused is app.screen.query_one("#learn Input"), 60)
        await until(lambda: "2024-03-01 to 2024-03-07" in str(app.screen.query_one("#facts", Static).content))
        assert not app.screen.query_one("#options").display
        await pilot.press("enter")
        await until(lambda: app.editor is not None)
        assert app.editor.get("data.numbers") == {"age": {"missing": ["k.A."]}, "preis_eur": {"strip": "$"}}
        assert app.editor.get("data.missing") == "mean"
        assert app.editor.get("data.dates.sold.parts") == ["day", "weekday"]
        assert app.editor.get("data.targets") == ["preis_eur"]


def test_how_it_looks(looks_as_before: LooksAsBefore, working_directory: Path) -> None:
    shutil.copy(PENGUINS, working_directory)

    async def choose(pilot: Pilot[Any]) -> None:
        await pilot.press("n")
        await until(lambda: pilot.app.screen.is_modal and pilot.app.screen.query_one(OptionList).option_count)

    assert looks_as_before(size=(80, 24), before=choose, blocked=("kwb_custom", "kwb_keras"))


async def test_data_in_a_folder_without_recipes_comes_first(
    open_app: OpenApp, working_directory: Path
) -> None:
    (working_directory / "houses.csv").write_text(
        "id,area,price\n" + "\n".join(f"h{row},{row % 50},{3 * (row % 50)}" for row in range(100))
    )
    async with open_app(size=(80, 24)) as pilot:
        assert "kwb data houses.csv" in shown(pilot.app)
        await pilot.press("t")
        await settle(pilot)
        assert "make a recipe of it first" in shown(pilot.app)
        await pilot.press("enter")
        await until(lambda: "100 rows, 3 columns" in shown(pilot.app), 90, "the file was read")
        await pilot.press("enter")
        await until(lambda: pilot.app.editor is not None, what="the recipe is open")
        assert pilot.app.editor.get("data.path") == "houses.csv"
        assert pilot.app.editor.get("data.ignore") == ["id"]
        # with a recipe of one's own it comes last
        (working_directory / "r.yaml").write_text(pilot.app.editor.text)
        await pilot.press("1", "r")
        await settle(pilot)
        text = shown(pilot.app)
        assert text.index("In this folder") < text.index("Data in this folder")


async def test_rows_in_the_order_of_time_become_windows_unless_declined(
    open_app: OpenApp, working_directory: Path
) -> None:
    lines = [f"{1800 + at},{50 + 40 * math.sin(at * 2 * math.pi / 11):.3f}" for at in range(150)]
    (working_directory / "spots.csv").write_text("\n".join(["year,spots", *lines]) + "\n")
    async with open_app() as pilot:
        app = pilot.app
        await look_at(pilot, "spots.csv")
        await until(lambda: "follow each other by 'year'" in str(app.screen.query_one("#suggestion").visual))
        await until(lambda: "Windows or rows" in shown(app))
        await pilot.press("ctrl+t")
        await until(lambda: "windows" not in str(app.screen.query_one("#suggestion").visual))
        await pilot.press("ctrl+t", "enter")
        await until(lambda: app.editor is not None)
        built = await app.worker.call("examine", text=app.editor.text, folder=str(working_directory))
        assert built["error"] is None
        assert built["inputs"] == {"features": [11, 1]}
        assert built["targets"] == {"spots": [1]}
