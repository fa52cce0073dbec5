"""Runs as a table: as many columns as there is room for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from workbench.storage.recipe_values import differing_keys, short_keys, shown_value
from workbench.storage.runs import RunSummary
from workbench.tui.screens.runs.listing import metrics_of
from workbench.tui.views.compare import ABSENT
from workbench.tui.views.fitting import fit, middle_cut
from workbench.tui.views.formatting import moment, number
from workbench.tui.views.marks import run_state

_WIDTHS = {"": 3, "status": 13, "started": 12}
_LEAST, _MOST, _LEAST_NAME = 8, 14, 16  # cells of a column for values; of the name's
_PLACES_OF_KEYS = (1, 4, 5)  # of the keys that the runs' recipes differ in most, among the metrics
_STYLES = {"running": "bold green", "done": "", "failed": "red", "crashed": "red"}


class RunsTable(DataTable[Text]):
    """A row for each run that is shown: its mark, status, name, epoch, and what it logged last."""

    BINDING_GROUP_TITLE = "List of runs"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", "First", id="runs.first", show=False, tooltip="Go to the first run"),
        Binding("end", "scroll_bottom", "Last", id="runs.last", show=False, tooltip="Go to the last run"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._widths: dict[str, int] = {}  # of the columns
        self._chosen_for: tuple[Sequence[RunSummary], int] | None = (
            None  # the runs and the width of the columns
        )
        self._made: dict[str, tuple[RunSummary, int | None]] = {}  # what each row shows: a run, its mark
        self._keys: dict[str, str] = {}  # of those that stand for a key of the recipe: the key

    def show(self, shown: Sequence[RunSummary], runs: Sequence[RunSummary], marked: Collection[str]) -> None:
        """Bring the table up to date; rows that stay are changed cell by cell.

        Args:
            shown: the runs to show, in order.
            runs: all that there are: the columns stay as they are while some are filtered out.
            marked: names of runs, in the order of their curves.
        """
        before = self._widths, self._keys
        if (
            self._chosen_for is None
            or self._chosen_for[0] is not runs
            or self._chosen_for[1] != self.app.size.width
        ):
            self._choose_columns(runs)
            self._chosen_for = runs, self.app.size.width
        marks = {name: at for at, name in enumerate(marked, 1)}
        names = [run.folder.name for run in shown]
        shown_before = self.names
        if before != (self._widths, self._keys) or set(names) != set(shown_before):
            self._rebuild(shown, marks)
            return
        for run, name in zip(shown, names, strict=True):
            if (made := self._made[name])[0] is run and made[1] == marks.get(name):
                continue
            self._made[name] = run, marks.get(name)
            for column, cell in zip(self._widths, self._cells(run, marks), strict=True):
                if self.get_cell(name, column) != cell:
                    self.update_cell(name, column, cell)
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

    def _choose_columns(self, runs: Sequence[RunSummary]) -> None:
        """As many columns as the width has room for; each takes two cells of air.

        After those that every run has come what was logged, the two losses first, and between them the keys in which
        runs of one recipe differ: of these at least one is to be seen.
        """
        room = self.app.size.width - 3
        widths = {"": _WIDTHS[""], "status": _WIDTHS["status"], "run": _LEAST_NAME}
        widths["epoch"] = max([5, *(len(_epochs(run)) for run in runs)])
        if self.app.size.width >= 100:
            widths["started"] = _WIDTHS["started"]
        if longest := max((cell_len(_tags(run)) for run in runs), default=0):
            widths["tags"] = min(max(longest, len("tags")), _MOST)
        used = sum(width + 2 for width in widths.values())
        keys = differing_keys((run.recipe_name, run.recipe_values) for run in runs)
        metrics = metrics_of(runs)
        names = short_keys(keys)
        self._keys = {}
        wanted = [("metric", name) for name in metrics]
        tested = {run.test.name for run in runs if run.test is not None}
        if tested:
            wanted.insert(1, ("test", f"test {next(iter(tested))}" if len(tested) == 1 else "test"))
        for place, key in zip(_PLACES_OF_KEYS, keys, strict=False):
            wanted.insert(place, ("key", key))
        wanted += [("key", key) for key in keys[len(_PLACES_OF_KEYS) :]]
        for kind, name in wanted:
            column = names[name] if kind == "key" else name
            if column in widths:
                continue
            values = [
                shown_value(run.recipe_values.get(name, "")) if kind == "key" else _number(run, column)
                for run in runs
            ]
            width = min(max([_LEAST, len(column), *map(len, values)]), _MOST)
            if (
                kind == "test" and used + 2 * (width + 2) > room
            ):  # its metric's name would push out all others
                width = min(max([_LEAST, *map(len, values)]), _MOST)
            if used + width + 2 > room and name != wanted[0][1]:
                continue
            used += width + 2
            widths[column] = width
            if kind == "key":
                self._keys[column] = name
        longest = max((len(run.folder.name) for run in runs), default=0)
        widths["run"] = min(max(room - used + _LEAST_NAME, _LEAST_NAME), max(longest, _LEAST_NAME))
        self._widths = widths

    def _rebuild(self, shown: Sequence[RunSummary], marks: Mapping[str, int]) -> None:
        under = self.name_under_cursor
        with self.app.batch_update():
            self.clear(columns=True)
            for column, width in self._widths.items():
                self.add_column(fit(column, width), key=column, width=width)
            self._made = {run.folder.name: (run, marks.get(run.folder.name)) for run in shown}
            for run in shown:
                self.add_row(*self._cells(run, marks), key=run.folder.name)
            if under in (names := self.names):
                self.move_cursor(row=names.index(under), animate=False)

    def _cells(self, run: RunSummary, marks: Mapping[str, int]) -> list[Text]:
        name = run.folder.name
        started = moment(run.started)
        cells = {
            "": Text(f"▣ {marks[name]}" if name in marks else "□"),
            "status": Text(run_state(run), style="yellow" if run.no_better else _STYLES.get(run.status, "")),
            "run": Text(middle_cut(name, self._widths["run"])),
            "epoch": Text(_epochs(run), justify="right"),
            "started": Text(started),
            "tags": Text(fit(_tags(run), self._widths.get("tags", 0))),
        }
        return [
            cells[column] if column in cells else Text(self._value(run, column, width), justify="right")
            for column, width in self._widths.items()
        ]

    def _value(self, run: RunSummary, column: str, width: int) -> str:
        key = self._keys.get(column)
        return fit(shown_value(run.recipe_values.get(key, ABSENT)) if key else _number(run, column), width)


def _tags(run: RunSummary) -> str:
    return " ".join(run.labels.tags)


def _epochs(run: RunSummary) -> str:
    return f"{run.epoch}/{run.epochs}" if run.epochs else "–"


def _number(run: RunSummary, column: str) -> str:
    """A number of a run: what it logged last, or reached on its test part."""
    if column not in run.logs and run.test is not None and column.startswith("test"):
        named = column == "test"  # the runs' metrics differ
        return f"{run.test.name} {number(run.test.value)}" if named else number(run.test.value)
    return number(run.logs[column]) if column in run.logs else "–"
