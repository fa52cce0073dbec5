"""The header and the line of keys: what is left where there is little room."""

from __future__ import annotations

import pytest

from tests.tui.conftest import OpenApp, settle, shown, until
from workbench.recipe.editing import Editor
from workbench.tui.actions.begin_check import begin_check
from workbench.tui.context import CheckTarget
from workbench.tui.widgets.header import MODE_NAMES, KwbHeader
from workbench.tui.widgets.key_line import KeyLine

LONG = "a-recipe-with-a-rather-long-name"
RECIPE = "kwb: 1\ndata: {use: diabetes}\nmodel: {sequential: [{use: Dense, units: 1}]}\ntrain: {epochs: 1, loss: mse}\n"


ALWAYS = [name for name in MODE_NAMES if name != "check"]  # which is listed once it is used


def first_line(pilot) -> str:
    return shown(pilot.app).splitlines()[0]


@pytest.mark.parametrize("mode", MODE_NAMES)
@pytest.mark.parametrize("width", [120, 84, 80, 70])
async def test_every_mode_has_its_name_down_to_70_columns(open_app: OpenApp, mode: str, width: int) -> None:
    async with open_app(mode=mode, size=(width, 24)) as pilot:
        line = first_line(pilot)
        for number, (name, label) in enumerate(MODE_NAMES.items(), 1):
            shortened = mode == "check" and width == 70 and name == "searches"
            named = name in (mode, *ALWAYS) and not shortened
            assert (f" {number} {label} " in line) is named
        assert "○" in line  # the worker, as a mark at least


async def test_numbers_alone_where_names_have_no_room(open_app: OpenApp) -> None:
    async with open_app(mode="data", size=(40, 20)) as pilot:
        line = first_line(pilot)
        assert "1 2 3 Data 4 5 6 7" in line
        assert "○" in line


async def test_a_long_name_is_cut_with_a_mark_and_the_star_stays(
    open_app: OpenApp, working_directory
) -> None:
    async with open_app(mode="assemble", size=(80, 24)) as pilot:
        editor = Editor(RECIPE, name=LONG, folder=working_directory)
        pilot.app.set_editor(editor)
        await settle(pilot)
        assert "a-recipe-wi…" in first_line(pilot)
        assert LONG not in first_line(pilot)
        editor.set("train.epochs", 2)
        await settle(pilot)
        assert "… *" in first_line(pilot)
        await pilot.resize_terminal(120, 24)
        await settle(pilot)
        assert f"{LONG} *" in first_line(pilot)


@pytest.mark.parametrize("mode", ["assemble", "searches", "check"])
async def test_the_recipe_has_its_name_at_80_columns_while_check_is_listed(
    open_app: OpenApp, working_directory, mode: str
) -> None:
    async with open_app(mode="assemble", size=(80, 24)) as pilot:
        pilot.app.set_editor(Editor(RECIPE, name="price.yaml", folder=working_directory))
        begin_check(pilot.app, CheckTarget("entry", "kwb_keras.Dense", "layer"))
        pilot.app.go(mode)
        await settle(pilot)
        line = first_line(pilot)
        assert "price.y" in line
        shortened = "searches" if mode == "check" else "check"
        for number, (name, label) in enumerate(MODE_NAMES.items(), 1):
            assert (f"{number} " if name == shortened else f"{number} {label} ") in line


@pytest.mark.parametrize("width", [120, 60, 40])
async def test_a_click_goes_where_the_name_says(open_app: OpenApp, width: int) -> None:
    async with open_app(size=(width, 24)) as pilot:
        begin_check(pilot.app, CheckTarget("entry", "kwb_keras.Dense", "layer"))
        await settle(pilot)
        for number, (mode, name) in enumerate(MODE_NAMES.items(), 1):
            line = first_line(pilot)
            at = line.index(f"{number} {name}" if f"{number} {name}" in line else f"{number}")
            await pilot.click(KwbHeader, offset=(at, 0))
            await settle(pilot)
            assert pilot.app.current_mode == mode


async def test_marks_are_said_in_words_under_the_pointer(open_app: OpenApp) -> None:
    async with open_app(size=(70, 24)) as pilot:
        header = pilot.app.screen.query_one(KwbHeader)
        await pilot.hover(KwbHeader, offset=(first_line(pilot).index("○"), 0))
        assert header.tooltip == "Worker (the process that holds Keras): off"
        await pilot.hover(KwbHeader, offset=(first_line(pilot).index("Runs"), 0))
        assert header.tooltip == "Go to Runs"


async def test_the_keys_are_shown_at_every_width_also_where_they_fill_the_line(open_app: OpenApp) -> None:
    """A scrollbar in place of the keys was what came where the last key ended at the edge."""
    async with open_app(mode="assemble", size=(60, 24)) as pilot:
        pilot.app.set_editor(Editor(RECIPE, name="short"))
        full = []
        for width in range(70, 110):
            await pilot.resize_terminal(width, 24)
            await settle(pilot)
            keys = shown(pilot.app).splitlines()[-1]
            assert keys.rstrip().endswith("F1 Help q Leave"), (width, keys)
            assert not pilot.app.screen.query_one(KeyLine).show_horizontal_scrollbar
            full += [width] if len(keys.rstrip()) == width else []
        assert full


@pytest.mark.slow
async def test_a_training_of_another_recipe_has_its_name_and_only_while_it_runs(
    open_app: OpenApp, working_directory
) -> None:
    async with open_app(size=(120, 24)) as pilot:
        app = pilot.app
        houses = Editor(
            RECIPE.replace("epochs: 1", "epochs: 1000000"), name="houses", folder=working_directory
        )
        app.set_editor(houses)
        training = app.worker.train(houses)
        await until(lambda: "▶ training " in first_line(pilot), 120)
        assert "training houses" not in first_line(pilot), "it is the open one"
        app.set_editor(Editor(RECIPE, name="flats", folder=working_directory))
        await until(lambda: "▶ training houses " in first_line(pilot))
        await training.control("stop")
        await until(training.ended.is_set, 120)
        await until(lambda: "houses" not in first_line(pilot))
        app.set_editor(houses)
        await until(lambda: "✓ trained" in first_line(pilot))
