"""The line on top of every screen: the modes, the open recipe, how the worker and the training stand."""

from __future__ import annotations

from collections.abc import Iterable

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
        wide = self.size.width >= 84
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
        room = self.size.width - left.cell_length - 1
        right = next((text for text in self._right() if text.cell_length <= room), Content(""))
        gap = self.size.width - left.cell_length - right.cell_length
        return Content.assemble(left, " " * gap, right)

    def _right(self) -> Iterable[Content]:
        """What stands at the right, the longest first; the shortest says only what is most needed."""
        app = kwb(self)
        training: tuple[str, str] | None = None
        if app.training is not None:
            style = "$text-error" if app.training.state == "failed" else "$text-success"
            training = _TRAINING[app.training.state], style
        recipe = None
        if app.editor is not None:
            recipe = f"{app.editor.name}{' *' if app.editor.dirty else ''}", "bold"
        state = app.worker_state
        style = "$text-error" if state == "dead" else "dim"
        mark, worker = (_WORKER[state], style), (f"{_WORKER[state]} worker {state}", style)
        short = (training[0].partition(" ")[0], training[1]) if training else None
        for chosen in ((training, recipe, worker), (training, recipe, mark), (training, mark), (short, mark)):
            pieces = [piece for piece in chosen if piece is not None]
            yield Content.assemble(*(part for piece in pieces for part in (piece, "  "))).rstrip() + " "

    def on_click(self, event: events.Click) -> None:
        for start, stop, mode in self._stops:
            if start <= event.x < stop:
                kwb(self).go(mode)
