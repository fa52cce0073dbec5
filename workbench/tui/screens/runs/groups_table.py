"""Groups of runs as a table: mean and spread of what the runs of each value of a key have reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message

from workbench.storage.run_values import RunGroup
from workbench.tui.context import kwb
from workbench.tui.screens.runs.grouping import Grouping
from workbench.tui.screens.runs.selection import MOST_MARKED
from workbench.tui.views.fitting import fit, printable
from workbench.tui.views.formatting import ABSENT
from workbench.tui.views.groups import number_in_group, numbers_of_groups
from workbench.tui.widgets.wide_table import WideTable

_MOST_VALUE = 24  # cells of a key's value


class GroupsTable(WideTable):
    """A row for each group. ← and → show columns further right; mark, value and count of runs stay."""

    BINDING_GROUP_TITLE = "Groups of runs"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", id="groups.mark", key_display="space",
                tooltip="Mark the group: the mean of each marked group is drawn, with its band"),
        Binding("a", "unmark", "Unmark all", id="groups.unmark", show=False, tooltip="Take all marks away"),
        Binding("enter", "select_cursor", "Its runs", id="groups.open",
                tooltip="Show the runs of the group, by the filter"),
        Binding("escape", "leave", "All runs", id="groups.leave", tooltip="Show the runs again, not their groups"),
        Binding("left", "cursor_left", "Left", id="groups.left", show=False, tooltip="Columns further left"),
        Binding("right", "cursor_right", "Right", id="groups.right", show=False, tooltip="Columns further right"),
        Binding("home", "scroll_top", "First", id="groups.first", show=False, tooltip="Go to the first group"),
        Binding("end", "scroll_bottom", "Last", id="groups.last", show=False, tooltip="Go to the last group"),
    ]  # fmt: skip

    class MarksChanged(Message):
        """Other groups are marked."""

    class Left(Message):
        """The runs are to be shown again."""

    def __init__(self, grouping: Grouping, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._grouping = grouping
        self._shown: tuple[str, list[RunGroup], list[str], list[str]] | None = None
        self._values: list[str] = []

    def show(self, chosen: Sequence[str] = ()) -> None:
        """Bring the table up to date.

        Args:
            chosen: names of columns, in order; of those that are numbers the means are shown, of all if there is none.
        """
        grouping = self._grouping
        names = numbers_of_groups(grouping.groups, chosen)
        now = grouping.name, list(grouping.groups), list(grouping.marked), names
        if now == self._shown:
            return
        self._shown = now
        under = self.value_under_cursor
        marks = {value: f"▣ {at}" for at, value in enumerate(grouping.marked, 1)}
        rows = [
            [
                Text(marks.get(group.value, "□")),
                Text(fit(group.value, _MOST_VALUE) or ABSENT),
                Text(str(len(group.runs)), justify="right"),
                *(Text(number_in_group(group, name), justify="right") for name in names),
            ]
            for group in grouping.groups
        ]
        with self.app.batch_update():
            left = self.scroll_x
            self.clear(columns=True)
            for at, title in enumerate(["", grouping.name, "runs", *names]):
                width = max([3, cell_len(printable(title)), *(cell_len(row[at].plain) for row in rows)])
                self.add_column(printable(title), width=width)
            self.fixed_columns = 3
            for row in rows:
                self.add_row(*row)
            self._values = [group.value for group in grouping.groups]
            if under in self._values:
                self.move_cursor(row=self._values.index(under), animate=False)
            self.scroll_to(x=left, animate=False)

    @property
    def value_under_cursor(self) -> str | None:
        """The value of the group under the cursor; None where there is no row."""
        return self._values[self.cursor_row] if 0 <= self.cursor_row < len(self._values) else None

    def action_mark(self) -> None:
        value = self.value_under_cursor
        if value is None or not self._grouping.toggle(value):
            kwb(self).notice(f"at most {MOST_MARKED} curves can be shown at once.", "warning")
            return
        self.post_message(self.MarksChanged())
        self.action_cursor_down()

    def action_unmark(self) -> None:
        self._grouping.marked.clear()
        self.post_message(self.MarksChanged())

    def action_leave(self) -> None:
        self.post_message(self.Left())
