"""A table that is laid out while it changes is as high as its rows afterwards."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import DataTable

from tests.tui.conftest import until
from workbench.tui.terminal.stale_layout import install


class Rows(App[None]):
    CSS = "DataTable { height: auto; }"

    def compose(self) -> ComposeResult:
        yield DataTable()


async def test_a_layout_between_a_request_and_the_rows_does_not_hide_them() -> None:
    install()
    app = Rows()
    async with app.run_test() as pilot:
        await pilot.pause()
        table = app.query_one(DataTable)
        table.refresh(layout=True)
        app.screen._clear_arrangement_cache()  # as another widget does that asks for a layout,
        app.screen._refresh_layout()  # which comes, on a busy machine, before the table is idle
        table.add_column("run")
        table.add_row("first")
        table.add_row("second")
        await until(lambda: table.size.height == 3, what="a line for the header and for each row")
