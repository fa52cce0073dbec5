"""Runs as a table. ← and → show columns further right; the marks and the names stay."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from workbench.storage.runs import RunSummary
from workbench.tui.screens.runs.columns import FIXED, RunColumn, columns_of, text_in
from workbench.tui.views.fitting import fit, middle_cut
from workbench.tui.widgets.wide_table import WideTable

_STYLES = {"running": "bold green", "done": "", "failed": "red", "crashed": "red"}


class RunsTable(WideTable):
    """A row for each run that is shown: its mark, its name, and values of it."""

    BINDING_GROUP_TITLE = "List of runs"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", "First", id="runs.first", show=False, tooltip="Go to the first run"),
        Binding("end", "scroll_bottom", "Last", id="runs.last", show=False, tooltip="Go to the last run"),
        Binding("left", "cursor_left", "Left", id="runs.left", show=False, tooltip="Columns further left"),
        Binding("right", "cursor_right", "Right", id="runs.right", show=False, tooltip="Columns further right"),
    ]  # fmt: skip

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._columns_shown: list[RunColumn] = []
        # What the columns were chosen for: the runs, the names that the user chose, and the width of the screen.
        self._chosen_for: tuple[Sequence[RunSummary], Sequence[str], int] | None = None
        self._made: dict[str, tuple[RunSummary, int | None]] = {}  # what each row shows: a run, its mark

    def show(
        self,
        shown: Sequence[RunSummary],
        runs: Sequence[RunSummary],
        marked: Collection[str],
        chosen: Sequence[str] = (),
    ) -> None:
        """Bring the table up to date; rows that stay are changed cell by cell.

        Args:
            shown: the runs to show, in order.
            runs: all that there are: the columns stay as they are while some are filtered out.
            marked: names of runs, in the order of their curves.
            chosen: names of columns, in order; none for those that tell the runs apart.
        """
        before, width = self._columns_shown, self.app.size.width
        known = self._chosen_for
        if known is None or known[0] is not runs or known[1:] != (chosen, width):
            self._columns_shown = columns_of(runs, chosen, width)
            self._chosen_for = runs, chosen, width
        marks = {name: at for at, name in enumerate(marked, 1)}
        names = [run.folder.name for run in shown]
        shown_before = self.names
        if before != self._columns_shown or set(names) != set(shown_before):
            self._rebuild(shown, marks)
            return
        for run, name in zip(shown, names, strict=True):
            if (made := self._made[name])[0] is run and made[1] == marks.get(name):
                continue
            self._made[name] = run, marks.get(name)
            for column, cell in zip(self._columns_shown, self._cells(run, marks), strict=True):
                if self.get_cell(name, column.title) != cell:
                    self.update_cell(name, column.title, cell)
        if names != shown_before:
            self._reorder(names)

    def _reorder(self, names: Sequence[str]) -> None:
        """Put the rows into another order; the cursor stays on its run."""
        under = self.name_under_cursor
        places = {id(self.get_cell(name, "")): at for at, name in enumerate(names)}
        self.sort("", key=lambda cell: places[id(cell)])  # a key of Textual's sees a cell, not the row's name
        if under in names:
            self.move_cursor(row=names.index(under), animate=False)

    @property
    def names(self) -> list[str]:
        """Names of the runs in the rows, from above."""
        return [str(row.key.value) for row in self.ordered_rows]

    @property
    def name_under_cursor(self) -> str | None:
        """The name of the run under the cursor; None where there is no row."""
        names = self.names
        return names[self.cursor_row] if 0 <= self.cursor_row < len(names) else None

    def _rebuild(self, shown: Sequence[RunSummary], marks: Mapping[str, int]) -> None:
        under, left = self.name_under_cursor, self.scroll_x
        with self.app.batch_update():
            self.clear(columns=True)
            for column in self._columns_shown:
                self.add_column(fit(column.title, column.width), key=column.title, width=column.width)
            self.fixed_columns = FIXED
            self._made = {run.folder.name: (run, marks.get(run.folder.name)) for run in shown}
            for run in shown:
                self.add_row(*self._cells(run, marks), key=run.folder.name)
            if under in (names := self.names):
                self.move_cursor(row=names.index(under), animate=False)
            self.scroll_to(x=left, animate=False)

    def _cells(self, run: RunSummary, marks: Mapping[str, int]) -> list[Text]:
        return [self._cell(run, column, marks) for column in self._columns_shown]

    @staticmethod
    def _cell(run: RunSummary, column: RunColumn, marks: Mapping[str, int]) -> Text:
        name = run.folder.name
        match column.name:
            case "":
                return Text(f"▣ {marks[name]}" if name in marks else "□")
            case "run":
                return Text(middle_cut(name, column.width))
            case "status":
                style = "yellow" if run.no_better else _STYLES.get(run.status, "")
                return Text(fit(text_in(run, "status"), column.width), style=style)
        text = fit(text_in(run, column.name), column.width)
        return Text(text, justify="left" if column.is_text else "right")
