"""A plugin project made in the app, of the plugin file that is open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.tui.conftest import OpenApp, settle, shown, until
from workbench.tui.actions.new_plugin import NewPluginReport
from workbench.tui.actions.new_plugin_dialog import NewPluginDialog
from workbench.tui.palette import commands
from workbench.tui.services.plugin_project import PluginOrder, files_in, wrong_files, wrong_folder

LAYER = (
    "import keras\n\n\nclass Twice(keras.Layer):\n    '''Doubles.'''\n"
    "    def call(self, x):\n        return 2.0 * x\n"
)


@pytest.fixture
def place(working_directory: Path) -> Path:
    """The current folder, with a file of a layer, whose name has a space in it."""
    (working_directory / "my layers.py").write_text(LAYER)
    return working_directory


async def dialog_of(pilot: Any) -> NewPluginDialog:
    """The dialog that the palette opens."""
    command = next(
        each for each in commands(pilot.app, pilot.app.screen) if each.title == "Plugin: New project"
    )
    command.callback()
    await until(lambda: isinstance(pilot.app.screen, NewPluginDialog))
    await settle(pilot)
    return pilot.app.screen


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_open_plugin_file_becomes_a_project(open_app: OpenApp, place: Path, size: tuple) -> None:
    async with open_app(size=size, plugin_files=[place / "my layers.py"]) as pilot:
        await dialog_of(pilot)
        assert "'my layers.py'" in shown(pilot.app)
        await pilot.press(*"acme-twice", "enter")
        await until(lambda: isinstance(pilot.app.screen, NewPluginReport))
        await settle(pilot)
        report = pilot.app.screen
        assert "Esc stops it" in report.copy_text()
        await until(lambda: "Next: pip install" in report.copy_text(), 300)
        assert "layer       Twice" in report.copy_text()
        assert "expected failure" not in report.copy_text()
        await until(lambda: "Next: pip install" in shown(pilot.app), 10)  # also where not all of it fits
        await pilot.press("enter")
        assert not pilot.app.screen.is_modal
    assert "class Twice" in (place / "acme-twice/src/acme_twice/my_layers.py").read_text()
    assert (place / "acme-twice/src/acme_twice/recipes/acme-twice.yaml").exists(), "the layer trains"
    assert (place / "my layers.py").read_text() == LAYER


async def test_without_a_file_there_is_a_layer_to_begin_with(open_app: OpenApp, place: Path) -> None:
    async with open_app() as pilot:
        pilot.app.go("check")
        await settle(pilot)
        await pilot.press("p")
        await until(lambda: isinstance(pilot.app.screen, NewPluginDialog))
        await pilot.press(*"acme", "f5")
        await until(lambda: isinstance(pilot.app.screen, NewPluginReport))
        report = pilot.app.screen
        await until(lambda: "Next: pip install" in report.copy_text(), 60)
    assert "class Gate" in (place / "acme/src/acme/layers.py").read_text()


async def test_what_is_wrong_is_said_where_it_is_typed(open_app: OpenApp, place: Path) -> None:
    (place / "acme").mkdir()
    (place / "acme" / "kept").touch()
    async with open_app() as pilot:
        dialog = await dialog_of(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "give it a name" in shown(pilot.app)
        await pilot.press(*"json", "tab")
        await settle(pilot)
        assert "there is a package 'json' already" in shown(pilot.app)
        await pilot.press(*"none.py", "f5")
        await settle(pilot)
        assert pilot.app.screen is dialog, "nothing is written"
        assert "none.py: cannot be read" in shown(pilot.app)
        await pilot.press("ctrl+u", *"acme", "tab", "ctrl+u", "f5")
        await settle(pilot)
        assert pilot.app.screen is dialog
        assert "acme: it is not empty" in shown(pilot.app)
        await pilot.press("escape")
    assert [path.name for path in (place / "acme").iterdir()] == ["kept"]


async def test_keys_typed_ahead_are_for_the_dialog(open_app: OpenApp, place: Path) -> None:
    """As one types who knows the keys: the dialog, a name and Enter, without a pause."""
    async with open_app() as pilot:
        pilot.app.go("check")
        await settle(pilot)
        await pilot.press("p", *"acme", "tab", "tab", *"elsewhere", "enter")
        await until(lambda: isinstance(pilot.app.screen, NewPluginReport))
        report = pilot.app.screen
        await until(lambda: "Next: pip install -e 'elsewhere[dev]'" in report.copy_text(), 60)
    assert (place / "elsewhere/src/acme/layers.py").exists()


async def test_what_the_command_refuses_is_shown(open_app: OpenApp, place: Path) -> None:
    (place / "print.py").write_text("print(1)\n")
    async with open_app() as pilot:
        await dialog_of(pilot)
        await pilot.press(*"acme", "tab", *"print.py", "f5")
        await until(lambda: isinstance(pilot.app.screen, NewPluginReport))
        report = pilot.app.screen
        await until(lambda: "nothing in it can be moved" in report.copy_text(), 60)
        assert "Trying out" not in report.copy_text()
    assert not (place / "acme").exists()


@pytest.mark.slow
async def test_closed_before_its_end_nothing_is_left(
    open_app: OpenApp, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    async with open_app() as pilot:
        await dialog_of(pilot)
        await pilot.press(*"acme", "tab", *"'my layers.py'", "f5")
        await until(lambda: isinstance(pilot.app.screen, NewPluginReport))
        await until(lambda: any(temporary.glob("kwb-new-plugin-*")), 60)
        await pilot.press("enter", "q")
        assert isinstance(pilot.app.screen, NewPluginReport), "an Enter too many stops nothing"
        await pilot.press("escape")
        await until(lambda: not pilot.app.screen.is_modal)
        await until(lambda: "the plugin acme was not written" in shown(pilot.app), 10)
        await until(lambda: not any(temporary.glob("kwb-*")), 60)
    assert not (place / "acme").exists()
    assert not [each for each in psutil.process_iter(["environ"]) if _has(each, temporary)], (
        "no process is left"
    )


def _has(process: psutil.Process, temporary: Path) -> bool:
    """True for a process that the command has begun."""
    environment = process.info["environ"] or {}
    return environment.get("TMPDIR") == str(temporary) and process.pid != os.getpid()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", ""),
        ("'my layers.py'", ""),
        ("'my layers.py", "a quote is not closed"),
        ("my layers.py", "my: this is neither a Python file nor a notebook."),
        ("gone.py", "gone.py: cannot be read"),
        ("~/gone.py", "gone.py: cannot be read"),
        ("~nobody-of-that-name/gone.py", "gone.py: cannot be read"),
        (f"{'long' * 100}.py", f"{'long' * 100}.py: cannot be read: File name too long"),
    ],
)
def test_files_as_they_are_typed(place: Path, text: str, wrong: str) -> None:
    found = wrong_files(text, place)
    assert found.startswith(wrong) if wrong else not found


def test_the_home_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place))
    assert not wrong_files("'~/my layers.py'", place / "elsewhere")
    assert files_in("'~/my layers.py'") == (str(place / "my layers.py"),)


def test_a_pipe_is_no_file(place: Path) -> None:
    os.mkfifo(place / "pipe.py")
    assert wrong_files("pipe.py", place) == "pipe.py: is no file."


@pytest.mark.parametrize(
    ("folder", "wrong"),
    [
        ("new", ""),
        ("long" * 100, "cannot be used"),
        ("my layers.py", "it is a file"),
        (".", "it is not empty"),
    ],
)
def test_the_folder_as_it_is_typed(place: Path, folder: str, wrong: str) -> None:
    found = wrong_folder(PluginOrder("acme", folder=folder), place)
    assert found.startswith(f"{folder}: {wrong}") if wrong else not found


def test_a_name_cannot_be_an_option() -> None:
    assert PluginOrder("--json").arguments()[-2:] == ["--", "--json"]
