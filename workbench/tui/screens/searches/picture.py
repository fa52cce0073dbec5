"""TrialsPicture: the importance of a search's keys as bars, or its trials as lines through the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.chart.grid import Grid
from workbench.tui.chart.parallel import (
    AXIS,
    CURSOR,
    EMPTY,
    GOOD,
    LABEL,
    MARKED,
    OTHERS,
    PLAIN,
    TITLE,
    Axis,
    TrialLine,
    axes_that_fit,
    draw_parallel,
)
from workbench.tui.views.fitting import fit

_COMPONENTS = {
    PLAIN: "trials-picture--plot",
    TITLE: "trials-picture--title",
    LABEL: "trials-picture--label",
    AXIS: "trials-picture--axis",
    EMPTY: "trials-picture--empty",
    OTHERS: "trials-picture--others",
    GOOD: "trials-picture--good",
    MARKED: "trials-picture--marked",
    CURSOR: "trials-picture--cursor",
}
_PARTS = " ▏▎▍▌▋▊▉█"


class TrialsPicture(Widget):
    """Shows what it was given last."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = set(_COMPONENTS.values())

    DEFAULT_CSS = """
    TrialsPicture {
        height: 1fr; width: 1fr; min-height: 1;
        & > .trials-picture--plot { color: $foreground; }
        & > .trials-picture--title { text-style: bold; }
        & > .trials-picture--label { color: $foreground 80%; }
        & > .trials-picture--axis { color: $foreground 50%; }
        & > .trials-picture--empty { color: $foreground 60%; text-style: italic; }
        & > .trials-picture--others { color: $foreground 45%; }
        & > .trials-picture--good { color: #56B4E9; }
        & > .trials-picture--marked { color: #E69F00; text-style: bold; }
        & > .trials-picture--cursor { color: $foreground; text-style: bold; }
        &:light > .trials-picture--good { color: #0072B2; }
        &:light > .trials-picture--marked { color: #B35900; }
        &:ansi > .trials-picture--label { color: ansi_default; }
        &:ansi > .trials-picture--axis { color: ansi_default; text-style: dim; }
        &:ansi > .trials-picture--others { color: ansi_default; text-style: dim; }
        &:ansi > .trials-picture--good { color: ansi_cyan; }
        &:ansi > .trials-picture--marked { color: ansi_yellow; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[object, ...] = ()
        self._title = self._empty = ""
        self._shares: Mapping[str, float] = {}
        self._axes: Sequence[Axis] = ()
        self._lines: Sequence[TrialLine] = ()
        self._strips: list[Strip] | None = None

    def show_importance(self, title: str, shares: Mapping[str, float], empty: str) -> None:
        """Show bars: of each key its share, the most important first; or why there are none."""
        self._show(title, empty, shares, (), ())

    def show_lines(self, title: str, axes: Sequence[Axis], lines: Sequence[TrialLine], empty: str) -> None:
        """Show parallel coordinates; or why there are none."""
        self._show(title, empty, {}, axes, lines)

    def _show(
        self,
        title: str,
        empty: str,
        shares: Mapping[str, float],
        axes: Sequence[Axis],
        lines: Sequence[TrialLine],
    ) -> None:
        shown = (title, empty, dict(shares), tuple(axes), tuple(lines))
        if shown == self._shown:
            return
        self._shown = shown
        self._title, self._empty = title, empty
        self._shares, self._axes, self._lines = shares, axes, lines
        self._strips = None
        self.refresh()

    def notify_style_update(self) -> None:
        self._strips = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        size, strips = self.size, self._strips
        if strips is None or len(strips) != size.height or (strips and strips[0].cell_length != size.width):
            grid = Grid(*size)
            self._draw(grid)
            strips = self._strips = [
                Strip([Segment(text, self._style(code)) for text, code in grid.runs(row)], size.width)
                for row in range(size.height)
            ]
        return strips[y] if y < len(strips) else Strip.blank(size.width)

    def _style(self, code: int) -> Style:
        return self.get_component_rich_style(_COMPONENTS[code])

    def _draw(self, grid: Grid) -> None:
        title = self._title
        if (left_out := len(self._axes) - axes_that_fit(grid.width)) > 0:
            title += f"   no room for {left_out} more key{'s' if left_out > 1 else ''}"
        grid.put(0, 0, fit(title, grid.width), TITLE)
        if self._shares:
            draw_bars(grid, self._shares, 1)
        elif self._lines:
            draw_parallel(grid, self._axes, self._lines, 1)
        else:
            text = fit(self._empty, grid.width)
            grid.put((grid.width - cell_len(text)) // 2, grid.height // 2, text, EMPTY)


def draw_bars(grid: Grid, shares: Mapping[str, float], top: int) -> None:
    """Draw a bar for each name, as wide as its share of the room; what has no room is counted in the last row."""
    rows, room = list(shares.items()), grid.height - top
    if len(rows) > room > 0:
        rest = len(rows) - room + 1
        rows = rows[: room - 1]
        grid.put(0, grid.height - 1, fit(f"{rest} more", grid.width), EMPTY)
    width = min(max((cell_len(name) for name, _ in rows), default=0), grid.width * 2 // 5)
    bar = grid.width - width - 9
    for y, (name, share) in enumerate(rows, top):
        grid.put(0, y, fit(name, width), LABEL)
        grid.put(width + 1, y, f"{share:>6.1%}", PLAIN)
        eighths = round(share * max(bar, 0) * 8)
        text = "█" * (eighths // 8) + (_PARTS[eighths % 8] if eighths % 8 else "")
        grid.put(width + 8, y, text, GOOD)
