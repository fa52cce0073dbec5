"""Of a text that does not fit into a dialog, the end can be reached, in a terminal of any size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from tests.tui.conftest import OpenApp, settle, shown
from workbench.storage.run_folder import RunFolder
from workbench.tui.actions.difference import DifferenceDialog
from workbench.tui.actions.new_plugin import NewPluginReport
from workbench.tui.services.plugin_project import PluginOrder
from workbench.tui.views.compare import Difference
from workbench.tui.widgets.devices_dialog import DevicesDialog
from workbench.tui.widgets.dialogs import DetailsDialog
from workbench.tui.widgets.replay_dialog import ReplayDialog

LINES = [f"line {number}" for number in range(100)]
DIALOGS: dict[str, Callable[[Path], Screen]] = {
    "details": lambda folder: DetailsDialog("Long", "short"),
    "devices": lambda folder: DevicesDialog(),
    "replay": lambda folder: ReplayDialog(RunFolder(folder)),
    "new plugin": lambda folder: NewPluginReport(PluginOrder("no name at all")),
    "difference": lambda folder: DifferenceDialog(
        ("one", "two"), [("long", [Difference(each, "1", "2") for each in LINES], "")]
    ),
}


@pytest.mark.parametrize("size", [(80, 20), (80, 24), (80, 30), (120, 40)])
@pytest.mark.parametrize("name", DIALOGS)
async def test_the_last_line_can_be_reached(
    open_app: OpenApp, tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    async with open_app(size=size) as pilot:
        dialog = DIALOGS[name](tmp_path)
        await pilot.app.push_screen(dialog)
        await settle(pilot)
        dialog.workers.cancel_all()  # what would find out what to show
        scroll = dialog.query_one(VerticalScroll)
        if name != "difference":
            scroll.query_one(Static).update("\n".join(LINES))
        await settle(pilot)
        await pilot.press("end")
        await settle(pilot)
        assert "line 99" in shown(pilot.app)
        await pilot.press("home")
        await settle(pilot)
        assert "line 0 " in shown(pilot.app)
