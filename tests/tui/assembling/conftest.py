"""The assemble and data screens under test, with real children; descriptions are kept in a folder of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.coroutines import pytest_pyfunc_call, until
from tests.tui.conftest import settle
from workbench.tui.app import KwbApp
from workbench.tui.screens.assemble.screen import AssembleScreen
from workbench.tui.screens.data.screen import DataScreen

__all__ = ["pytest_pyfunc_call"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


async def checked(pilot: Pilot[Any]) -> Any:
    """Wait until the worker has seen the recipe (or the data) as it is; the screen is returned."""
    app = pilot.app
    assert isinstance(app, KwbApp)
    await until(
        lambda: isinstance(app.screen, AssembleScreen | DataScreen) and app.editor, what="a recipe is open"
    )
    screen = app.screen
    assert isinstance(screen, AssembleScreen | DataScreen)
    await until(
        lambda: screen.is_settled and app.worker.state in ("ready", "off"), 90, "the worker has answered"
    )
    await settle(pilot)
    return screen


async def typed(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys; a text in quotes (`'Dense'`) is typed letter by letter."""
    for key in keys:
        if key.startswith("'"):
            await pilot.press(*("space" if letter == " " else letter for letter in key.strip("'")))
        else:
            await pilot.press(key)
        await settle(pilot)
