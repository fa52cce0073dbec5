"""DataBelow: what is shown of the data below its columns: the column under the cursor, the rows, or the parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from textual import work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import ContentSwitcher

from workbench.tui.screens.data.column_detail import ColumnDetail
from workbench.tui.screens.data.findings import Call, Findings
from workbench.tui.screens.data.parts_pane import PartsPane
from workbench.tui.screens.data.preview import DataPreview
from workbench.tui.screens.data.rows_pane import RowsPane
from workbench.tui.views.marks import FAILED

COLUMN, ROWS, PARTS = "column", "rows", "parts"


class DataBelow(ContentSwitcher):
    """Asks the worker for what is in view, a little at a time, while the screen is shown.

    Args:
        call: asks the worker about the recipe's data.
        wanted: what that data is now: another value where it is another.
        goes_on: whether anybody looks at an answer.
    """

    class Found(Message):
        """More is known of the columns."""

    def __init__(
        self, call: Call, wanted: Callable[[], tuple[Any, ...]], goes_on: Callable[[], bool], *, id: str
    ) -> None:
        super().__init__(id=id, initial=COLUMN)
        self.findings = Findings()
        self._call = call
        self._wanted = wanted
        self._goes_on = goes_on
        self._look = DataPreview()
        self._column = ""

    def compose(self) -> ComposeResult:
        yield ColumnDetail(id=COLUMN)
        yield RowsPane(self._fetch_rows, id=ROWS)
        yield PartsPane(id=PARTS)

    def on_mount(self) -> None:
        self.query_one(RowsPane).border_title = "Rows"
        self.query_one(PartsPane).border_title = "Parts"

    async def _fetch_rows(self, **arguments: Any) -> Any:
        return await self._call("data_rows", **arguments)

    # ------------------------------------------------------------------ what is known

    def forget(self) -> None:
        """Another recipe is opened."""
        self.findings = Findings()
        self.renew(DataPreview())

    def renew(self, look: DataPreview) -> None:
        """The data was read, as it is now."""
        self._look = look
        wide = sum(math.prod(shape) for shape in look.inputs.values() if len(shape) == 1)
        self.query_one(RowsPane).renew(max(len(look.columns), wide))

    def find(self) -> None:
        """Find out more about what is in view."""
        if not self._look.columns:
            return
        self._find_columns()
        if self.current == ROWS:
            self.query_one(RowsPane).look()
        elif self.current == PARTS:
            self._show_parts()
            self._find_parts()

    @work(exclusive=True, group="columns")
    async def _find_columns(self) -> None:
        found = self.findings
        await found.find_columns(
            self._call, self._wanted, self._goes_on, lambda: self.post_message(self.Found())
        )

    @work(exclusive=True, group="parts")
    async def _find_parts(self) -> None:
        await self.findings.find_parts(self._call, self._wanted, self._goes_on, self._show_parts)

    # ------------------------------------------------------------------ what is shown

    def show_column(self, name: str) -> None:
        """Show what is known of a column."""
        self._column = name
        found, known = self.findings, self._look.error
        error = found.columns_error if known is None or known.what != found.columns_error else ""
        self.query_one(ColumnDetail).show(name, found.summaries.get(name), found.sampled, error)

    def _show_parts(self) -> None:
        found, error = self.findings, self._look.error
        why = f"{FAILED} {error.what}" if error else found.error
        self.query_one(PartsPane).show(self._look.balance, found.parts, found.compared, found.total, why)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_parts)
        # The column of that moment: the cursor may have moved on by then.
        self.call_after_refresh(lambda: self.show_column(self._column))

    def open(self, which: str) -> None:
        """Show the rows or the parts, and put the cursor there."""
        self.current = which
        if which == ROWS:
            self.query_one(RowsPane).focus_rows()
        else:
            self.query_one(PartsPane).focus()
        if self._goes_on():
            self.call_after_refresh(self.find)

    def close(self) -> bool:
        """Show the column again; False where a filter was left instead."""
        rows = self.query_one(RowsPane)
        if self.current == ROWS and rows.has_focus_within and rows.leave_filter():
            return False
        self.current = COLUMN
        return True
