"""CheckGridView: a mark for each entry and check, with a cursor that goes in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.check.supervising import Key
from workbench.tui.views.check_states import STATE_WORDS, CheckStates
from workbench.tui.views.fitting import fit, printable
from workbench.tui.views.marks import CHECKS

_MOST_LABEL, _LEAST_LABEL = 36, 12  # cells of the names at the left
_LEAST_CELL = 2  # cells of a mark and the blank after it
_NAMED = 8  # cells of a column from which on its name stands above it

Place = tuple[Key, str]


class CheckGridView(ScrollView, can_focus=True):
    """Rows are entries and columns checks, or the other way round; with one column, words stand beside the marks."""

    BINDING_GROUP_TITLE = "Entries and checks"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1, 0)", "Up", show=False, id="checks.up", tooltip="The row above"),
        Binding("down", "move(1, 0)", "Down", show=False, id="checks.down", tooltip="The row below"),
        Binding("left", "move(0, -1)", "Left", show=False, id="checks.left", tooltip="The column to the left"),
        Binding("right", "move(0, 1)", "Right", show=False, id="checks.right", tooltip="The column to the right"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="checks.page-up", tooltip="A page up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="checks.page-down", tooltip="A page down"),
        Binding("home", "move(-100000, 0)", "First", show=False, id="checks.first", tooltip="The first row"),
        Binding("end", "move(100000, 0)", "Last", show=False, id="checks.last", tooltip="The last row"),
    ]  # fmt: skip
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"check-grid--{name}" for name in ("heading", "cursor", "here", "dim")),
        *(f"check-grid--{state}" for state in ("failed", "warning", "xfail", "passed", "running")),
    }
    DEFAULT_CSS = """
    CheckGridView {
        background: $background;
        scrollbar-size: 1 1;
        & > .check-grid--heading { text-style: bold; background: $surface; }
        & > .check-grid--cursor { background: $block-cursor-blurred-background; text-style: bold; }
        & > .check-grid--here { text-style: bold reverse; }
        & > .check-grid--dim { color: $text-muted; }
        & > .check-grid--failed { color: $text-error; text-style: bold; }
        & > .check-grid--warning, & > .check-grid--xfail { color: $text-warning; }
        & > .check-grid--passed { color: $text-success; }
        & > .check-grid--running { color: $text-accent; text-style: bold; }
    }
    """

    class Moved(Message):
        """The cursor is on another check or entry."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._states = CheckStates()
        self._turned = False
        self._live = False
        self._keys: list[Key] = []
        self._checks: list[str] = []
        self._row = self._column = 0
        self._left = 0  # the first column in view
        self._label = _LEAST_LABEL
        self._cell = _LEAST_CELL  # cells of a column

    # ------------------------------------------------------------------ what is shown

    def show(self, states: CheckStates, *, turned: bool, live: bool) -> None:
        """Show these states.

        Args:
            states: of all checks; they may change, `refresh` shows them as they are then.
            turned: checks are the rows, entries the columns.
            live: whether checks are being made.
        """
        place = self.place
        self._states, self._turned, self._live = states, turned, live
        self._keys = list(states.entries)
        self._checks = [check.id for check in states.checks]
        names = self._checks if turned else [self._short(key) for key in self._keys]
        self._label = max(max(map(cell_len, names), default=0) + 3, _LEAST_LABEL)
        self._row = self._column = 0
        self._fit()
        if place is not None:
            self.go_to(place)
        self.refresh()

    @property
    def place(self) -> Place | None:
        """The entry and the check under the cursor."""
        at_key, at_check = (self._column, self._row) if self._turned else (self._row, self._column)
        if at_key < len(self._keys) and at_check < len(self._checks):
            return self._keys[at_key], self._checks[at_check]
        return None

    def go_to(self, place: Place) -> None:
        """Put the cursor on a check of an entry, if both are there."""
        key, check = place
        if key in self._states.entries and check in self._checks:
            at_key, at_check = self._keys.index(key), self._checks.index(check)
            self._move_to(*((at_check, at_key) if self._turned else (at_key, at_check)))

    def next_of(self, places: Sequence[Place], by: int) -> Place | None:
        """The next of some places after the cursor in reading order, or before it; round the end."""
        here = (self._row, self._column)
        order = sorted((self._at(place), place) for place in places)
        behind = [place for at, place in order if at > here]
        before = [place for at, place in order if at < here]
        found = (behind + before) if by > 0 else (before[::-1] + behind[::-1])
        return found[0] if found else None

    def _at(self, place: Place) -> tuple[int, int]:
        at_key, at_check = self._keys.index(place[0]), self._checks.index(place[1])
        return (at_check, at_key) if self._turned else (at_key, at_check)

    @staticmethod
    def _short(key: Key) -> str:
        return printable(key[1].partition(".")[2] or key[1])

    @property
    def _rows(self) -> int:
        return len(self._checks if self._turned else self._keys)

    @property
    def _columns(self) -> int:
        return len(self._keys if self._turned else self._checks)

    # ------------------------------------------------------------------ moving

    def action_move(self, rows: int, columns: int) -> None:
        self._move_to(self._row + rows, self._column + columns)

    def action_page(self, by: int) -> None:
        self._move_to(self._row + by * max(self._room - 1, 1), self._column)

    def _move_to(self, row: int, column: int) -> None:
        self._row = max(0, min(row, self._rows - 1))
        self._column = max(0, min(column, self._columns - 1))
        top, room = int(self.scroll_offset.y), max(self._room, 1)
        if self._row < top:
            self.scroll_to(y=self._row, animate=False)
        elif self._row >= top + room:
            self.scroll_to(y=self._row - room + 1, animate=False)
        fitting = self._fitting
        self._left = max(min(self._left, self._column), self._column - fitting + 1, 0)
        self.refresh()
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        if event.y > 0 and self._rows:
            self._move_to(event.y - 1 + int(self.scroll_offset.y), self._column_under(event.x))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Say in words what the mark under the pointer stands for."""
        row, column = event.y - 1 + int(self.scroll_offset.y), self._column_under(event.x)
        if event.y < 1 or row >= self._rows or event.x < self._label:
            self.tooltip = None
            return
        key, check = self._place_at(row, column)
        state = self._states.state(key, check)
        words = STATE_WORDS[state] if state else "not made on this kind"
        self.tooltip = f"{self._short(key)}, {check}: {words}"

    def _column_under(self, x: int) -> int:
        if x < self._label or self._columns < 2:
            return self._column
        return min(self._left + (x - self._label) // self._cell, self._columns - 1)

    def _place_at(self, row: int, column: int) -> Place:
        at_key, at_check = (column, row) if self._turned else (row, column)
        return self._keys[at_key], self._checks[at_check]

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.height - 1

    @property
    def _fitting(self) -> int:
        """How many columns there is room for."""
        return max((self.scrollable_content_region.width - self._label) // self._cell, 1)

    def on_resize(self) -> None:
        self._fit()
        if self._rows:
            self._move_to(self._row, self._column)

    def _fit(self) -> None:
        width = self.scrollable_content_region.width
        self._label = min(self._label, _MOST_LABEL, max(width // 2, _LEAST_LABEL))
        names = [self._short(key) for key in self._keys] if self._turned else self._checks
        longest = max(map(cell_len, names), default=0) + 2
        room = (width - self._label) // max(self._columns, 1)
        self._cell = min(room, longest) if room >= _NAMED else _LEAST_CELL
        self.virtual_size = Size(width, self._rows + 1)

    # ------------------------------------------------------------------ drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y == 0:
            return Strip(self._heading(width)).crop_extend(0, width, self._style("heading"))
        row = y - 1 + int(self.scroll_offset.y)
        if row >= self._rows:
            return Strip.blank(width, self.rich_style)
        ground = self._style("cursor") if row == self._row else self.rich_style
        segments = self._row_label(row, ground)
        last = min(self._left + self._fitting, self._columns)
        for column in range(self._left, last):
            segments += self._mark(row, column, ground)
        if self._columns == 1:
            segments[-1] = Segment(f" {self._words(row, width - self._label - _LEAST_CELL)}", ground)
        return Strip(segments).crop_extend(0, width, ground)

    def _heading(self, width: int) -> list[Segment]:
        """The names of the columns; where there is no room for all, that of the one under the cursor, above it."""
        style = self._style("heading")
        what = "check" if self._turned else "entry"
        label = f" {what}".ljust(self._label)
        if not self._columns:
            return [Segment(label, style)]
        names = [self._short(key) for key in self._keys] if self._turned else self._checks
        if self._cell > _LEAST_CELL:
            shown = [fit(name, self._cell - 1) for name in names[self._left :]]
            return [Segment(label + "".join(n + " " * (self._cell - cell_len(n)) for n in shown), style)]
        name = names[self._column]
        before = (self._column - self._left) * _LEAST_CELL
        room = width - self._label
        above = fit(f"▾{name}", room)
        if before + cell_len(above) > room:  # its end stands above its column
            above = fit(f"{name}▾", room)
            before = max(before + 1 - cell_len(above), 0)
        return [Segment(label + " " * before + above, style)]

    def _row_label(self, row: int, ground: Style) -> list[Segment]:
        room = self._label - 1
        if self._turned:
            name = fit(self._checks[row], room - 1)
            return [Segment(f" {name}".ljust(self._label), ground)]
        key = self._keys[row]
        worst = self._states.worst(key)
        name = fit(self._short(key), room - 3)
        gap = " " * (self._label - 3 - cell_len(name))
        return [
            Segment(f" {CHECKS[worst]} ", ground + self._style_of(worst)),
            Segment(f"{name}{gap}", ground),
        ]

    def _mark(self, row: int, column: int, ground: Style) -> list[Segment]:
        key, check = self._place_at(row, column)
        state = self._states.state(key, check)
        style = ground + self._style_of(state)
        here = row == self._row and column == self._column and self._columns > 1
        if here and self.has_focus:
            style += self.get_component_rich_style("check-grid--here", partial=True)
        return [Segment(CHECKS.get(state, " "), style), Segment(" " * (self._cell - 1), ground)]

    def _words(self, row: int, room: int) -> str:
        """Beside the only column: what was found, in as many words as there is room for."""
        key, check = self._place_at(row, 0)
        state, result = self._states.state(key, check), self._states.result(key, check)
        words = "" if state == "waiting" and not self._live else STATE_WORDS.get(state, "")
        if result is not None and result.detail and state not in ("passed", "not_applicable"):
            words = f"{words}: {result.detail}"
        return fit(words, room)

    def _style(self, name: str) -> Style:
        return self.rich_style + self.get_component_rich_style(f"check-grid--{name}")

    def _style_of(self, state: str) -> Style:
        name = f"check-grid--{state}"
        known = name if name in self.COMPONENT_CLASSES else "check-grid--dim"
        return self.get_component_rich_style(known, partial=True)

    def copy_text(self) -> str:
        """The text that `y` copies: every check that did not pass, with what was found."""
        lines = []
        for key, check in self._states.in_state("failed", "warning", "xfail", "skipped"):
            result = self._states.result(key, check)
            if result is not None and not result.follows:
                lines.append(f"{key[1]}\t{check}\t{result.status.value}\t{result.explanation}")
        return "\n".join(lines) or "nothing failed"
