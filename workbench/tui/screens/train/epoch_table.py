"""EpochTable: the epochs as rows of numbers; draws the visible rows only, so twenty thousand cost nothing."""

from __future__ import annotations

import math
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.tui.views.epoch_rows import SECONDS, EpochRows
from workbench.tui.views.fitting import fit
from workbench.tui.views.formatting import number

_LEAST = 8  # cells of a column


class EpochTable(ScrollView, can_focus=True):
    """The newest epoch is at the bottom and stays in view while the end is. ↑/↓ choose an epoch."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Earlier", id="epochs.earlier", show=False, tooltip="Choose an earlier epoch"),
        Binding("down", "move(1)", "Later", id="epochs.later", show=False, tooltip="Choose a later epoch"),
        Binding("pageup", "page(-1)", id="epochs.page-up", show=False, tooltip="A page towards the first epoch"),
        Binding("pagedown", "page(1)", id="epochs.page-down", show=False, tooltip="A page towards the last epoch"),
        Binding("home", "end(-1)", id="epochs.first", show=False, tooltip="The first epoch"),
        Binding("end", "end(1)", id="epochs.last", show=False, tooltip="The last epoch, and follow"),
        Binding("escape", "put_away", "Cursor off", id="epochs.cursor-off", show=False,
                tooltip="Put the cursor away, and follow the last epoch"),
    ]  # fmt: skip

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "epochs--heading", "epochs--number", "epochs--cell", "epochs--best", "epochs--cursor", "epochs--error",
    }  # fmt: skip

    DEFAULT_CSS = """
    EpochTable {
        height: 1fr; overflow-x: auto; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1;
        & > .epochs--heading { text-style: bold; color: $foreground 80%; }
        &:focus > .epochs--heading { text-style: bold underline; }
        & > .epochs--number { color: $foreground 60%; }
        & > .epochs--cell { color: $foreground; }
        & > .epochs--best { color: $text-success; text-style: bold; }
        & > .epochs--error { color: $text-error; text-style: bold; }
        & > .epochs--cursor { background: $primary 30%; }
        &:ansi > .epochs--cursor { text-style: reverse; }
    }
    """

    cursor: reactive[float | None] = reactive(None)
    """The chosen epoch. Setting it posts no message."""

    class EpochChosen(Message):
        """The user chose an epoch, or put the cursor away (None)."""

        def __init__(self, epoch: float | None) -> None:
            super().__init__()
            self.epoch = epoch

    def __init__(self, rows: EpochRows, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows = rows
        self._columns: list[tuple[str, int]] = []
        self._follows = True

    def show(self, rows: EpochRows) -> None:
        """Show other rows."""
        self.rows = rows
        self.cursor = None
        self._follows = True
        self.update()

    def update(self) -> None:
        """Take notice of rows that came."""
        names = self.rows.columns
        self._columns = [(name, max(len(name), _LEAST) + 2) for name in names]
        width = self._gutter + sum(width for _, width in self._columns) + 1
        size = Size(width, len(self.rows) + 1)
        at_end = self._follows and self.cursor is None
        if size != self.virtual_size:
            self.virtual_size = size
        if at_end:
            self.scroll_end(animate=False, immediate=True)
        self.refresh()

    @property
    def _gutter(self) -> int:
        last = self.rows.epochs[-1] if len(self.rows) else 0
        return max(len(str(last)), 5) + 2

    # ------------------------------------------------------------------ drawing

    def render_line(self, y: int) -> Strip:
        scroll_x, scroll_y = map(int, self.scroll_offset)
        row = y + scroll_y - 1
        if y == 0:
            strip = self._heading()
        elif 0 <= row < len(self.rows):
            strip = self._row(row)
        else:
            return Strip.blank(self.size.width)
        return strip.crop_extend(scroll_x, scroll_x + self.size.width, Style())

    def _heading(self) -> Strip:
        style = self.get_component_rich_style("epochs--heading")
        if not len(self.rows):
            return Strip([Segment(" no epoch has ended yet", style)])
        cells = "".join(name.rjust(width) for name, width in self._columns)
        return Strip([Segment(f"{'epoch':>{self._gutter}}{cells} ", style)])

    def _row(self, row: int) -> Strip:
        rows = self.rows
        epoch = rows.epochs[row]
        chosen = row == self._chosen_row
        under = self.get_component_rich_style("epochs--cursor") if chosen else Style()
        best = epoch == rows.best
        plain, strong = self._style("epochs--cell", under), self._style("epochs--number", under)
        glyph = "▸" if chosen else "★" if best else " "
        segments = [Segment(f"{glyph}{epoch:>{self._gutter - 1}}", strong)]
        for name, width in self._columns:
            value = rows.value(row, name)
            style = plain
            if value is None:
                text = ""
            elif not math.isfinite(value):
                text, style = f"× {value}", self._style("epochs--error", under)
            else:
                text = f"{value:.3g}" if name == SECONDS else number(value)
            if best and name == rows.watched:
                style = self._style("epochs--best", under)
            segments.append(Segment(fit(text, width - 1).rjust(width), style))
        segments.append(Segment(" ", plain))
        return Strip(segments)

    def _style(self, name: str, under: Style) -> Style:
        style = self.get_component_rich_style(name)
        return style + Style(bgcolor=under.bgcolor, reverse=under.reverse or None) if under else style

    # ------------------------------------------------------------------ cursor

    @property
    def _chosen_row(self) -> int | None:
        return None if self.cursor is None else self.rows.row_of(self.cursor)

    def watch_cursor(self, cursor: float | None) -> None:
        if (row := self._chosen_row) is not None:
            self._bring_into_view(row)
        self.refresh()

    def _bring_into_view(self, row: int) -> None:
        top, height = int(self.scroll_y), max(self.size.height - 1, 1)
        if not top <= row < top + height:
            self.scroll_to(y=row - (height - 1 if row >= top + height else 0), animate=False, immediate=True)

    def action_move(self, direction: int) -> None:
        row = self._chosen_row
        if row is None:
            row = len(self.rows) if direction < 0 else -1
        self._choose(row + direction)

    def action_page(self, direction: int) -> None:
        row = self._chosen_row
        start = (len(self.rows) - 1 if direction < 0 else 0) if row is None else row
        self._choose(start + direction * max(self.size.height - 2, 1))

    def action_end(self, direction: int) -> None:
        if direction > 0:
            self.action_put_away()
        else:
            self._choose(0)

    def action_put_away(self) -> None:
        self._follows = True
        self.cursor = None
        self.scroll_end(animate=False)
        self.post_message(self.EpochChosen(None))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.cursor is not None if action == "put_away" else True

    def _choose(self, row: int) -> None:
        if not len(self.rows):
            return
        epoch = float(self.rows.epochs[min(max(row, 0), len(self.rows) - 1)])
        if epoch != self.cursor:
            self.cursor = epoch
            self.post_message(self.EpochChosen(epoch))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.y >= 1:
            row = offset.y - 1 + int(self.scroll_y)
            if row < len(self.rows):
                self._choose(row)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._follows = False

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._follows = int(self.scroll_y) >= self.max_scroll_y - 3

    def copy_text(self) -> str:
        """The text that `y` copies: all rows, tab-separated."""
        return self.rows.as_text()
