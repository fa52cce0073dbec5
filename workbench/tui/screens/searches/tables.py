"""The searches, and the trials of one, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from workbench.search.state import TrialState
from workbench.tui.screens.searches.listing import SearchSummary
from workbench.tui.screens.searches.rows import TrialRow, best_of, goal_text, state_text
from workbench.tui.views.fitting import fit, printable
from workbench.tui.views.formatting import moment, number
from workbench.tui.views.marks import BEST, FAILED, RUNNING

_MOST_NAME, _LEAST_NAME, _MOST_VALUE = 40, 10, 28  # cells of a search's name; of a key's value
_STYLES = {TrialState.RUNNING: "bold green", TrialState.FAILED: "red", TrialState.PRUNED: "dim"}
_RIGHT = ("done", "running", "pruned", "failed", "best", "trial", "seed", "fold", "epoch")


class LiveTable(DataTable[Text]):
    """Rows that have keys: what stays is changed cell by cell, and the cursor stays on its row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "home", "scroll_top", "First", id="searches.first", show=False, tooltip="Go to the first row"
        ),
        Binding("end", "scroll_bottom", "Last", id="searches.last", show=False, tooltip="Go to the last row"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._widths: dict[str, int] = {}

    def bring_up_to_date(
        self, widths: Mapping[str, int], rows: Mapping[str, Mapping[str, str | Text]]
    ) -> None:
        """Show these rows, in this order.

        Args:
            widths: of the columns, by their names.
            rows: by key; of each the cells, by column.
        """
        cells = {
            key: [self._cell(row.get(name, "–"), name, widths[name]) for name in widths]
            for key, row in rows.items()
        }
        if dict(widths) != self._widths or list(cells) != self.keys:
            self._rebuild(widths, cells)
            return
        for key, row in cells.items():
            for name, cell in zip(widths, row, strict=True):
                if self.get_cell(key, name) != cell:
                    self.update_cell(key, name, cell)

    @property
    def keys(self) -> list[str]:
        """Of the rows, in their order."""
        return [str(key.value) for key in self.rows]

    @property
    def under_cursor(self) -> str | None:
        """The key of the row under the cursor; None where there is no row."""
        keys = self.keys
        return keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None

    def _rebuild(self, widths: Mapping[str, int], cells: Mapping[str, Sequence[Text]]) -> None:
        under, top = self.under_cursor, self.scroll_y
        with self.app.batch_update():
            if dict(widths) != self._widths:
                self.clear(columns=True)
                for name, width in widths.items():
                    self.add_column(fit(name, width), key=name, width=width)
                self._widths = dict(widths)
            else:
                self.clear()
            for key, row in cells.items():
                self.add_row(*row, key=key)
            if under is not None and under in cells:
                self.move_cursor(row=list(cells).index(under), animate=False, scroll=False)
                self.scroll_to(y=top, animate=False)
                self.move_cursor(row=self.cursor_row, animate=False)

    @staticmethod
    def _cell(value: str | Text, column: str, width: int) -> Text:
        text = value if isinstance(value, Text) else Text(fit(value, width))
        if column in _RIGHT:
            text.justify = "right"
        return text


class SearchesTable(LiveTable):
    """A row for each search: what it is for, how far it is, its best value."""

    BINDING_GROUP_TITLE = "List of searches"

    def show(self, searches: Sequence[SearchSummary]) -> None:
        """Bring the table up to date."""
        room = self.app.size.width - 3
        widths = {"search": 0, "goal": 24, "done": 9, "running": 7, "pruned": 6, "failed": 6, "best": 9}
        widths["last change"] = 12
        if self.app.size.width < 100:
            del widths["goal"]
        used = sum(width + 2 for width in widths.values())
        longest = max((len(search.name) for search in searches), default=0)
        widths["search"] = max(min(longest, room - used, _MOST_NAME), _LEAST_NAME)
        self.bring_up_to_date(widths, {search.name: self._row(search) for search in searches})

    @staticmethod
    def _row(search: SearchSummary) -> dict[str, str | Text]:
        states = search.states
        row: dict[str, str | Text] = {"search": search.name, "last change": moment(search.changed)}
        if search.base is None:
            return {**row, "goal": Text(f"{FAILED} unreadable", style="red")}
        done = sum(count for state, count in states.items() if state.over)
        wanted = search.wanted if search.goal is not None else search.base.repetitions
        found = best_of(search)
        running, failed = states[TrialState.RUNNING], states[TrialState.FAILED]
        return {
            **row,
            "goal": goal_text(search),
            "done": f"{done}/{wanted}",
            "running": Text(f"{RUNNING} {running}", style="bold green") if running else "0",
            "pruned": str(states[TrialState.PRUNED]),
            "failed": Text(f"{FAILED} {failed}", style="red") if failed else "0",
            "best": number(found.value) if found is not None and found.value is not None else "–",
        }


class TrialsTable(LiveTable):
    """A row for each trial: its state, its value, and what was tried. ← and → show columns further right."""

    BINDING_GROUP_TITLE = "Trials"

    def show(
        self, search: str, goal: str, rows: Sequence[TrialRow], kind: str, marked: int | None = None
    ) -> None:
        """Bring the table up to date.

        Args:
            search: its name; the cursor stays on a row of the same search only.
            goal: the name of the value to compare by; "" of a repeat alone.
            kind: what a row is: trial, seed or fold.
            marked: the number of the one that others are compared with.
        """
        columns = list(dict.fromkeys(name for row in rows for name in row.values))
        widths = {kind: max(len(kind), 6), "state": 9}
        if goal:
            widths[_title(goal)] = max(len(goal), 10, *(len(row.value_text) for row in rows))
        widths["epoch"] = 5
        for name in columns:
            longest = max(len(row.values.get(name, "")) for row in rows)
            widths[_title(name, widths)] = min(max(len(name), longest, 6), _MOST_VALUE)
        titles = dict(zip(columns, list(widths)[-len(columns) :], strict=True)) if columns else {}
        shown = {}
        for row in rows:
            style = _STYLES.get(row.state, "")
            cells: dict[str, str | Text] = {
                kind: f"{'▣' if row.number == marked else ' '}{BEST if row.is_best else ' '} {row.number}",
                "state": Text(state_text(row.state), style=style),
                "epoch": str(row.epoch) if row.epoch else "–",
            }
            if goal:
                cells[_title(goal)] = Text(
                    row.value_text, style="bold" if row.is_best else "", justify="right"
                )
            cells |= {titles[name]: value for name, value in row.values.items()}
            shown[f"{search}/{row.number}"] = cells
        self.bring_up_to_date(widths, shown)


def _title(name: str, taken: Mapping[str, int] | None = None) -> str:
    """A column's title; a key may be called as another column is."""
    name = printable(name)
    while taken and name in taken:
        name += " "
    return name
