"""PageTable: a table of any number of rows, which asks only for the rows in view."""

from __future__ import annotations

from collections.abc import Sequence
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

from workbench.tui.screens.saved.cells import RIGHT, cell_text
from workbench.tui.views.fitting import fit, printable

PAGE = 200  # rows asked for at once
_WIDEST = 24
_LEAST = 6  # cells of a heading that is cut
_MOST_PAGES = 50  # kept; the farthest are forgotten
_NUMBERS = ("row", "error", "confidence", "share")


class PageTable(ScrollView, can_focus=True):
    """A heading and rows. The screen answers `Wanted` with `put`."""

    BINDING_GROUP_TITLE = "Predictions"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False, id="rows.up", tooltip="The row above"),
        Binding("down", "move(1)", "Down", show=False, id="rows.down", tooltip="The row below"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="rows.page-up", tooltip="A page up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="rows.page-down", tooltip="A page down"),
        Binding("home,ctrl+home", "end(-1)", "First", show=False, id="rows.first", tooltip="The first row"),
        Binding("end,ctrl+end", "end(1)", "Last", show=False, id="rows.last", tooltip="The last row"),
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

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._headings: list[tuple[str, str]] = []
        self._widths: list[int] = []
        self._needed: list[int] = []  # cells for the values alone
        self._total = 0
        self._pages: dict[int, list[list[str]]] = {}
        self._values: dict[int, Sequence[Sequence[Any]]] = {}
        self._asked: set[int] = set()

    def show(self, headings: Sequence[tuple[str, str]], total: int) -> None:
        """Begin with a table of `total` rows; headings are names with the kind of the values below them."""
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

    def put(self, start: int, rows: Sequence[Sequence[Any]]) -> None:
        """Take in the rows of a page."""
        page = start // PAGE
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
            min(max([width, *(cell_len(row[at]) for row in texts)]), _WIDEST)
            for at, width in enumerate(self._needed)
        ]
        self._fit()
        self.refresh()
        if self.cursor // PAGE == page:
            self.post_message(self.Highlighted(self.values))

    @property
    def values(self) -> Sequence[Any] | None:
        """The row under the cursor."""
        rows = self._values.get(self.cursor // PAGE, ())
        at = self.cursor % PAGE
        return rows[at] if at < len(rows) else None

    def copy_text(self) -> str:
        """The text that `y` copies: the rows that are known around the cursor, tab-separated."""
        lines = [[name for name, _ in self._headings], *self._pages.get(self.cursor // PAGE, [])]
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
        for page in range(first // PAGE, last // PAGE + 1) if self._total else ():
            if page not in self._pages and page not in self._asked:
                self._asked.add(page)
                self.post_message(self.Wanted(page * PAGE))

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.height - 1

    def _fit(self) -> None:
        """Give each column its width. Where they do not fit beside one another, headings are cut, the longest first:
        a cut heading can still be recognized, a column out of sight cannot."""
        widths = [
            max(min(cell_len(name), _WIDEST), needed)
            for (name, _), needed in zip(self._headings, self._needed, strict=True)
        ]
        room = self.scrollable_content_region.width - 2 * len(widths)
        while sum(widths) > room and any(
            width > needed for width, needed in zip(widths, self._needed, strict=True)
        ):
            longest = max(range(len(widths)), key=lambda at: (widths[at] > self._needed[at], widths[at]))
            widths[longest] -= 1
        self._widths = widths
        self.virtual_size = Size(sum(self._widths) + 2 * len(self._widths), self._total + 1)

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
            texts = self._pages.get(row // PAGE, [])
            at = row % PAGE
            cells = texts[at] if at < len(texts) else ["…"] * len(self._headings)
            style = base
            if row == self.cursor:
                style += self.get_component_rich_style("page-table--cursor")
            strip = self._strip(cells, style, plain=row == self.cursor and self.has_focus)
        left = int(self.scroll_offset.x)
        return strip.crop_extend(left, left + width, base)

    def _strip(self, cells: Sequence[str], style: Style, *, plain: bool) -> Strip:
        segments = []
        for text, width, (_, kind) in zip(cells, self._widths, self._headings, strict=True):
            shown = fit(text, width)
            gap = " " * (width - cell_len(shown))
            right = kind in _NUMBERS or _is_number(text)
            own = style if plain else style + self._own(kind, text)
            segments.append(Segment(f" {gap}{shown} " if right else f" {shown}{gap} ", own))
        return Strip(segments)

    def _own(self, kind: str, text: str) -> Style:
        if kind == "right":
            return self.get_component_rich_style(
                "page-table--right" if text == RIGHT else "page-table--wrong", partial=True
            )
        if kind in ("row", "share"):
            return self.get_component_rich_style("page-table--dim", partial=True)
        return Style.null()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
