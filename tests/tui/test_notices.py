"""Notices: where they are shown, and that they cover no dialog."""

from __future__ import annotations

import pytest

from tests.tui.conftest import OpenApp, settle, shown, until
from workbench.errors import WorkbenchError
from workbench.tui.widgets.dialogs import ConfirmDialog, DetailsDialog

LATE = WorkbenchError("the disk is full", where="price.yaml", hint="Make room, then save again.")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_notice_has_one_line_above_a_dialog(open_app: OpenApp, size: tuple[int, int]) -> None:
    async with open_app(size=size) as pilot:
        app = pilot.app
        app.notice("what was before the dialog", "warning")
        await until(lambda: "what was before" in shown(app))
        app.push_screen(DetailsDialog("A long text", "\n".join(f"line {n}" for n in range(60))))
        await settle(pilot)
        alone = shown(app).splitlines()
        app.notice(LATE)
        await until(lambda: "the disk is full" in shown(app))
        lines = shown(app).splitlines()
        assert lines[0].lstrip("▌ ").startswith("✗ price.yaml: the disk is full")
        assert lines[1:] == alone[1:]
        await pilot.press("escape")
        await until(lambda: "Make room" in shown(app))  # whole again, while its time lasts


async def test_no_notice_covers_the_buttons_of_a_question(open_app: OpenApp) -> None:
    async with open_app(size=(80, 24)) as pilot:
        app = pilot.app
        for number in range(6):
            app.notice(f"notice {number}")
        app.push_screen(ConfirmDialog("Save first?", "\n".join(["The recipe was changed."] * 12)))
        await settle(pilot)
        text = shown(app)
        assert "notice 5" in text.splitlines()[0]
        assert "notice 0" not in text
        assert "Yes y" in text
        assert "No n" in text
