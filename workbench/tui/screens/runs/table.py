"""Runs as a table: as many columns as there is room for."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from rich.text import Text
from textual.widgets import DataTable

from workbench.storage.runs import RunSummary
from workbench.tui.screens.runs.listing import GLYPHS, metrics_of, middle_cut
from workbench.tui.screens.train.words import number

_WIDTHS = {"": 3, "status": 13, "epoch": 8, "started": 12}
_METRIC, _LEAST_NAME = 8, 16
_STYLES = {"running": "bold green", "done": "", "failed": "red", "crashed": "red"}


class RunsTable(DataTable[Text]):
    """A row for each run that is shown: its mark, status, name, epoch, and what it logged last."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._shape: tuple[tuple[str, ...], int] = ((), 0)  # the columns, and the width of the name's

    def show(self, shown: Sequence[RunSummary], runs: Sequence[RunSummary], marked: Collection[str]) -> None:
        """Bring the table up to date; rows that stay are changed cell by cell.

        Args:
            shown: the runs to show, in order.
            runs: all that there are: the columns stay as they are while some are filtered out.
            marked: names of runs, in the order of their curves.
        """
        columns = self._wanted_columns(runs)
        shape = (columns, self._name_width(columns, runs))
        marks = {name: at for at, name in enumerate(marked, 1)}
        if shape != self._shape or [run.folder.name for run in shown] != self.names:
            self._shape = shape
            self._rebuild(shown, marks)
            return
        for run in shown:
            for column, cell in zip(columns, self._cells(run, marks), strict=True):
                if self.get_cell(run.folder.name, column) != cell:
                    self.update_cell(run.folder.name, column, cell)

    @property
    def names(self) -> list[str]:
        """Names of the runs in the rows."""
        return [str(key.value) for key in self.rows]

    @property
    def name_under_cursor(self) -> str | None:
        """The name of the run under the cursor; None where there is no row."""
        names = self.names
        return names[self.cursor_row] if 0 <= self.cursor_row < len(names) else None

    def _wanted_columns(self, runs: Sequence[RunSummary]) -> tuple[str, ...]:
        """As many as the width has room for; each takes two cells of air."""
        width = self.app.size.width
        base = ["", "status", "run", "epoch", *(["started"] if width >= 100 else [])]
        used = sum(_WIDTHS.get(column, _LEAST_NAME) + 2 for column in base)
        metrics = metrics_of(runs)[: max((width - 1 - used) // (_METRIC + 2), 1)]
        return (*base, *metrics)

    def _name_width(self, columns: Sequence[str], runs: Sequence[RunSummary]) -> int:
        """What the others leave for the run's name."""
        others = sum(_WIDTHS.get(column, _METRIC) + 2 for column in columns if column != "run")
        longest = max((len(run.folder.name) for run in runs), default=0)
        return min(max(self.app.size.width - 3 - others, _LEAST_NAME), max(longest, _LEAST_NAME))

    def _rebuild(self, shown: Sequence[RunSummary], marks: Mapping[str, int]) -> None:
        columns, name_width = self._shape
        under = self.name_under_cursor
        with self.app.batch_update():
            self.clear(columns=True)
            for column in columns:
                width = name_width if column == "run" else _WIDTHS.get(column, _METRIC)
                self.add_column(column, key=column, width=width)
            for run in shown:
                self.add_row(*self._cells(run, marks), key=run.folder.name)
            if under in (names := self.names):
                self.move_cursor(row=names.index(under), animate=False)

    def _cells(self, run: RunSummary, marks: Mapping[str, int]) -> list[Text]:
        columns, name_width = self._shape
        name = run.folder.name
        started = time.strftime("%d %b %H:%M", time.localtime(run.started)) if run.started else "–"
        cells = {
            "": Text(f"▣ {marks[name]}" if name in marks else "□"),
            "status": Text(f"{GLYPHS.get(run.status, '?')} {run.status}", style=_STYLES.get(run.status, "")),
            "run": Text(middle_cut(name, name_width)),
            "epoch": Text(f"{run.epoch}/{run.epochs}" if run.epochs else "–", justify="right"),
            "started": Text(started),
        }
        return [
            cells[column] if column in cells else Text(_logged(run.logs, column), justify="right")
            for column in columns
        ]


def _logged(logs: Mapping[str, float], name: str) -> str:
    return number(logs[name]) if name in logs else "–"
