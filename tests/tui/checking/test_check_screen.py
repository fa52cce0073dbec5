"""The check screen: what it is asked for elsewhere, the grid that fills, keys that make checks again."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from textual.widgets import Static

from tests.coroutines import until
from tests.tui.assembling.conftest import checked
from tests.tui.checking.conftest import FORGOTTEN, GATE, HOSTILE, KEPT, failed, made
from tests.tui.conftest import OpenApp, settle, shown
from tests.whole import whole
from tests.worker.conftest import recipe
from workbench.tui.actions.begin_check import begin_check
from workbench.tui.context import CheckTarget
from workbench.tui.screens.check.grid_view import CheckGridView
from workbench.tui.screens.check.screen import CheckScreen
from workbench.tui.widgets.catalog_panel import CatalogPanel
from workbench.tui.widgets.pick import PickDialog

GATE_ENTRY = CheckTarget("entry", "gate.Gate", "layer")


async def test_nothing_is_checked_yet_and_the_screen_says_how(open_app: OpenApp) -> None:
    async with open_app(size=(80, 24)) as pilot:
        assert "8 Check" not in shown(pilot.app)
        await pilot.press("8")
        await settle(pilot)
        text = shown(pilot.app)
        assert "Nothing is checked yet." in text
        assert "o Choose" in text
        assert "8 Check" in text
        assert "r All again" not in text


async def test_every_binding_has_an_id_and_a_tooltip_and_no_key_of_the_app(open_app: OpenApp) -> None:
    async with open_app() as pilot:
        taken = {key for binding in type(pilot.app).BINDINGS for key in binding.key.split(",")} - {
            "escape",  # the help's, and only while it is shown
            "pageup",
            "pagedown",
        }
        for bindings in (CheckScreen.BINDINGS, CheckGridView.BINDINGS):
            assert all(binding.id and binding.tooltip for binding in bindings)
            assert not taken.intersection(key for binding in bindings for key in binding.key.split(","))


@pytest.mark.slow
async def test_from_a_row_of_the_recipe_and_with_a_file_that_is_edited(
    open_app: OpenApp, gate: Path, working_directory: Path
) -> None:
    """Broken: it fails, with the line and the hint. A file that cannot be imported: its line. Mended: it passes."""
    text = recipe().replace("    - {use: Dense, units: 4", "    - {use: Gate}\n    - {use: Dense, units: 4")
    (working_directory / "gated.yaml").write_text(text)
    async with open_app(recipe="gated.yaml", plugin_files=[gate], size=(120, 40)) as pilot:
        app = pilot.app
        (await checked(pilot)).refresh_panes("model.sequential[0]")
        await pilot.press("k")
        await until(lambda: app.current_mode == "check")
        screen = app.screen
        assert screen.live
        await until(lambda: screen.states.counts["passed"] > 2, 120)  # before all are made
        assert screen.live
        assert "▶" in shown(app)
        await made(pilot)
        assert failed(screen) == []
        assert "✓ layer gate.Gate" in shown(app)
        all_made = sum(screen.states.counts.values())

        gate.write_text(GATE.replace(KEPT, FORGOTTEN))
        await until(lambda: screen.live, 60)
        await made(pilot)
        assert failed(screen) == ["Gate: config_keeps_arguments"]
        assert "now failing: Gate: config_keeps_arguments" in shown(app)
        await pilot.press("n")
        await settle(pilot)
        text = shown(app)
        assert "✗ failed  config_keeps_arguments" in text
        assert "does not give back 'strength'" in " ".join(text.split())
        assert "gate.py:15 in get_config" in text
        assert "def get_config(self):" in text
        await pilot.press("enter")
        await settle(pilot)
        assert app.screen.is_modal
        await pilot.press("escape")
        assert app.screen is screen

        gate.write_text(GATE.replace("call(self, x):", "call(self, x:"))
        error = screen.query_one("#check-error", Static)
        await until(lambda: error.display, 60)
        await settle(pilot)
        assert "'(' was never closed" in str(error.content)
        assert "gate.py:12" in str(error.content)
        assert "def call(self, x:" in str(error.content)
        text = shown(app)
        assert "✗ 1 failed" in text  # what was found of the code before stays

        gate.write_text(GATE)
        await until(lambda: screen.live, 60)
        await made(pilot)
        assert failed(screen) == []
        assert "mended: Gate: config_keeps_arguments" in shown(app)
        assert not error.display
        assert sum(screen.states.counts.values()) == all_made


@pytest.mark.slow
async def test_only_what_failed_an_entry_or_a_check_again(open_app: OpenApp, gate: Path) -> None:
    gate.write_text(
        GATE.replace(KEPT, FORGOTTEN) + GATE.partition("import keras\n")[2].replace("Gate", "Door")
    )
    async with open_app(plugin_files=[gate], size=(120, 40)) as pilot:
        begin_check(pilot.app, CheckTarget("plugin", "gate"))
        screen = await made(pilot)
        assert failed(screen) == ["Gate: config_keeps_arguments"]
        results = {
            place: screen.states.result(*place) for place in screen.states.in_state(*screen.states.counts)
        }

        def made_again() -> set[str]:
            return {f"{key[1]} {check}" for (key, check), old in results.items()
                    if screen.states.result(key, check) is not old}  # fmt: skip

        await pilot.press("f")
        await until(lambda: "gate.Gate saves_keras" in made_again(), 60)
        await made(pilot)
        again = made_again()
        assert "gate.Gate config_keeps_arguments" in again
        assert "gate.Gate saves_keras" in again  # it was skipped for it
        assert not any("Door" in each for each in again)
        assert "gate.Gate call" not in again

        await pilot.press("n", "e")
        await made(pilot)
        assert "gate.Gate call" in made_again()
        assert not any("Door" in each for each in made_again())

        await pilot.press("c")
        await made(pilot)
        assert {each for each in made_again() if "Door" in each} == {"gate.Door config_keeps_arguments"}
        assert failed(screen) == ["Gate: config_keeps_arguments"]


@pytest.mark.slow
async def test_code_that_ends_crashes_loops_or_floods_its_process_fails_and_says_so(
    open_app: OpenApp, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.tui.screens.check.targets.CHECK_LIMIT", 8.0)
    gate.write_text(GATE + HOSTILE)
    async with open_app(plugin_files=[gate], size=(120, 40)) as pilot:
        begin_check(pilot.app, CheckTarget("plugin", "gate"))
        screen = await made(pilot, 500)
        found = {}
        for key, check in screen.states.in_state("failed"):
            found.setdefault(key[1], screen.states.result(key, check).detail)
        assert "it ended the process (exit code 3)" in found["gate.Leaving"]
        assert "SIGSEGV" in found["gate.Crashing"]
        assert "it took over 8 s." in found["gate.Looping"]
        assert "it printed over 64 MB." in found["gate.Printing"]
        assert "gate.Gate" not in found
        assert screen.states.worst(("layer", "gate.Gate")) in ("passed", "skipped")
        await pilot.press("n")
        await settle(pilot)
        assert "✗ failed" in shown(pilot.app)


@pytest.mark.slow
async def test_escape_and_another_screen_stop_the_child_and_g_goes_on(open_app: OpenApp, gate: Path) -> None:
    async with open_app(plugin_files=[gate], size=(80, 24)) as pilot:
        app = pilot.app
        begin_check(app, GATE_ENTRY)
        screen = app.screen
        await until(lambda: screen.states.counts["passed"] > 1, 120)
        child = screen._checking._stop._process.pid
        await pilot.press("escape")
        assert not screen.live
        await until(lambda: not alive(child))
        done = screen.states.counts["passed"]
        waiting = screen.states.counts["waiting"]
        assert waiting
        await settle(pilot)
        assert f"stopped, {waiting} not made" in shown(app)
        await pilot.press("g")
        assert screen.live
        assert screen.states.counts["passed"] == done
        child = await held(screen)
        await pilot.press("2")
        await until(lambda: app.current_mode == "assemble" and not screen.live)
        await until(lambda: not alive(child))
        await pilot.press("8", "g")
        await made(pilot)
        assert not screen.states.counts["waiting"]
        assert failed(screen) == []


@pytest.mark.slow
async def test_beginning_again_and_again_leaves_one_child_and_the_last_result(
    open_app: OpenApp, gate: Path
) -> None:
    async with open_app(plugin_files=[gate], size=(80, 24)) as pilot:
        begin_check(pilot.app, GATE_ENTRY)
        screen = pilot.app.screen
        children = set()
        for number in range(12):
            gate.write_text(GATE if number % 2 else GATE.replace(KEPT, FORGOTTEN))
            children.add(await held(screen))
            await pilot.press("r")
        await made(pilot)
        await until(lambda: not any(alive(child) for child in children))
        gate.write_text(GATE.replace(KEPT, FORGOTTEN) + "# the last\n")
        await until(lambda: failed(screen) == ["Gate: config_keeps_arguments"], 180)
        await made(pilot)
        await until(lambda: not [each for each in threading.enumerate() if each.name == "checks"])


@pytest.mark.slow
async def test_whoever_leaves_the_app_leaves_no_child(open_app: OpenApp, gate: Path) -> None:
    async with open_app(plugin_files=[gate]) as pilot:
        begin_check(pilot.app, GATE_ENTRY)
        child = await held(pilot.app.screen)
        await pilot.press("q")
    await until(lambda: not alive(child))


@pytest.mark.slow
async def test_the_catalog_the_palette_and_the_screen_itself_choose_what_to_check(
    open_app: OpenApp, gate: Path, working_directory: Path
) -> None:
    (working_directory / "small.yaml").write_text(recipe())
    async with open_app(recipe="small.yaml", plugin_files=[gate], size=(80, 24)) as pilot:
        app = pilot.app
        await checked(pilot)
        await pilot.press("slash", *"gate")
        await until(lambda: (entry := app.screen.query_one(CatalogPanel).entry) and entry.name == "Gate")
        await pilot.press("f6")
        await until(lambda: app.current_mode == "check")
        assert app.check_target == GATE_ENTRY
        await pilot.press("escape", "o")
        await until(lambda: isinstance(app.screen, PickDialog))
        await pilot.press(*"gate.ga", "enter")
        await until(lambda: isinstance(app.screen, CheckScreen) and app.screen.live)
        await pilot.press("escape", "ctrl+p")
        await until(lambda: app.screen.is_modal)
        await pilot.press(*"check: the open")
        await settle(pilot)
        await pilot.pause(0.5)
        await pilot.press("enter")
        await until(lambda: app.check_target == CheckTarget("recipe"))
        screen = await made(pilot)
        assert [key[1] for key in screen.states.entries] == [
            "kwb_keras.Dense at model.sequential[0]",
            "kwb_keras.Dense at model.sequential[1]",
        ]
        assert failed(screen) == []


async def test_the_code_of_an_installed_plugin_is_looked_at_too(
    open_app: OpenApp, installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = installed("broken-layers")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    # A fork server of its own: that of the other tests does not know this folder.
    async with open_app(fork_server=None) as pilot:
        begin_check(pilot.app, CheckTarget("entry", "broken.Forgetful", "layer"))
        screen = pilot.app.screen
        await until(lambda: screen.live)
        await pilot.press("escape")
        (source,) = screen.files_shown()
        assert source.is_relative_to(folder)
        assert "class Forgetful" in source.read_text()
        await pilot.app.watching.look()
        os.utime(source, (1_800_000_000, 1_800_000_000))
        await until(lambda: screen.live)
        await pilot.press("escape")


async def test_what_is_not_there_any_more_and_a_recipe_that_is_not_open_are_said(open_app: OpenApp) -> None:
    async with open_app(size=(80, 24)) as pilot:
        begin_check(pilot.app, CheckTarget("entry", "gone.Gate", "layer"))
        await settle(pilot)
        assert "there is no layer 'gone.Gate' (any more)." in shown(pilot.app)
        assert not pilot.app.screen.live
        begin_check(pilot.app, CheckTarget("recipe"))
        await settle(pilot)
        assert "no recipe is open." in shown(pilot.app)
        assert "o Choose" in shown(pilot.app)


@pytest.mark.slow
@pytest.mark.skipif(not whole("checks"), reason="two minutes of checks: KWB_WHOLE=checks")
async def test_the_broken_layers_each_fail_the_check_that_is_named_for_them(
    open_app: OpenApp, installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(installed("broken-layers"))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr("workbench.tui.screens.check.targets.CHECK_LIMIT", 20.0)
    # A fork server of its own: that of the other tests does not know this folder.
    async with open_app(size=(80, 24), fork_server=None) as pilot:
        app = pilot.app
        begin_check(app, CheckTarget("plugin", "broken"))
        await pilot.pause(0.2)
        screen = app.screen
        await until(lambda: screen.states.counts["failed"], 200)
        assert screen.live
        await pilot.press("n")  # while others are made
        await made(pilot, 900)
        meant = {entry.name: entry.summary for entry in screen.states.entries.values() if entry.summary}
        assert sorted(failed(screen)) == sorted(f"{name}: {check}" for name, check in meant.items())
        seen = set()
        for _ in meant:
            await pilot.press("n")
            key, check = screen.query_one(CheckGridView).place
            seen.add((key, check))
        assert seen == set(screen.states.in_state("failed"))
        await settle(pilot)
        key, check = screen.query_one(CheckGridView).place
        assert f"✗ failed  {check}" in shown(app)
        assert screen.states.result(key, check).hint.split()[0] in shown(app)


async def held(screen) -> int:
    """The pid of the child, once there is one."""
    await until(lambda: screen._checking and screen._checking._stop._process is not None, 60)
    return screen._checking._stop._process.pid


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
