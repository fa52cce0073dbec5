"""Groups of runs as a table: mean and spread of what the runs of each value of a key have reached."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable

from workbench.storage.run_values import RunGroup
from workbench.tui.views.fitting import fit, printable
from workbench.tui.views.groups import number_in_group, numbers_of_groups

_MOST_VALUE = 24  # cells of a key's value


class GroupsTable(DataTable[Text]):
    """A row for each group. ← and → show columns further right; mark, value and count of runs stay."""

    BINDING_GROUP_TITLE = "Groups of runs"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", id="groups.mark", key_display="space",
                tooltip="Mark the group: the mean of each marked group is drawn, with its band"),
        Binding("a", "unmark", "Unmark all", id="groups.unmark", show=False, tooltip="Take all marks away"),
        Binding("enter", "select_cursor", "Its runs", id="groups.open",
                tooltip="Show the runs of the group, by the filter"),
        Binding("escape", "leave", "All runs", id="groups.leave", tooltip="Show the runs again, not their groups"),
        Binding("home", "scroll_top", "First", id="groups.first", show=False, tooltip="Go to the first group"),
        Binding("end", "scroll_bottom", "Last", id="groups.last", show=False, tooltip="Go to the last group"),
    ]  # fmt: skip

    class Marked(Message):
        """The group under the cursor is to be marked, or its mark taken away."""

    class Unmarked(Message):
        """All marks are to be taken away."""

    class Left(Message):
        """The runs are to be shown again."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)
        self._shown: tuple[str, list[RunGroup], list[str]] | None = None
        self._values: list[str] = []

    def show(self, key: str, groups: Sequence[RunGroup], marked: Collection[str]) -> None:
        """Bring the table up to date.

        Args:
            key: what they are grouped by, as it is called.
            marked: values of groups, in the order of their curves.
        """
        now = key, list(groups), list(marked)
        if now == self._shown:
            return
        self._shown = now
        under = self.value_under_cursor
        names = numbers_of_groups(groups)
        marks = {value: f"▣ {at}" for at, value in enumerate(marked, 1)}
        rows = [
            [
                Text(marks.get(group.value, "□")),
                Text(fit(group.value, _MOST_VALUE) or "–"),
                Text(str(len(group.runs)), justify="right"),
                *(Text(number_in_group(group, name), justify="right") for name in names),
            ]
            for group in groups
        ]
        with self.app.batch_update():
            left = self.scroll_x
            self.clear(columns=True)
            for at, title in enumerate(["", key, "runs", *names]):
                width = max([3, cell_len(printable(title)), *(cell_len(row[at].plain) for row in rows)])
                self.add_column(printable(title), width=width)
            self.fixed_columns = 3
            for row in rows:
                self.add_row(*row)
            self._values = [group.value for group in groups]
            if under in self._values:
                self.move_cursor(row=self._values.index(under), animate=False)
            self.scroll_to(x=left, animate=False)

    @property
    def value_under_cursor(self) -> str | None:
        """The value of the group under the cursor; None where there is no row."""
        return self._values[self.cursor_row] if 0 <= self.cursor_row < len(self._values) else None

    def action_mark(self) -> None:
        self.post_message(self.Marked())

    def action_unmark(self) -> None:
        self.post_message(self.Unmarked())

    def action_leave(self) -> None:
        self.post_message(self.Left())
