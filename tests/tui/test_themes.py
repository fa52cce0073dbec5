"""Colours: those of a terminal with 256, and the list from which they are chosen."""

from __future__ import annotations

import pytest
from rich.color import Color, ColorSystem
from textual.widgets import OptionList

from tests.tui.conftest import OpenApp, settle, shown, until
from workbench.tui.themes import THEMES, themes_for
from workbench.tui.widgets.theme_dialog import ThemeDialog

PARTS = ("primary", "secondary", "accent", "foreground", "background", "surface", "panel", "success", "warning",
         "error")  # fmt: skip


def shades(colour: str) -> tuple[int, int, int]:
    """What is seen of a colour where there are 256."""
    number = Color.parse(colour).downgrade(ColorSystem.EIGHT_BIT).number
    assert number is not None
    if number >= 232:
        grey = 8 + 10 * (number - 232)
        return grey, grey, grey
    steps = (0, 95, 135, 175, 215, 255)
    assert number >= 16
    number -= 16
    return steps[number // 36], steps[number // 6 % 6], steps[number % 6]


@pytest.mark.parametrize("theme", themes_for("256"), ids=lambda theme: theme.name)
def test_the_colours_of_a_theme_are_there_in_256(theme) -> None:
    for part in PARTS:
        wanted = Color.parse(getattr(theme, part)).triplet
        assert wanted is not None
        near = zip(wanted, shades(getattr(theme, part)), strict=True)
        assert max(abs(one - other) for one, other in near) <= 10, part
    for part in ("background", "surface", "panel"):  # no navy behind the words
        red, green, blue = shades(getattr(theme, part))
        assert red == green == blue
    assert len({shades(getattr(theme, part)) for part in ("background", "surface", "panel")}) == 3


def test_elsewhere_themes_are_as_they_are() -> None:
    for made, theme in zip(themes_for("truecolor"), THEMES, strict=True):
        assert all(getattr(made, part) == getattr(theme, part) for part in PARTS)
    assert [theme.name for theme in themes_for("256")] == [theme.name for theme in THEMES]


async def test_scrollbars_are_one_cell_wide(open_app: OpenApp) -> None:
    async with open_app(size=(80, 16), mode="assemble", recipe="reconstructing-regressor") as pilot:
        await settle(pilot)
        bars = [
            widget.scrollbar_size_vertical
            for widget in pilot.app.screen.query("*")
            if widget.allow_vertical_scroll
        ]
        assert bars
        assert max(bars) == 1


async def test_theme_is_the_first_find_and_each_is_seen_before_it_is_chosen(open_app: OpenApp) -> None:
    async with open_app() as pilot:
        app = pilot.app
        before = app.theme
        await pilot.press("ctrl+p")
        await settle(pilot)
        await pilot.press(*"theme")
        await until(lambda: "Choose the colours of the app" in shown(app))
        await pilot.press("enter")
        await until(
            lambda: isinstance(app.screen, ThemeDialog) and app.screen.query_one(OptionList).highlighted == 0
        )
        await pilot.press("down")
        await settle(pilot)
        assert app.theme not in (before, "")  # seen at once
        await pilot.press("escape")
        await until(lambda: not isinstance(app.screen, ThemeDialog))
        assert app.theme == before
        assert app.state.get("theme", "") == ""
        app.ask_theme()
        await until(
            lambda: isinstance(app.screen, ThemeDialog) and app.screen.query_one(OptionList).highlighted == 0
        )
        await pilot.press("down", "enter")
        await until(lambda: not isinstance(app.screen, ThemeDialog))
        assert app.theme == app.state.get("theme", "") != before
