"""RowsPane: the rows of the data, of any part, filtered; as they are read, or as a model gets them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from workbench.errors import WorkbenchError
from workbench.tui.context import kwb
from workbench.tui.views.fitting import printable
from workbench.tui.views.marks import BUSY, FAILED
from workbench.tui.widgets.dialogs import PromptDialog
from workbench.tui.widgets.filter_line import FilterLine
from workbench.tui.widgets.page_table import PageTable

Fetch = Callable[..., Awaitable[Mapping[str, Any]]]

PAUSE = 0.3  # seconds without a key before a filter is used
_MOST_CELLS = 8_000  # of a page
_WIDEST = 32


class RowsPane(Vertical):
    """Rows of the data.

    Args:
        fetch: a page of rows: the worker's `data_rows` for the open recipe's data.
    """

    BINDING_GROUP_TITLE = "Rows of the data"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="rows.filter", key_display="/",
                tooltip='Only some rows: price>100 city:Berlin garden=yes "living area"<80 words; '
                ": contains, = is, != is not; city= has no value"),
        Binding("m", "gaps", "Missing", id="rows.gaps", tooltip="Only rows with a missing value, or all"),
        Binding("a", "part", "Part", id="rows.part",
                tooltip="The rows of all parts, of the training, of the validation, of the test"),
        Binding("p", "prepared", "Prepared", id="rows.prepared",
                tooltip="The values as they are read, or as the model gets them"),
        Binding("g", "go", "Go to row", id="rows.go", tooltip="Go to the row of a number"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    RowsPane { & > #rows-about { height: 1; padding: 0 1; color: $text-muted; } & > PageTable { height: 1fr; } }
    """

    def __init__(self, fetch: Fetch, *, id: str) -> None:
        super().__init__(id=id)
        self._fetch = fetch
        self._part = "all"
        self._gaps = False
        self._prepared = False
        self._where = ""
        self._parts: Mapping[str, int] = {}
        self._columns = 1
        self._asked = 0  # counts what was asked for: an answer to something else is not shown
        self._timer: Timer | None = None
        self._stale = True

    def compose(self) -> ComposeResult:
        yield Static("", id="rows-about", markup=False)
        yield FilterLine("#rows-table", placeholder='price>100 city:Berlin garden=yes "living area"<80 words')
        yield PageTable(id="rows-table", title="Rows", frozen=2, widest=_WIDEST)

    # ------------------------------------------------------------------ what is shown

    def renew(self, columns: int) -> None:
        """The data is another: read it again when it is looked at.

        Args:
            columns: how many it has, raw or prepared, 0 where it cannot be read; a page of a wide table has fewer rows.
        """
        self._columns = max(columns, 1)
        self._stale = True
        if not columns:  # there is nothing to be read
            self._asked += 1
            self.query_one(PageTable).show([], 0)
            self._show(Content(""))

    def look(self) -> None:
        """It is in view."""
        if self._stale:
            self._stale = False
            self._begin()

    def _query(self) -> dict[str, Any]:
        return {"part": self._part, "gaps": self._gaps, "as_prepared": self._prepared, "where": self._where}

    @work(exclusive=True, group="rows")
    async def _begin(self, row: int | None = None) -> None:
        """Show the first page of what is wanted now, or that of a row; look on until every row was looked at."""
        self._asked += 1
        asked, table = self._asked, self.query_one(PageTable)
        page = max(10, min(200, _MOST_CELLS // self._columns))
        try:
            answer = await self._fetch(start=0, count=page, row=row, **self._query())
            if asked != self._asked:
                return
            if row is None or table.headings[1:] != [(name, "value") for name in answer["headings"]]:
                headings = [("row", "row"), *((name, "value") for name in answer["headings"])]
                table.show(headings, answer["total"], page)
            table.extend(answer["total"])
            self._parts = answer["parts"]
            table.put(answer["start"], answer["rows"])
            if row is not None and answer["place"] is not None:
                table.cursor = answer["place"]
            self._show_about(answer)
            while not answer["complete"]:
                answer = await self._fetch(start=0, count=0, **self._query())
                if asked != self._asked:
                    return
                table.extend(answer["total"])
                self._show_about(answer)
        except WorkbenchError as error:
            if asked == self._asked:
                hint = f" {error.hint}" if error.hint else ""
                self._show(
                    Content.styled(f"{FAILED} {printable(error.what)}{printable(hint)}", "$text-error")
                )

    @on(PageTable.Wanted)
    @work
    async def _wanted(self, event: PageTable.Wanted) -> None:
        """Bring a page that came into view."""
        event.stop()
        asked, table = self._asked, self.query_one(PageTable)
        try:
            answer = await self._fetch(start=event.start, count=table.page, **self._query())
        except WorkbenchError:
            return  # what began it says so
        if asked == self._asked:
            table.put(event.start, answer["rows"])

    @on(PageTable.Highlighted)
    def _highlighted(self, event: PageTable.Highlighted) -> None:
        event.stop()

    def _show_about(self, answer: Mapping[str, Any]) -> None:
        which = "all rows" if self._part == "all" else f"{self._part} part"
        values = "as the model gets them" if self._prepared else "as they are read"
        count = f"{answer['total']:,} rows"
        if not answer["complete"]:
            count = f"{BUSY} {count} of the first {answer['scanned']:,}"
        words = [which, values, count]
        if self._gaps:
            words.append("only with missing values")
        if self._where:
            words.append(f"filter: {printable(self._where)}")
        self._show(Content("  ·  ".join(words)))

    def _show(self, text: Content) -> None:
        self.query_one("#rows-about", Static).update(text)

    # ------------------------------------------------------------------ actions

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterLine).ask()

    @on(FilterLine.Changed)
    def _filtered(self, event: FilterLine.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE, self._use_filter)

    def _use_filter(self) -> None:
        where = self.query_one(FilterLine).value.strip()
        if where != self._where:
            self._where = where
            self._begin()

    def leave_filter(self) -> bool:
        """Show all rows again; False if there is no filter."""
        line = self.query_one(FilterLine)
        if not (line.has_focus or line.value):
            return False
        line.dismiss()
        return True

    def action_gaps(self) -> None:
        """Only rows with a missing value, or all."""
        self._gaps = not self._gaps
        self._begin()

    def action_part(self) -> None:
        """The rows of the next part."""
        parts = ["all", *self._parts]
        self._part = parts[(parts.index(self._part) + 1) % len(parts)] if self._part in parts else "all"
        self._begin()

    def action_prepared(self) -> None:
        """The values as they are read, or as the model gets them."""
        self._prepared = not self._prepared
        self._begin()

    @work(group="act")
    async def action_go(self) -> None:
        """Go to the row of a number."""

        def wrong(text: str) -> str:
            number = text.replace(",", "").strip()
            return "" if number.isdecimal() and int(number) > 0 else "type the number of a row, from 1"

        text = await self.app.push_screen_wait(PromptDialog("Go to which row?", check=wrong))
        if text is not None:
            self._begin(int(text.replace(",", "").strip()))

    def key_words(self, action: str) -> str | None:
        """The name of what the key shows next."""
        if action == "prepared" and self._prepared:
            return "As read"
        return "All rows" if action == "gaps" and self._gaps else None

    def focus_rows(self) -> None:
        self.query_one(PageTable).focus()

    @property
    def busy(self) -> bool:
        """True while a filter waits to be used."""
        return self._timer is not None and self.query_one(FilterLine).value.strip() != self._where

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the line of the filter every letter is a letter."""
        return kwb(self).editor is not None
