"""What the app shows is escaped where it comes into Textual, and looked at again where it leaves."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.text import Text
from textual.content import Content
from textual.strip import Strip

from tests.hostile.files import NASTY, SHOWN
from tests.tui.conftest import OpenApp, settle, shown, until
from workbench.errors import WorkbenchError
from workbench.recipe.editing import Editor
from workbench.tui.screens.assemble.recipe_text import RecipeText
from workbench.tui.screens.assemble.rows_list import RowsList

RECIPE = "kwb: 1\nname: one\ndata: {use: diabetes}\nmodel: {sequential: [{use: Dense, units: 1}]}\ntrain: {loss: mse}\n"
LINES = SHOWN.replace(r"\n", "\n").replace(r"\t", "\t")


async def test_each_door_of_textual_escapes(open_app: OpenApp) -> None:
    async with open_app():
        assert Content(NASTY).plain == LINES
        assert Content.assemble("a", (NASTY, "bold")).plain == "a" + LINES
        assert Text(NASTY).plain == LINES
        text = Text("a")
        text.append(NASTY, "bold")
        assert text.plain == "a" + LINES
        assert Text.assemble(("\x1b", "red"), "b").plain == r"\x1bb"
        written = Strip([Segment("a\x1b[2J\u202e\tb"), Segment("ok")]).render(Console(file=io.StringIO()))
        assert written == "a�[2J� bok"


async def test_a_text_pane_keeps_a_character_for_a_character(open_app: OpenApp) -> None:
    async with open_app(mode="assemble") as pilot:
        pane = pilot.app.screen.query_one(RecipeText)
        pane.show("name: a\x1b]0;t\x07b\n", None)
        await until(lambda: pane.text)
        assert pane.get_line(0).plain == "name: a�]0;t�b"
        assert pane.text == "name: a\x1b]0;t\x07b\n"


@pytest.mark.parametrize(
    ("name", "seen"),
    [("a\nb\tc[red]d", r"a\nb\tc[red]d"), ("長い名前" * 10, "長い名前"), ("n" * 200, "nnnnnnnn")],
    ids=["break", "wide", "long"],
)
async def test_names_in_places_of_one_line_stay_in_it(
    open_app: OpenApp, working_directory: Path, name, seen
) -> None:
    run = working_directory / "saved" / "runs" / name
    run.mkdir(parents=True)
    (run / "recipe.yaml").write_text(RECIPE)
    (working_directory / "saved" / f"{name[:60]}.keras").write_bytes(b"")
    (working_directory / f"{name[:60]}.yaml").write_text(RECIPE)
    async with open_app(mode="recipes", size=(120, 24)) as pilot:
        app = pilot.app
        await until(lambda: seen in shown(app), what="the recipe's row")
        for mode, where in (("runs", "#about"), ("saved", "#files")):
            app.go(mode)
            await until(lambda where=where: app.screen.query(where), what=where)
            await until(lambda: any(seen in line for line in shown(app).splitlines()[1:-1]), what=mode)
            await settle(pilot)
            assert all(cell_len(line) <= 120 for line in shown(app).splitlines())
        app.set_editor(Editor(RECIPE, name=name, folder=working_directory))
        app.go("assemble")
        await until(lambda: app.screen.query(RowsList), what="the rows")
        await settle(pilot)
        lines = shown(app).splitlines()
        assert seen[:4] in lines[0] or "…" in lines[0]
        assert seen in lines[1]
        app.notice(WorkbenchError(f"'{name}' is wrong.", where=name))
        await until(
            lambda: any(seen in line for line in shown(app).splitlines()[5:]), what="the notice's title"
        )
        await pilot.press("f2")
        await until(lambda: app.screen.is_modal and f"'{seen}" in shown(app), what="the row of the notice")
