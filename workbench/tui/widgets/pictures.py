"""PicturesDialog: rows of data as small pictures with a line about each, page by page."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Label, Static

from workbench.errors import WorkbenchError
from workbench.tui.views.fitting import fit, printable
from workbench.tui.views.marks import FAILED
from workbench.tui.views.pixels import Pixels, lines
from workbench.tui.widgets.dialogs import Dialog

MOST = 28  # pixels of a picture's longer side
_GAP = 2
_TEXT_LINES = 2

# Called with the first row, how many rows, the pixels of the longer side and the part; returns {pictures, total}.
Fetch = Callable[[int, int, int, str], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True)
class Tile:
    """A picture with what is said of it.

    Attributes:
        title: the truth, or the prediction beside it.
        file: where it is from.
        picture: as it is.
        augmented: as a training batch may have it.
    """

    title: str
    file: str
    picture: Pixels
    augmented: Pixels | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Tile:
        """From the worker's answer."""
        augmented = record.get("augmented")
        return cls(
            str(record.get("title", "")),
            str(record["file"]),
            Pixels.from_record(record["picture"]),
            Pixels.from_record(augmented) if augmented else None,
        )


class PictureGrid(Widget):
    """Pictures side by side; `room` is how many fit."""

    DEFAULT_CSS = "PictureGrid { width: 100%; height: 1fr; }"

    class Resized(Message):
        """Another number of pictures fits."""

    def __init__(self) -> None:
        super().__init__()
        self._tiles: Sequence[Tile] = ()
        self._pairs = False
        self._strips: list[Strip] = []

    @property
    def tiles(self) -> Sequence[Tile]:
        """What is shown."""
        return self._tiles

    @property
    def is_shaded(self) -> bool:
        """True where pictures are made of characters, for a terminal's own colours are not known."""
        return self.app.native_ansi_color or "NO_COLOR" in os.environ

    def room(self, *, pairs: bool) -> int:
        """How many pictures fit, or pairs of them."""
        columns, rows = self._grid(pairs=pairs)
        return columns * rows

    def _grid(self, *, pairs: bool) -> tuple[int, int]:
        width = _width(pairs=pairs)
        columns = max(1, (self.size.width + _GAP) // (width + _GAP))
        return columns, max(1, self.size.height // (MOST // 2 + _TEXT_LINES))

    def show(self, tiles: Sequence[Tile], *, pairs: bool) -> None:
        """Show pictures, each beside itself augmented where `pairs`."""
        self._tiles, self._pairs = tiles, pairs
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        self._draw()
        self.post_message(self.Resized())

    def _draw(self) -> None:
        columns, _ = self._grid(pairs=self._pairs)
        width = _width(pairs=self._pairs)
        self._strips = []
        for start in range(0, len(self._tiles), columns):
            row = [self._tile(tile, width) for tile in self._tiles[start : start + columns]]
            for at in range(max(map(len, row))):
                cells: list[Segment] = []
                for tile in row:
                    cells += [*(tile[at] if at < len(tile) else [Segment(" " * width)]), Segment(" " * _GAP)]
                self._strips.append(Strip(cells))
        self.refresh()

    def _tile(self, tile: Tile, width: int) -> list[list[Segment]]:
        """The lines of a tile, each of `width` cells."""
        shown = [self._picture(tile.picture)]
        if self._pairs:
            shown.append(self._picture(tile.augmented) if tile.augmented else [])
        made = []
        for at in range(max(map(len, shown))):
            line: list[Segment] = []
            for picture in shown:
                cells = picture[at] if at < len(picture) else []
                used = sum(segment.cell_length for segment in cells)
                line += [
                    *cells,
                    Segment(" " * (MOST - used + (1 if self._pairs and picture is shown[0] else 0))),
                ]
            made.append(line)
        title, file = fit(printable(tile.title), width), fit(printable(tile.file), width)
        made.append([Segment(title.ljust(width), Style(bold=True))])
        made.append([Segment(file.ljust(width), Style(dim=True))])
        return made

    def _picture(self, picture: Pixels) -> list[list[Segment]]:
        return lines(picture.enlarged(MOST, MOST), shades=self.is_shaded)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        strip = self._strips[y] if y < len(self._strips) else Strip.blank(width)
        return (
            strip.adjust_cell_length(width).apply_style(self.rich_style)
            if not strip
            else strip.crop(0, width)
        )


def _width(*, pairs: bool) -> int:
    return 2 * MOST + 1 if pairs else MOST


class PicturesDialog(Dialog[None]):
    """Rows as pictures, page by page.

    Args:
        title: what they are.
        fetch: brings a page.
        parts: the parts of the data that can be gone through; empty where there are none.
        pairs: whether pictures have an augmented form.
    """

    DEFAULT_CSS = """
    PicturesDialog > Vertical {
        width: 100%; max-width: 100%; height: 100%; max-height: 100%; padding: 0 1 1 1; border: none;
    }
    PicturesDialog #pictures-about { height: 1; color: $text-muted; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,pageup", "turn(-1)", "Before", id="pictures.before", tooltip="The page before"),
        Binding("right,pagedown,space", "turn(1)", "More", id="pictures.more", tooltip="The next page"),
        Binding("a", "augmented", "Augmented", id="pictures.augmented",
                tooltip="Each picture beside itself as a training batch may have it, or alone"),
        Binding("p", "part", "Other part", id="pictures.part", tooltip="Training, validation, test"),
        Binding("escape", "leave", "Back", id="pictures.back", tooltip="Close the pictures"),
    ]  # fmt: skip

    def __init__(self, title: str, fetch: Fetch, *, parts: Sequence[str] = (), pairs: bool = False) -> None:
        super().__init__()
        self._title = title
        self._fetch = fetch
        self._parts = list(parts)
        self._part = self._parts[0] if self._parts else ""
        self._can_pair = pairs
        self._pairs = pairs
        self._begin = 0
        self._total = 0
        self._shown: tuple[int, int, str] | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._title, classes="dialog-title", markup=False)
            yield Static("◐ reading", id="pictures-about", markup=False)
            yield PictureGrid()

    @property
    def has_pairs(self) -> bool:
        """True while pictures stand beside their augmented form, which training batches alone have."""
        return self._pairs and self._part in ("", "train")

    def on_picture_grid_resized(self) -> None:
        self._read()

    @work(exclusive=True, group="pictures")
    async def _read(self) -> None:
        grid = self.query_one(PictureGrid)
        pairs = self.has_pairs
        wanted = self._begin, grid.room(pairs=pairs), self._part
        if wanted == self._shown and pairs == grid._pairs:
            return
        about = self.query_one("#pictures-about", Static)
        try:
            page = await self._fetch(wanted[0], wanted[1], MOST, self._part)
        except WorkbenchError as error:
            about.update(f"{FAILED} {error}")
            return
        self._shown, self._total = wanted, page["total"]
        self._parts = list(page.get("parts", self._parts))
        tiles = [Tile.from_record(record) for record in page["pictures"]]
        grid.show(tiles, pairs=pairs)
        last = self._begin + len(tiles)
        where = f"{self._part} part: " if self._part else ""
        beside = "; beside each, as augmentation may make it" if pairs else ""
        shown = f"{self._begin + 1:,} to {last:,} of {self._total:,}{beside}" if tiles else "no rows"
        about.update(f"{where}{shown}")
        self.refresh_bindings()

    def action_turn(self, pages: int) -> None:
        """Go to another page."""
        room = self.query_one(PictureGrid).room(pairs=self.has_pairs)
        start = self._begin + pages * room
        if 0 <= start < self._total or (pages < 0 and self._begin):
            self._begin = max(0, start)
            self._read()

    def action_augmented(self) -> None:
        """Show the augmented form, or not."""
        self._pairs = not self._pairs
        self._read()

    def action_part(self) -> None:
        """Show the next part of the data."""
        self._part = self._parts[(self._parts.index(self._part) + 1) % len(self._parts)]
        self._begin = 0
        self._read()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without augmentation or parts there are no keys for them."""
        if action == "augmented":
            return self._can_pair and self._part in ("", "train")
        if action == "part":
            return len(self._parts) > 1
        return True
