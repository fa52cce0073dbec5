"""A chart in an app of its own, and what of it is seen."""

from __future__ import annotations

import asyncio
import functools
from contextlib import asynccontextmanager

from textual.app import App, ComposeResult
from textual.widget import Widget

from workbench.tui.chart.widget import Chart


def run(test):
    """Run a coroutine test in an event loop of its own."""

    @functools.wraps(test)
    def runs(*args, **kwargs):
        return asyncio.run(test(*args, **kwargs))

    return runs


class Tiny(App[None]):
    """One chart that fills the terminal; keeps the messages it posts."""

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self.chart = chart
        self.messages: list[object] = []

    def compose(self) -> ComposeResult:
        yield self.chart

    def on_chart_cursor_moved(self, message: Chart.CursorMoved) -> None:
        self.messages.append(("cursor", message.x))

    def on_chart_view_changed(self, message: Chart.ViewChanged) -> None:
        self.messages.append(("view", message.view))


@asynccontextmanager
async def shown(chart: Chart, size=(60, 16)):
    app = Tiny(chart)
    async with app.run_test(size=size) as pilot:
        chart.focus()
        await pilot.pause()
        yield pilot


def text(chart: Widget) -> list[str]:
    """The drawn cells, row by row."""
    return [chart.render_line(y).text for y in range(chart.size.height)]


def dots(chart: Chart) -> set[tuple[int, int]]:
    """Every lit braille dot as (column, row) of the widget."""
    places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
    return {
        (2 * x + dx, 4 * y + dy)
        for y, line in enumerate(text(chart))
        for x, glyph in enumerate(line)
        if 0x2800 <= ord(glyph) < 0x2900
        for bit, (dx, dy) in enumerate(places)
        if ord(glyph) - 0x2800 >> bit & 1
    }


def chart_of(values, name="loss", **settings) -> Chart:
    chart = Chart("loss", **settings)
    chart.extend(name, enumerate(values))
    return chart


def heights(chart: Chart) -> list[int]:
    """The highest dot of each dot column from left to right."""
    lit = dots(chart)
    return [min(row for column, row in lit if column == at) for at in sorted({column for column, _ in lit})]
