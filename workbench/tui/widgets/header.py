"""The line on top of every screen: the modes, the open recipe, how the worker and the training stand."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.widget import Widget

from workbench.tui.app_access import kwb

MODE_NAMES = {
    "recipes": "Recipes",
    "assemble": "Assemble",
    "data": "Data",
    "train": "Train",
    "runs": "Runs",
    "saved": "Saved",
}
_WORKER = {"off": "○", "starting": "◌", "ready": "●", "busy": "◐", "dead": "✗"}
_TRAINING = {
    "starting": "▷ starting",
    "running": "▶ training",
    "paused": "⏸ paused",
    "stopping": "■ stopping",
    "finished": "✓ trained",
    "failed": "✗ failed",
    "detached": "⇱ detached",
}


class KwbHeader(Widget):
    """One line; the app refreshes it when something that it shows changes. A click on a mode goes there."""

    DEFAULT_CSS = """
    KwbHeader {
        dock: top;
        height: 1;
        background: $panel;
        color: $foreground;
    }
    """

    def render(self) -> Content:
        app = kwb(self)
        wide = self.size.width >= 100
        parts: list[Content | str | tuple[str, str]] = [(" kwb ", "bold $primary")]
        self._stops: list[tuple[int, int, str]] = []
        at = 5
        for number, (mode, name) in enumerate(MODE_NAMES.items(), 1):
            here = mode == app.current_mode
            label = f" {number} {name} " if wide or here else f" {number} "
            parts.append((label, "reverse bold" if here else "dim"))
            self._stops.append((at, at + len(label), mode))
            at += len(label)
        left = Content.assemble(*parts)
        right = self._right()
        gap = self.size.width - left.cell_length - right.cell_length
        if gap < 1:
            right = right.truncate(max(self.size.width - left.cell_length - 1, 0), ellipsis=True)
            gap = self.size.width - left.cell_length - right.cell_length
        return Content.assemble(left, " " * max(gap, 0), right)

    def _right(self) -> Content:
        app = kwb(self)
        parts: list[tuple[str, str]] = []
        if app.training is not None:
            style = "$text-error" if app.training.state == "failed" else "$text-success"
            parts.append((_TRAINING[app.training.state], style))
        if app.editor is not None:
            dirty = " *" if app.editor.dirty else ""
            parts.append((f"{app.editor.name}{dirty}", "bold"))
        state = app.worker.state
        parts.append((f"{_WORKER[state]} worker {state}", "$text-error" if state == "dead" else "dim"))
        joined = [piece for part in parts for piece in (part, ("  ", ""))]
        return Content.assemble(*joined[:-1], " ")

    def on_click(self, event: events.Click) -> None:
        for start, stop, mode in self._stops:
            if start <= event.x < stop:
                kwb(self).go(mode)
