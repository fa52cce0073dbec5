"""A plugin file is saved again and again while the check screen shows it: what it says is of the last save."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.coroutines import until
from tests.fork_server import shared_fork_server
from tests.tui.checking.conftest import FORGOTTEN, GATE, KEPT, failed, made
from tests.tui.conftest import OpenApp, settle, shown
from tests.whole import part, whole
from workbench.tui.actions.begin_check import begin_check
from workbench.tui.context import CheckTarget

pytestmark = pytest.mark.slow

SAVES = 50 if whole("checks") else 20
MOST_GROWTH = 60 << 20  # bytes; one process of TensorFlow that stayed would be 400 MB

FORGETS = GATE.replace(KEPT, FORGOTTEN)
NEVER_ENDS = "while True: pass\n"
BROKEN = {
    "a syntax error": GATE.replace("call(self, x):", "call(self, x:"),
    "an import that fails": "import kwb_no_such_package\n" + GATE,
    "a call that raises": GATE.replace("return x *", "raise ValueError('no')\n        return x *"),
    "a call that never ends": GATE.replace("return x *", "while True: pass\n        return x *"),
    "an import that never ends": GATE + NEVER_ENDS,
    "an exit": "raise SystemExit(3)\n" + GATE,
    "the end of the process": "import os\nos._exit(3)\n" + GATE,
    "a call that ends the process": GATE.replace("return x *", "import os; os._exit(3)\n        return x *"),
    "nothing": "",
    "what forgets": FORGETS,
}


def _put(path: Path, text: str) -> None:
    """Save a file as an editor does that puts a new one in its place."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


def _memory(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


def _children(pid: int) -> set[int]:
    return {child.pid for child in psutil.Process(pid).children(recursive=True)}


async def _ends(pilot: Any, path: Path, text: str, expected: list[str]) -> None:
    """Save a text, and wait until all of it is checked, with what fails."""
    marked = f"{text}\n# {os.urandom(4).hex()}\n"
    begun = pilot.app.catalog
    _put(path, marked)
    await until(lambda: pilot.app.catalog is not begun, 60)
    screen = pilot.app.screen
    await until(lambda: not screen.live and screen._error is None and failed(screen) == expected, 120)
    await made(pilot)


async def test_many_saves_and_broken_ones_among_them(open_app: OpenApp, gate: Path) -> None:
    """The last save counts, no child is left, and neither the app nor the fork server grows."""
    fork_server = shared_fork_server()
    async with open_app(plugin_files=[gate], size=(80, 24)) as pilot:
        app = pilot.app
        begin_check(app, CheckTarget("plugin", "gate"))
        screen = await made(pilot)
        for text, expected in ((FORGETS, ["Gate: config_keeps_arguments"]), (GATE, [])):
            await _ends(pilot, gate, text, expected)  # the first ones load what is loaded once
        before = _memory(os.getpid())
        server_before = _memory(fork_server.pid) if fork_server else 0
        children_before = len(_children(os.getpid()))
        texts = [*BROKEN.values()]
        for number in range(SAVES):
            text = GATE if number % 2 else texts[number // 2 % len(texts)]
            _put(gate, f"{text}\n# save {number}\n")
            await pilot.pause((0.05, 0.4, 0.9, 1.6)[number % 4])
            assert app.is_running
        await _ends(pilot, gate, FORGETS, ["Gate: config_keeps_arguments"])
        await _ends(pilot, gate, GATE, [])
        await settle(pilot)
        assert "✓ plugin gate" in shown(app)
        assert screen.states.counts["failed"] == 0
        await until(lambda: len(_children(os.getpid())) <= children_before, 60)
        await until(lambda: not [each for each in threading.enumerate() if each.name == "checks"])
        assert _memory(os.getpid()) - before < MOST_GROWTH
        if fork_server:
            assert shared_fork_server() is fork_server  # the same, alive
            assert _memory(fork_server.pid) - server_before < MOST_GROWTH


@pytest.mark.parametrize("name", part("checks", BROKEN, [*BROKEN][:1] + [*BROKEN][4:9:2]))
async def test_a_save_that_is_broken_is_said_and_the_next_is_checked(
    open_app: OpenApp, gate: Path, name: str
) -> None:
    async with open_app(plugin_files=[gate], size=(80, 24)) as pilot:
        begin_check(pilot.app, CheckTarget("plugin", "gate"))
        screen = await made(pilot)
        begun = pilot.app.catalog

        def bad() -> list[Any]:
            return screen.states.in_state(
                "failed", "skipped"
            )  # skipped: it raises on every input that is tried

        assert not bad()
        _put(gate, BROKEN[name])
        if BROKEN[name].endswith(NEVER_ENDS):
            await until(lambda: pilot.app.plugins.loading, 60)
        else:
            await until(lambda: pilot.app.catalog is not begun, 60)
            if "never ends" in name:
                await until(lambda: screen.live and screen.states.counts["passed"] > 3, 60)
            else:
                await until(lambda: not screen.live and (screen._error or bad()), 60)
        await _ends(pilot, gate, GATE, [])


async def test_the_entry_that_was_edited_is_checked_first(open_app: OpenApp, gate: Path) -> None:
    door = GATE.partition("import keras\n")[2].replace("Gate", "Door")
    gate.write_text(GATE + door)
    async with open_app(plugin_files=[gate], size=(80, 24)) as pilot:
        begin_check(pilot.app, CheckTarget("plugin", "gate"))
        screen = await made(pilot)
        for edited, text in (("gate.Door", GATE + door.replace("0.5", "0.7")),
                             ("gate.Gate", GATE.replace("0.5", "0.6") + door.replace("0.5", "0.7"))):  # fmt: skip
            _put(gate, text)
            await until(lambda: screen.live, 60)
            await until(lambda: screen.states.counts["passed"], 60)
            assert screen.states.result(("layer", edited), "resolves") is not None
            await made(pilot)
            assert failed(screen) == []


async def test_a_save_in_the_middle_of_checks_begins_with_the_last_text(
    open_app: OpenApp, gate: Path
) -> None:
    """No result of the text before is shown once the checks of the new one have begun."""
    async with open_app(plugin_files=[gate], size=(80, 24)) as pilot:
        begin_check(pilot.app, CheckTarget("plugin", "gate"))
        screen = await made(pilot)
        for _ in range(3):
            catalog = pilot.app.catalog
            _put(gate, FORGETS)
            await until(lambda known=catalog: pilot.app.catalog is not known, 60)
            await until(lambda: screen.live and screen.states.counts["passed"] > 3, 60)
            before = screen._checking
            _put(gate, GATE)
            await until(lambda before=before: screen.live and screen._checking is not before, 60)
            while screen.live:
                assert failed(screen) == []
                await pilot.pause(0.02)
            assert failed(screen) == []
