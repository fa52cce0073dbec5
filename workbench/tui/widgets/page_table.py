"""PageTable: a table of any number of rows, which asks only for the rows in view."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.tui.views.cells import MISSING, RIGHT, cell_text
from workbench.tui.views.fitting import fit, printable

PAGE = 200  # rows asked for at once
_WIDEST = 24
_LEAST = 6  # cells of a heading that is cut
_MOST_PAGES = 50  # kept; the farthest are forgotten
_NUMBERS = ("row", "error", "confidence", "share")


class PageTable(ScrollView, can_focus=True):
    """A heading and rows. The screen answers `Wanted` with `put`.

    Args:
        title: what the help calls it.
        page: rows asked for at once; see `show`.
        frozen: the columns at the left that stay while the others scroll.
        widest: the most cells of a column.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False, id="rows.up", tooltip="The row above"),
        Binding("down", "move(1)", "Down", show=False, id="rows.down", tooltip="The row below"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="rows.page-up", tooltip="A page up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="rows.page-down", tooltip="A page down"),
        Binding("home,ctrl+home", "end(-1)", "First", show=False, id="rows.first", tooltip="The first row"),
        Binding("end,ctrl+end", "end(1)", "Last", show=False, id="rows.last", tooltip="The last row"),
        Binding("left", "columns(-1)", "Left", show=False, id="rows.left", tooltip="The columns to the left"),
        Binding(
            "right", "columns(1)", "Right", show=False, id="rows.right", tooltip="The columns to the right"
        ),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "page-table--heading",
        "page-table--cursor",
        "page-table--wrong",
        "page-table--right",
        "page-table--dim",
    }
    DEFAULT_CSS = """
    PageTable {
        background: $background;
        scrollbar-size: 1 1;
        & > .page-table--heading { text-style: bold; background: $surface; }
        & > .page-table--cursor { background: $block-cursor-blurred-background; text-style: bold; }
        &:focus > .page-table--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
        & > .page-table--wrong { color: $text-error; text-style: bold; }
        & > .page-table--right { color: $text-success; }
        & > .page-table--dim { color: $text-muted; }
    }
    """

    cursor: reactive[int] = reactive(0)

    class Wanted(Message):
        """Rows from `start` on are in view and not known."""

        def __init__(self, start: int) -> None:
            super().__init__()
            self.start = start

    class Highlighted(Message):
        """The cursor is on a row; its values, None while they are not known."""

        def __init__(self, values: Sequence[Any] | None) -> None:
            super().__init__()
            self.values = values

    def __init__(
        self, *, id: str, title: str = "Predictions", page: int = PAGE, frozen: int = 0, widest: int = _WIDEST
    ) -> None:
        super().__init__(id=id)
        self.BINDING_GROUP_TITLE = title
        self.page = page
        self._frozen = frozen
        self._widest = widest
        self._headings: list[tuple[str, str]] = []
        self._widths: list[int] = []
        self._starts: list[int] = [0]  # the cell that each column begins at, and the end
        self._needed: list[int] = []  # cells for the values alone
        self._total = 0
        self._pages: dict[int, list[list[str]]] = {}
        self._values: dict[int, Sequence[Sequence[Any]]] = {}
        self._asked: set[int] = set()

    def show(self, headings: Sequence[tuple[str, str]], total: int, page: int | None = None) -> None:
        """Begin with a table of `total` rows; headings are names with the kind of the values below them. A wide table
        asks for fewer rows at once."""
        self.page = page or self.page
        self.scroll_to(x=0, animate=False)
        self._headings = [(printable(name), kind) for name, kind in headings]
        self._needed = [min(cell_len(name), _LEAST) for name, _ in self._headings]
        self.reset(total)

    def reset(self, total: int) -> None:
        """Forget the rows: they come in another order now."""
        self._total = total
        self._pages, self._values, self._asked = {}, {}, set()
        self.cursor = 0
        self.scroll_to(y=0, animate=False)
        self._fit()
        self._ask()
        self.refresh()

    def extend(self, total: int) -> None:
        """More rows were found; those that are known stay."""
        if total != self._total:
            self._total = total
            self._asked = {page for page in self._asked if page in self._pages}
            if self._pages:  # the last page may be longer now
                last = max(self._pages)
                if len(self._pages[last]) < min(self.page, total - last * self.page):
                    del self._pages[last], self._values[last]
            self._fit()
            self._ask()
            self.refresh()

    @property
    def headings(self) -> list[tuple[str, str]]:
        """The names of the columns and their kinds."""
        return self._headings

    @property
    def total(self) -> int:
        return self._total

    @property
    def width_needed(self) -> int:
        """The cells that all values take, with the scrollbar; headings may be cut."""
        return sum(width + 2 for width in self._needed) + 2

    def put(self, start: int, rows: Sequence[Sequence[Any]]) -> None:
        """Take in the rows of a page."""
        page = start // self.page
        texts = [
            [cell_text(kind, value) for (_, kind), value in zip(self._headings, row, strict=True)]
            for row in rows
        ]
        self._pages[page], self._values[page] = texts, rows
        self._asked.discard(page)
        while len(self._pages) > _MOST_PAGES:
            farthest = max(self._pages, key=lambda each: abs(each - page))
            del self._pages[farthest], self._values[farthest]
        self._needed = [
            min(max([width, *(cell_len(row[at]) for row in texts)]), self._widest)
            for at, width in enumerate(self._needed)
        ]
        self._fit()
        self.refresh()
        if self.cursor // self.page == page:
            self.post_message(self.Highlighted(self.values))

    @property
    def values(self) -> Sequence[Any] | None:
        """The row under the cursor."""
        rows = self._values.get(self.cursor // self.page, ())
        at = self.cursor % self.page
        return rows[at] if at < len(rows) else None

    def copy_text(self) -> str:
        """The text that `y` copies: the rows that are known around the cursor, tab-separated."""
        lines = [[name for name, _ in self._headings], *self._pages.get(self.cursor // self.page, [])]
        return "\n".join("\t".join(line) for line in lines)

    # ------------------------------------------------------------------ moving

    def watch_cursor(self) -> None:
        self.post_message(self.Highlighted(self.values))
        height = max(self._room, 1)
        top = int(self.scroll_offset.y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False)
        self.refresh()

    def validate_cursor(self, row: int) -> int:
        return max(0, min(row, self._total - 1))

    def action_move(self, by: int) -> None:
        self.cursor += by

    def action_page(self, by: int) -> None:
        self.cursor += by * max(self._room - 1, 1)

    def action_end(self, which: int) -> None:
        self.cursor = 0 if which < 0 else self._total - 1

    def action_columns(self, by: int) -> None:
        """Scroll by a column; what is frozen stays."""
        if len(self._widths) <= self._frozen:
            return
        if not self._frozen:
            self.scroll_relative(x=8 * by, animate=False)
            return
        held = self._starts[min(self._frozen, len(self._starts) - 1)]
        at = bisect_right(self._starts, int(self.scroll_offset.x) + held) - 1
        at = max(self._frozen, min(at + by, len(self._starts) - 2))
        self.scroll_to(x=self._starts[at] - held, animate=False)

    def on_click(self, event: events.Click) -> None:
        if event.y > 0:
            self.cursor = event.y - 1 + int(self.scroll_offset.y)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._ask()

    def on_resize(self) -> None:
        self._fit()
        self._ask()

    def _ask(self) -> None:
        """Ask for the pages in view that are not known."""
        first = int(self.scroll_offset.y)
        last = min(first + max(self._room, 1), self._total) - 1
        for page in range(first // self.page, last // self.page + 1) if self._total else ():
            if page not in self._pages and page not in self._asked:
                self._asked.add(page)
                self.post_message(self.Wanted(page * self.page))

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.height - 1

    def _fit(self) -> None:
        """Give each column its width. Where they do not fit beside one another, headings are cut, the longest first:
        a cut heading can still be recognized, a column out of sight cannot."""
        widths = [
            max(min(cell_len(name), self._widest), needed)
            for (name, _), needed in zip(self._headings, self._needed, strict=True)
        ]
        room = self.scrollable_content_region.width - 2 * len(widths)
        if self._frozen and sum(self._needed) > room:  # it scrolls by columns anyway: their names can be read
            room = sum(widths)
        while sum(widths) > room and any(
            width > needed for width, needed in zip(widths, self._needed, strict=True)
        ):
            longest = max(range(len(widths)), key=lambda at: (widths[at] > self._needed[at], widths[at]))
            widths[longest] -= 1
        self._widths = widths
        self._starts = list(accumulate((width + 2 for width in widths), initial=0))
        self.virtual_size = Size(self._starts[-1], self._total + 1)

    # ------------------------------------------------------------------ drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        if y == 0:
            cells = [name for name, _ in self._headings]
            strip = self._strip(
                cells, base + self.get_component_rich_style("page-table--heading"), plain=True
            )
        else:
            row = y - 1 + int(self.scroll_offset.y)
            if row >= self._total:
                return Strip.blank(width, base)
            texts = self._pages.get(row // self.page, [])
            at = row % self.page
            cells = texts[at] if at < len(texts) else ["…"] * len(self._headings)
            style = base
            if row == self.cursor:
                style += self.get_component_rich_style("page-table--cursor")
            strip = self._strip(cells, style, plain=row == self.cursor and self.has_focus)
        return strip

    def _strip(self, cells: Sequence[str], style: Style, *, plain: bool) -> Strip:
        """The frozen cells, and of the others those in view."""
        left, room = int(self.scroll_offset.x), self.scrollable_content_region.width
        held = self._starts[min(self._frozen, len(self._starts) - 1)]
        first = max(bisect_right(self._starts, left + held) - 1, self._frozen)
        last = bisect_right(self._starts, left + room)
        frozen = Strip([self._cell(cells, at, style, plain) for at in range(min(self._frozen, len(cells)))])
        rest = Strip([self._cell(cells, at, style, plain) for at in range(first, min(last, len(cells)))])
        from_left = left + held - self._starts[min(first, len(self._starts) - 1)]
        shown = rest.crop_extend(
            from_left, from_left + max(room - held, 0), style if plain else self.rich_style
        )
        return Strip.join([frozen, shown]).crop_extend(0, room, self.rich_style) if held else shown

    def _cell(self, cells: Sequence[str], at: int, style: Style, plain: bool) -> Segment:
        text, width, kind = cells[at], self._widths[at], self._headings[at][1]
        shown = fit(text, width)
        gap = " " * (width - cell_len(shown))
        right = kind in _NUMBERS or _is_number(text)
        own = style if plain else style + self._own(kind, text)
        return Segment(f" {gap}{shown} " if right else f" {shown}{gap} ", own)

    def _own(self, kind: str, text: str) -> Style:
        if kind == "right":
            return self.get_component_rich_style(
                "page-table--right" if text == RIGHT else "page-table--wrong", partial=True
            )
        if kind in ("row", "share") or (kind == "value" and text == MISSING):
            return self.get_component_rich_style("page-table--dim", partial=True)
        return Style.null()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
