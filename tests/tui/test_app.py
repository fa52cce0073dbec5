"""The shell: modes, palette, help, notices, copying, themes, settings, and what is kept between starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.widgets import OptionList

from tests.tui.conftest import OpenApp, settle, shown, until
from workbench.errors import WorkbenchError
from workbench.tui.app import KwbApp
from workbench.tui.modes import MODES
from workbench.tui.palette import show_plugins
from workbench.tui.settings import Settings
from workbench.tui.state import AppState
from workbench.tui.widgets.dialogs import ConfirmDialog
from workbench.tui.widgets.filter_line import FilterLine
from workbench.tui.widgets.help_panel import HelpPanel
from workbench.tui.widgets.notices import NoticesDialog


async def test_opens_at_home_with_what_plugins_bring(open_app: OpenApp) -> None:
    async with open_app(size=(80, 24)) as pilot:
        text = shown(pilot.app)
        assert "Built in" in text
        assert "residual-regressor" in text
        assert "kwb: 1" in text  # the recipe beside it
        assert isinstance(pilot.app.focused, OptionList)


async def test_every_binding_has_an_id_and_a_tooltip(open_app: OpenApp) -> None:
    async with open_app() as pilot:
        bindings = [binding for node in (pilot.app, pilot.app.screen) for binding in type(node).BINDINGS]
        assert len(bindings) > 15
        for binding in bindings:
            assert isinstance(binding, Binding)
            assert binding.id, binding
            assert binding.tooltip, binding
        ids = [(binding.id, binding.action) for binding in bindings]
        assert len({name for name, _ in ids}) == len(ids)


async def test_a_key_goes_to_each_mode_that_there_is(open_app: OpenApp) -> None:
    async with open_app() as pilot:
        for key, mode in zip("12345678", MODES, strict=True):
            before = len(pilot.app.notices)
            await pilot.press(key)
            await settle(pilot)
            missing = len(pilot.app.notices) > before
            assert missing or pilot.app.current_mode == mode
        assert pilot.app.current_mode in MODES


async def test_digits_and_letters_are_text_in_a_text_field(open_app: OpenApp) -> None:
    async with open_app() as pilot:
        await pilot.press("slash", *"t5q")
        await settle(pilot)
        assert pilot.app.current_mode == "recipes"
        assert pilot.app.screen.query_one(FilterLine).value == "t5q"
        assert "Nothing contains that text" in shown(pilot.app)
        await pilot.press("escape")
        assert "digits" in shown(pilot.app)


async def test_keys_are_remapped_by_the_settings(open_app: OpenApp) -> None:
    settings = Settings(animations=False, keymap={"app.help": "f9", "recipes.search": "colon"})
    async with open_app(settings=settings) as pilot:
        await pilot.press("f1")
        assert not pilot.app.screen.query(HelpPanel)
        await pilot.press("f9")
        await settle(pilot)
        assert pilot.app.screen.query(HelpPanel)
        assert "f9" in shown(pilot.app)  # the help shows the key as it is now
        await pilot.press("colon", "d")
        assert pilot.app.screen.query_one(FilterLine).value == "d"


async def test_the_key_line_has_whole_keys_and_the_way_out_at_any_width(open_app: OpenApp) -> None:
    always = "F1 Help q Leave"
    seen: list[str] = []
    async with open_app(size=(30, 24)) as pilot:
        for width in (30, 45, 60, 45, 30):
            await pilot.resize_terminal(width, 24)
            await settle(pilot)
            seen.append(shown(pilot.app).splitlines()[-1].strip())
            assert seen[-1].endswith(always)
    assert len(seen[0]) < len(seen[1]) < len(seen[2])
    assert seen[3:] == [seen[1], seen[0]]
    assert seen[2].startswith(seen[1].removesuffix(always))


async def test_the_palette_is_grouped_by_name_and_does_what_it_says(open_app: OpenApp) -> None:
    async with open_app(size=(120, 60)) as pilot:
        await pilot.press("ctrl+p")
        await settle(pilot)
        await until(lambda: "Go: Runs" in shown(pilot.app))
        await pilot.press(*"kwbsafe", "enter")
        await until(lambda: pilot.app.theme == "kwb-safe")
        commands = list(pilot.app.get_system_commands(pilot.app.screen))
        titles = [command.title for command in commands]
        for title in ("Recipe: Open digits", "Recipes: Duplicate", "Worker: Restart", "Theme: ansi-dark"):
            assert title in titles
        assert len(titles) == len(set(titles))
        assert all(": " in title for title in titles)


async def test_a_notice_is_reported_whole_and_never_read_as_markup(open_app: OpenApp) -> None:
    async with open_app() as pilot:
        error = WorkbenchError(
            "no layer '[bold]MyDens[/]'.", where="price.yaml:14", hint="Did you mean 'MyDense'?"
        )
        error.__notes__ = ["Traceback of a plugin [red]"]
        pilot.app.notice(error)
        await settle(pilot)
        assert "no layer '[bold]MyDens[/]'." in shown(pilot.app)
        await pilot.press("f2")
        await settle(pilot)
        assert isinstance(pilot.app.screen, NoticesDialog)
        text = shown(pilot.app)
        for part in ("price.yaml:14", "Did you mean", "Traceback of a plugin [red]"):
            assert part in text
        await pilot.press("y")
        assert "Traceback of a plugin [red]" in pilot.app.clipboard
        await pilot.press("escape")


async def test_a_question_is_answered_by_letter_by_enter_or_not_at_all(open_app: OpenApp) -> None:
    async with open_app() as pilot:
        for keys, answer in ((["y"], "yes"), (["n"], "no"), (["right", "enter"], "no"), (["escape"], None)):
            answers: list[str | None] = []
            pilot.app.push_screen(ConfirmDialog("Delete it?"), answers.append)
            await settle(pilot)
            await pilot.press(*keys)
            await settle(pilot)
            assert answers == [answer]


async def test_y_copies_through_the_terminal(open_app: OpenApp) -> None:
    async with open_app() as pilot:
        written: list[str] = []
        pilot.app._driver.write = written.append  # the headless driver writes nowhere
        await pilot.press("down", "y")
        await settle(pilot)
        assert pilot.app.clipboard == "reconstructing-regressor"
        assert any("\x1b]52;c;" in text for text in written)


async def test_what_was_chosen_is_kept_between_starts(open_app: OpenApp, tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    async with open_app(state=AppState(path)) as pilot:
        await pilot.press("down", "down")
        pilot.app.choose_theme("kwb-light")
        await settle(pilot)
        await pilot.press("q")
        await until(lambda: not pilot.app.is_running)
    async with open_app(state=AppState(path)) as pilot:
        assert pilot.app.theme == "kwb-light"
        await pilot.press("y")
        assert pilot.app.clipboard == "custom-stack"


async def test_no_color_leaves_no_colour(open_app: OpenApp, monkeypatch) -> None:
    async with open_app() as pilot:
        assert _colours(pilot.app) > 5
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_app(no_color=True) as pilot:
        assert _colours(pilot.app, grey=False) == 0
        assert "residual-regressor" in shown(pilot.app)


def _colours(app: KwbApp, *, grey: bool = True) -> int:
    """How many colours the screen has; with `grey=False`, those that are not shades of grey."""
    found = set()
    width = app.size.width
    for strip in app.screen._compositor.render_strips():
        for each in app._filters:
            strip = strip.apply_filter(each, app.background_colors[0])
        for segment in strip.crop(0, width):
            for color in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                if color is not None and (triplet := color.triplet) is not None:
                    found.add(tuple(triplet))
    return len([each for each in found if grey or len(set(each)) > 1])


async def test_works_at_any_size(open_app: OpenApp) -> None:
    for size in ((160, 48), (80, 24), (60, 20), (20, 5), (3, 1)):
        async with open_app(size=size) as pilot:
            await pilot.press("f1", "down", "f1", "f2", "escape", "n", "escape", "d", "escape")
            await settle(pilot)
            if size[0] >= 60:
                text = shown(pilot.app)
                assert "residual-regressor" in text
                assert "1 Recipes" in text
            await pilot.resize_terminal(1, 1)
            await pilot.resize_terminal(100, 30)
            await settle(pilot)
            assert "residual-regressor" in shown(pilot.app)


async def test_a_recipe_given_on_the_command_line_is_open(open_app: OpenApp, working_directory: Path) -> None:
    async with open_app(recipe="digits", settled=False) as pilot:
        await until(lambda: pilot.app.editor is not None)
        assert pilot.app.editor.name == "digits"
    async with open_app(recipe="digitz", settled=False) as pilot:
        await until(lambda: pilot.app.notices)
        assert "Did you mean 'digits'" in pilot.app.notices[0][1].hint
        assert pilot.app.editor is None


def test_what_starts_the_app_is_light() -> None:
    """The first paint waits for no plugin, no schema, no array library, and never for Keras."""
    code = (
        "import sys; import workbench.tui.start, workbench.tui.screens.recipes.screen;"
        "print(*sys.modules, sep='\\n')"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {
        "keras",
        "tensorflow",
        "numpy",
        "h5py",
        "pydantic",
        "pluggy",
        "ruamel.yaml",
        "click",
        "importlib.metadata",
    }
    assert heavy & set(loaded) == set()


@pytest.mark.slow
async def test_plugin_files_are_listed_after_the_rest_and_broken_ones_reported(
    open_app: OpenApp, working_directory: Path
) -> None:
    good, bad = working_directory / "good.py", working_directory / "bad.py"
    good.write_text("import keras\nclass Gate(keras.Layer):\n    pass\n")
    bad.write_text("import nothing_of_that_name\n")
    async with open_app(plugin_files=[good, bad]) as pilot:
        app = pilot.app
        assert "Gate" in [entry.name for entry in app.catalog.entries]
        assert len(app.notices) == 1
        assert "nothing_of_that_name" in app.notices[0][1].what
        show_plugins(app)
        await settle(pilot)
        assert "✗ bad" in shown(app)
        assert "✓ good" in shown(app)
