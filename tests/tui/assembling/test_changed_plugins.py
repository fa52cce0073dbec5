"""A plugin file that is edited while the app is open: its new code counts, its new arguments are asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.coroutines import until
from tests.tui.assembling.conftest import checked
from tests.tui.assembling.test_changed_on_disk import edit, notices_text
from tests.tui.conftest import OpenApp, shown
from tests.tui.gate import GATE
from tests.worker.conftest import recipe
from workbench.tui.context import TrainingState

SHARPER = "strength=0.5, **kwargs"


@pytest.fixture
def gate(working_directory: Path) -> Path:
    path = working_directory / "gate.py"
    path.write_text(GATE)
    text = recipe().replace("    - {use: Dense, units: 4", "    - {use: Gate}\n    - {use: Dense, units: 4")
    (working_directory / "gated.yaml").write_text(text)
    return path


def fields(pilot: Pilot[Any]) -> list[str]:
    return [row.field.name for row in pilot.app.screen.form.rows]


async def at_gate(pilot: Pilot[Any]) -> Any:
    """Go to the row of the gate, once the worker has seen the recipe."""
    screen = await checked(pilot)
    screen.refresh_panes("model.sequential[0]")
    await until(lambda: "strength" in fields(pilot))
    return screen


async def test_the_recipe_is_open_at_once_and_a_plugin_that_is_being_loaded_is_no_error(
    open_app: OpenApp, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_app(recipe="gated.yaml", plugin_files=[gate], settled=False) as pilot:
        app = pilot.app
        call = app.worker.call
        begun = []

        async def slow(command: str, **arguments: Any) -> Any:
            """The real worker, which has time only once the test has looked."""
            begun.append(command)
            await until(lambda: "looked" in begun)
            return await call(command, **arguments)

        monkeypatch.setattr(app.worker, "call", slow)
        await until(lambda: "scan" in begun)
        await until(lambda: app.editor is not None and app.current_mode == "assemble")
        await until(lambda: "loading gate.py" in shown(app))
        assert app.editor.name == "gated.yaml"
        assert "no layer" not in shown(app)
        assert "✗" not in shown(app)
        begun.append("looked")
        screen = await checked(pilot)
        assert app.plugins.error_of(app.editor) is None
        assert screen.examination.error is None
        assert "loading" not in shown(app)


async def test_new_arguments_are_asked_for_and_new_code_is_built(open_app: OpenApp, gate: Path) -> None:
    async with open_app(recipe="gated.yaml", plugin_files=[gate]) as pilot:
        screen = await at_gate(pilot)
        edit(gate, SHARPER.replace("*", "\\*"), "strength=0.5, sharpness=3, **kwargs")
        await until(lambda: "gate.py changed, loaded again." in notices_text(pilot), 60)
        await until(lambda: fields(pilot)[:2] == ["strength", "sharpness"])
        assert "no layer" not in notices_text(pilot)
        assert "training under way" not in notices_text(pilot)

        edit(gate, "return x \\* self.strength", 'raise ValueError("boom in call")')
        await until(lambda: screen.is_settled and screen.examination.error is not None, 60)
        assert "boom in call" in screen.examination.error.what
        edit(gate, 'raise ValueError("boom in call")', "return x")
        await until(lambda: screen.is_settled and screen.examination.error is None, 60)


async def test_a_file_that_cannot_be_loaded_is_reported_with_its_line_and_loaded_once_it_is_mended(
    open_app: OpenApp, gate: Path
) -> None:
    async with open_app(recipe="gated.yaml", plugin_files=[gate]) as pilot:
        await at_gate(pilot)
        edit(gate, "def call(self, x):", "def call(self, x:")
        await until(lambda: "gate.py:" in notices_text(pilot), 60)
        assert "loaded again" not in notices_text(pilot)
        edit(gate, "def call(self, x:", "def call(self, x):")
        await until(lambda: "gate.py changed, loaded again." in notices_text(pilot), 60)
        assert (await checked(pilot)).examination.error is None


async def test_what_a_plugin_file_imports_from_beside_it_is_looked_at_too(
    open_app: OpenApp, gate: Path
) -> None:
    gate.with_name("amount.py").write_text("AMOUNT = 0.5\n")
    gate.write_text("import amount\n" + GATE.replace("strength=0.5", "strength=amount.AMOUNT"))
    async with open_app(recipe="gated.yaml", plugin_files=[gate]) as pilot:
        screen = await at_gate(pilot)
        strength = next(row for row in screen.form.rows if row.field.name == "strength")
        assert strength.field.default == 0.5
        edit(gate.with_name("amount.py"), "0.5", "0.25")
        await until(lambda: "amount.py changed, loaded again." in notices_text(pilot), 60)
        await until(
            lambda: [row.field.default for row in screen.form.rows if row.field.name == "strength"] == [0.25],
            60,
        )


async def test_a_file_that_says_the_same_is_not_loaded_again(open_app: OpenApp, gate: Path) -> None:
    async with open_app(recipe="gated.yaml", plugin_files=[gate]) as pilot:
        await at_gate(pilot)
        pid = pilot.app.worker._warm.pid
        await pilot.app.watching.look()
        gate.write_text(GATE)  # saved unchanged
        for _ in range(3):
            await pilot.app.watching.look()
        assert pilot.app.worker._warm.pid == pid
        assert "loaded again" not in notices_text(pilot)


async def test_restart_shows_new_arguments_and_knows_the_plugin_all_the_time(
    open_app: OpenApp, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for every in ("LOOK_EVERY", "LOOK_AT_PLUGINS_EVERY"):
        monkeypatch.setattr(f"workbench.tui.watching.{every}", 3600.0)
    async with open_app(recipe="gated.yaml", plugin_files=[gate]) as pilot:
        app = pilot.app
        await at_gate(pilot)
        pid = app.worker._warm.pid
        edit(gate, SHARPER.replace("*", "\\*"), "strength=0.5, sharpness=3, **kwargs")
        app.restart_worker()
        seen = []

        def renewed() -> bool:
            seen.append(app.plugins.error_of(app.editor))
            return "sharpness" in fields(pilot)

        await until(renewed, 60)
        assert app.worker._warm.pid != pid
        assert set(seen) == {None}


async def test_a_training_keeps_the_code_it_began_with(
    open_app: OpenApp, gate: Path, working_directory: Path
) -> None:
    path = working_directory / "gated.yaml"
    path.write_text(path.read_text().replace("epochs: 2", "epochs: 100000"))
    async with open_app(recipe="gated.yaml", plugin_files=[gate]) as pilot:
        await at_gate(pilot)
        await pilot.press("t")
        training = await until(lambda: pilot.app.training)
        await until(lambda: training.state is TrainingState.RUNNING, 60)
        edit(gate, "return x \\* self.strength", 'raise ValueError("boom in call")')
        await until(lambda: "keeps the code that it began with" in notices_text(pilot), 60)
        latest = training.latest
        await until(lambda: training.latest > latest)
        assert training.state is TrainingState.RUNNING
        await training.control("stop")
        await until(lambda: not training.state.live, 60)
        assert training.state is TrainingState.FINISHED


async def test_an_answer_that_is_waited_for_comes_though_the_code_changed(
    open_app: OpenApp, gate: Path
) -> None:
    async with open_app(recipe="gated.yaml", plugin_files=[gate]) as pilot:
        app = pilot.app
        await at_gate(pilot)
        before = app.worker._warm
        slow = gate.with_name("slow.py")
        slow.write_text("import time\ntime.sleep(4)\n" + GATE.replace("Gate", "Late"))
        asked = asyncio.ensure_future(app.worker.call("scan", path=str(slow)))
        await until(lambda: app.worker.state == "busy")
        edit(gate, "Lets a share through", "Lets some through")
        await until(lambda: "gate.py changed, loaded again." in notices_text(pilot), 60)
        assert app.worker._warm is not before
        assert (await asked)["entries"]
        await until(lambda: not before.alive)


async def test_a_file_changed_while_it_is_being_loaded_is_loaded_once_more(
    open_app: OpenApp, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_app(recipe="gated.yaml", plugin_files=[gate], settled=False) as pilot:
        app = pilot.app
        call = app.worker.call
        told_of = []

        async def late(command: str, **arguments: Any) -> Any:
            """The real worker, whose first answer of a scan never comes."""
            answer = await call(command, **arguments)
            if command == "scan" and "scanned" not in told_of:
                told_of.append("scanned")
                try:
                    await asyncio.sleep(3600)
                finally:
                    told_of.append("given up")
            return answer

        monkeypatch.setattr(app.worker, "call", late)
        await until(lambda: "scanned" in told_of, 60)
        await until(lambda: gate in app.watching._watch._known)
        edit(gate, SHARPER.replace("*", "\\*"), "strength=0.5, sharpness=3, **kwargs")
        await until(lambda: "given up" in told_of)
        await until(lambda: "gate.py changed, loaded again." in notices_text(pilot), 60)
        await at_gate(pilot)
        await until(lambda: "sharpness" in fields(pilot))
