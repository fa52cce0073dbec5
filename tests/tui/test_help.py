"""F1: what it says, in which order, and how it is scrolled and closed without the mouse."""

from __future__ import annotations

from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.tui.conftest import OpenApp, settle, shown
from workbench.tui.screens.runs.screen import RunsScreen
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.widgets.filter_line import FilterLine
from workbench.tui.widgets.help_panel import HelpPanel, sections


def panel(pilot: Pilot[None]) -> HelpPanel:
    return pilot.app.screen.query_one(HelpPanel)


async def test_the_screen_comes_first_then_the_focus_then_what_works_everywhere(open_app: OpenApp) -> None:
    async with open_app(size=(120, 70)) as pilot:
        titles = [section.title for section in sections(pilot.app.screen)]
        assert titles == ["Home", "Recipes and runs", "Everywhere", "Moving about"] or titles == [
            "Home",
            "Everywhere",
            "Moving about",
        ]
        await pilot.press("f1")
        await settle(pilot)
        text = shown(pilot.app)
        for part in ("Choose a recipe to open", "A new recipe from data", "recipes.new", "app.leave"):
            assert part in text
        assert text.index("A new recipe from data") < text.index("Leave kwb")
        assert "Scroll Down" not in text[: text.index("Everywhere")]  # what only moves about comes last


async def test_it_says_what_the_focus_offers_and_changes_with_it(open_app: OpenApp) -> None:
    async with open_app(size=(120, 60)) as pilot:
        await pilot.press("f1")
        await settle(pilot)
        assert pilot.app.screen.focused is pilot.app.screen.query_one(OptionList)  # it takes no focus
        await pilot.press("slash")
        await settle(pilot)
        assert isinstance(pilot.app.focused, FilterLine)
        assert "Submit" in shown(pilot.app) or "cursor" in shown(pilot.app).lower()
        await pilot.press("escape")  # the first closes the help, the next leaves the search
        await settle(pilot)
        assert not pilot.app.screen.query(HelpPanel)
        assert isinstance(pilot.app.focused, FilterLine)
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(pilot.app.focused, FilterLine)


async def test_page_keys_scroll_it_and_are_the_lists_again_afterwards(open_app: OpenApp) -> None:
    async with open_app(size=(60, 20)) as pilot:
        await pilot.press("f1")
        await settle(pilot)
        assert panel(pilot).region.width == 60  # nothing beside it that could be read
        seen = [shown(pilot.app)]
        while panel(pilot).scroll_y < panel(pilot).max_scroll_y:
            before = panel(pilot).scroll_y
            await pilot.press("pagedown")
            await settle(pilot)
            assert panel(pilot).scroll_y > before
            seen.append(shown(pilot.app))
        assert "app.palette" in "".join(seen)  # the end was reached
        await pilot.press("pageup")
        await settle(pilot)
        assert panel(pilot).scroll_y < panel(pilot).max_scroll_y
        await pilot.press("f1")
        await settle(pilot)
        assert not pilot.app.screen.query(HelpPanel)
        options = pilot.app.screen.query_one(OptionList)
        await pilot.press("pagedown")
        await settle(pilot)
        assert options.highlighted


async def test_it_has_two_columns_where_there_is_room(open_app: OpenApp) -> None:
    async with open_app(size=(120, 40), mode="runs") as pilot:
        await pilot.press("f1")
        await settle(pilot)
        first, second = pilot.app.screen.query(".help-column")
        assert second.display
        assert first.region.y == second.region.y
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert not second.display
        assert isinstance(pilot.app.screen, RunsScreen)


async def test_no_words_of_programmers(open_app: OpenApp) -> None:
    """No docstring and no name of a class gets into the help of any screen."""
    async with open_app(size=(120, 40)) as pilot:
        for key in "123456":
            await pilot.press(key)
            await settle(pilot)
            for section in sections(pilot.app.screen):
                assert "Screen" not in section.title
                for word in ("`", "Args", "None", "widget", "(Asked)"):
                    assert word not in section.about
                    assert not any(word in words for _, words in section.keys), section
        await pilot.press("4")
        await settle(pilot)
        assert isinstance(pilot.app.screen, TrainScreen)


async def test_help_over_a_dialog(open_app: OpenApp) -> None:
    async with open_app(size=(120, 40)) as pilot:
        await pilot.press("f2")
        await settle(pilot)
        dialog = pilot.app.screen
        await pilot.press("f1")
        await settle(pilot)
        assert "Close the notices" in shown(pilot.app)
        await pilot.press("escape")
        await settle(pilot)
        assert pilot.app.screen is dialog  # only the help was closed
        assert not dialog.query(HelpPanel)
        await pilot.press("escape")
        await settle(pilot)
        assert pilot.app.screen is not dialog
