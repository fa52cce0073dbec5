"""Chart: a live line chart of several series, with its keys and its mouse."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any, ClassVar, Literal

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from workbench.tui.chart.canvas import ChartCanvas
from workbench.tui.chart.keys import BINDINGS
from workbench.tui.chart.view import View, Window
from workbench.tui.views.series import Series

SMOOTHING_CYCLE = (0.0, 0.6, 0.9, 0.99)


class Chart(ChartCanvas, can_focus=True):
    """A chart that is handled by keys and mouse. Data and appearance: see `ChartCanvas`.

    Keys: ←/→ move the cursor, `[`/`]` jump to event marks, + and - zoom, shift+←/→ or h/l pan, 0 or home show
    all, f follows or freezes, g switches the log axis, v cuts outliers (G and V in all charts), s smooths, escape
    puts the cursor away. Mouse: the wheel zooms (inside a page that scrolls only with the focus), a drag pans,
    hovering shows values, and a click pins the cursor.
    """

    ALLOW_SELECT = False  # a drag pans

    BINDING_GROUP_TITLE = "Chart"
    HELP = "The mouse: the wheel zooms, a drag moves the window, a click puts the cursor there."

    BINDINGS: ClassVar[list[BindingType]] = BINDINGS

    class CursorMoved(Message):
        """The user moved the cursor to `x`, or put it away (None)."""

        def __init__(self, chart: Chart, x: float | None) -> None:
            super().__init__()
            self.chart = chart
            self.x = x

        @property
        def control(self) -> Chart:
            return self.chart

    class ViewChanged(Message):
        """The user zoomed, panned, froze or reset the chart. Other charts may take the `view`."""

        def __init__(self, chart: Chart, view: View) -> None:
            super().__init__()
            self.chart = chart
            self.view = view

        @property
        def control(self) -> Chart:
            return self.chart

    class AxisShared(Message):
        """The user wants a property of the y axis, `log_scale` or `clip`, to be in all charts as it is here now."""

        def __init__(self, chart: Chart, what: Literal["log_scale", "clip"]) -> None:
            super().__init__()
            self.chart = chart
            self.what = what

        @property
        def control(self) -> Chart:
            return self.chart

    def __init__(self, title: str = "", **settings: Any) -> None:
        """Settings are those of `ChartCanvas`."""
        super().__init__(title, **settings)
        self._pinned = False
        self._drag: tuple[int, Window] | None = None
        self._dragged = False

    def clear(self) -> None:
        self._pinned = False
        super().clear()

    # ------------------------------------------------------------------ view

    def action_zoom(self, factor: float) -> None:
        if extent := self.extent:
            self._show(self.view.zoom(extent, factor, self.cursor))

    def action_pan(self, direction: int) -> None:
        if extent := self.extent:
            left, right = self.view.window(extent)
            self._show(self.view.pan(extent, direction * (right - left) / 4))

    def action_reset(self) -> None:
        self._show(View())

    def action_toggle_follow(self) -> None:
        if not self.view.follows:
            self._show(self.view.follow())
        elif extent := self.extent:
            self._show(self.view.hold(extent))

    def action_toggle_log(self) -> None:
        self.log_scale = not self.log_scale

    def action_toggle_log_all(self) -> None:
        self.log_scale = not self.log_scale
        self.post_message(self.AxisShared(self, "log_scale"))

    def action_toggle_clip(self) -> None:
        self.clip = not self.clip

    def action_toggle_clip_all(self) -> None:
        self.clip = not self.clip
        self.post_message(self.AxisShared(self, "clip"))

    def action_cycle_smoothing(self) -> None:
        self.smoothing = next((weight for weight in SMOOTHING_CYCLE if weight > self.smoothing), 0.0)

    def _show(self, view: View) -> None:
        if view != self.view:
            self.view = view
            self.post_message(self.ViewChanged(self, view))

    # ------------------------------------------------------------------ cursor

    def action_move_cursor(self, direction: int) -> None:
        """Move by one dot or to the next sample, whichever is further; the window goes along."""
        if not (extent := self.extent):
            return
        window = self.view.window(extent)
        if self.cursor is None:
            self._point(window[1] if direction < 0 else window[0], pin=True)
            return
        columns = max(self._plot.width * 2 - 1 if self._plot else 1, 1)
        goal = self.cursor + direction * (window[1] - window[0]) / columns
        nearest = [self._next_x(curve.series, goal, direction) for curve in self._curves.values()]
        reached = [x for x in nearest if x is not None]
        if not reached:
            x = extent[0] if direction < 0 else extent[1]
        else:
            x = max(reached) if direction < 0 else min(reached)
        if not window[0] <= x <= window[1]:
            self._show(self.view.pan(extent, x - (window[0] if direction < 0 else window[1])))
        self._point(x, pin=True)

    @staticmethod
    def _next_x(series: Series, goal: float, direction: int) -> float | None:
        """The first sample at or beyond the goal."""
        if direction > 0:
            index = bisect_left(series.x, goal)
            return series.x[index] if index < len(series) else None
        start, stop = series.visible(-math.inf, goal)
        return series.x[stop - 1] if stop > start else None

    def action_move_to_mark(self, direction: int) -> None:
        if not (extent := self.extent):
            return
        here = self.cursor if self.cursor is not None else (math.inf if direction < 0 else -math.inf)
        beyond = [mark.x for mark in self._marks if (mark.x < here if direction < 0 else mark.x > here)]
        beyond = [x for x in beyond if extent[0] <= x <= extent[1]]
        if beyond:
            x = max(beyond) if direction < 0 else min(beyond)
            left, right = self.view.window(extent)
            if not left <= x <= right:
                self._show(self.view.pan(extent, x - (left + right) / 2))
            self._point(x, pin=True)

    def action_clear_cursor(self) -> None:
        self._point(None, pin=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a cursor, escape is left to the screen."""
        return self.cursor is not None if action == "clear_cursor" else True

    def _point(self, x: float | None, *, pin: bool) -> None:
        self._pinned = pin
        if x != self.cursor:
            self.cursor = x
            self.post_message(self.CursorMoved(self, x))

    # ------------------------------------------------------------------ mouse

    def on_mouse_move(self, event: events.MouseMove) -> None:
        plot = self._plot
        if plot is None:
            return
        if self._drag is not None:
            start, window = self._drag
            cells = event.screen_x - start
            if (cells or self._dragged) and (extent := self.extent):
                self._dragged = True
                distance = -cells * (window[1] - window[0]) / plot.width
                self._show(View(self.view.span, window).pan(extent, distance))
            return
        offset = event.get_content_offset(self)
        inside = (
            offset is not None
            and plot.left <= offset.x < plot.left + plot.width
            and plot.top <= offset.y < plot.top + plot.height
        )
        if not self._pinned:
            self._point(plot.x_at(offset.x) if inside and offset else None, pin=False)

    def on_leave(self, event: events.Leave) -> None:
        if event.node is self and not self._pinned and self._drag is None:
            self._point(None, pin=False)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1 and self._plot is not None and (extent := self.extent):
            self._drag = event.screen_x, self.view.window(extent)
            self._dragged = False
            self.capture_mouse()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._drag is None:
            return
        self._drag = None
        self.release_mouse()
        offset = event.get_content_offset(self)
        if not self._dragged and offset is not None and self._plot is not None:
            x = self._plot.x_at(offset.x)
            unpin = self._pinned and self.cursor is not None and self._plot.cell_at(self.cursor) == offset.x
            self._point(x, pin=not unpin)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, 1.25)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 0.8)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        self.action_pan(-1)
        event.stop()

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        self.action_pan(1)
        event.stop()

    def _wheel(self, event: events.MouseEvent, factor: float) -> None:
        """Zoom around the pointer; on a page that scrolls, only the chart in focus takes the wheel."""
        scrolls = any(isinstance(node, Widget) and node.allow_vertical_scroll for node in self.ancestors)
        extent = self.extent
        if self._plot is None or extent is None or (scrolls and not self.has_focus):
            return
        offset = event.get_content_offset(self)
        anchor = self._plot.x_at(offset.x) if offset else None
        self._show(self.view.zoom(extent, factor, anchor))
        event.stop()
