"""What tests of the Runs screen do with it."""

from __future__ import annotations

from tests.tui.conftest import settle


async def names_listed(pilot) -> list[str]:
    await settle(pilot)
    return [run.folder.name for run in pilot.app.screen.selection.shown]


async def under_cursor(pilot, name: str) -> None:
    """Put the cursor on a run."""
    names = await names_listed(pilot)
    pilot.app.screen.query_one("#table").move_cursor(row=names.index(name))
    await settle(pilot)
