"""What the app shows is escaped where it comes into Textual, and looked at again where it leaves."""

from __future__ import annotations

import io

from rich.console import Console
from rich.segment import Segment
from rich.text import Text
from textual.content import Content
from textual.strip import Strip

from tests.hostile.files import NASTY, SHOWN
from tests.tui.conftest import OpenApp, until
from workbench.tui.screens.assemble.recipe_text import RecipeText

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
