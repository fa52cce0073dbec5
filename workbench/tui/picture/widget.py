"""PictureView: the graph of a model as boxes. Keys move from box to box and open layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.tui.picture.drawing import Span, draw
from workbench.tui.picture.layout import GraphLayout, lay_out
from workbench.tui.picture.scene import Scene, scene_of
from workbench.tui.terminal.text import one_line


class PictureView(ScrollView, can_focus=True):
    """A picture that scrolls.

    Keys: ↑ ↓ ← → go from box to box, enter looks into a layer that has layers inside, backspace comes back out.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "picture--line",
        "picture--box",
        "picture--shared",
        "picture--selected",
        "picture--text",
    }
    DEFAULT_CSS = """
    PictureView {
        & > .picture--line { text-style: dim; }
        & > .picture--box { color: $foreground; }
        & > .picture--shared { color: $secondary; }
        & > .picture--selected { color: $primary; text-style: bold; }
        & > .picture--text { text-style: dim; }
        &.-stale > .picture--box, &.-stale > .picture--shared, &.-stale > .picture--text { text-style: dim italic; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "walk(0, -1)", "Up", id="picture.up", show=False, tooltip="The box above"),
        Binding("down", "walk(0, 1)", "Down", id="picture.down", show=False, tooltip="The box below"),
        Binding("left", "walk(-1, 0)", "Left", id="picture.left", show=False, tooltip="The box to the left"),
        Binding("right", "walk(1, 0)", "Right", id="picture.right", show=False, tooltip="The box to the right"),
        Binding("enter", "look_into", "Look into", id="picture.into", tooltip="Show the layers inside this one"),
        Binding("backspace", "come_out", "Back out", id="picture.out", tooltip="Show what this layer is part of"),
    ]  # fmt: skip

    class Selected(Message):
        """A box was walked to; `path` is that of its layer."""

        def __init__(self, picture: PictureView, path: str) -> None:
            super().__init__()
            self.picture = picture
            self.path = path

        @property
        def control(self) -> PictureView:
            return self.picture

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._answer: Mapping[str, Any] = {}
        self._inside: list[str] = []
        self._scene = Scene()
        self._layout = GraphLayout()
        self._lines: list[list[Span]] = []
        self._at = ""

    @property
    def inside(self) -> str:
        """The path of the layer that is looked into, "" for the model."""
        return self._inside[-1].partition("#")[0] if self._inside else ""

    @property
    def text(self) -> str:
        """The picture as text."""
        return "\n".join("".join(span.text for span in line).rstrip() for line in self._lines)

    def copy_text(self) -> str:
        """The text that `y` copies."""
        return self.text

    def show(self, answer: Mapping[str, Any]) -> None:
        """Draw a model, as the worker's `examine` describes it."""
        self._answer = answer
        known = {call["id"] for call in answer.get("calls") or ()}
        self._inside = [call for call in self._inside if call in known]
        self._draw()

    def select_path(self, path: str) -> None:
        """Mark the box of a layer."""
        found = next((box for box, of in self._scene.paths.items() if of == path), "")
        if found and self._scene.paths.get(self._at) != path:
            self._go(found)

    def _draw(self) -> None:
        self._scene = scene_of(self._answer, self._inside[-1] if self._inside else None)
        self._layout = lay_out(self._scene.boxes, self._scene.edges)
        self._lines = draw(self._layout, self._scene.texts)
        if self._at not in self._layout.boxes:
            self._at = next(iter(self._scene.paths), "")
        self.virtual_size = Size(self._layout.width, self._layout.height)
        self.refresh()

    # ------------------------------------------------------------------ walking

    def action_walk(self, across: int, down: int) -> None:
        here = self._layout.boxes.get(self._at)
        if here is None:
            return
        if down:
            ranks = sorted({placed.rank for placed in self._layout.boxes.values()}, reverse=down < 0)
            beyond = [rank for rank in ranks if (rank > here.rank if down > 0 else rank < here.rank)]
            row = [p for p in self._layout.boxes.values() if beyond and p.rank == beyond[0]]
        else:
            row = [
                placed
                for placed in self._layout.boxes.values()
                if placed.rank == here.rank and (placed.x - here.x) * across > 0
            ]
        if row:
            self._go(min(row, key=lambda placed: abs(placed.centre - here.centre)).box.id)

    def _go(self, box: str) -> None:
        self._at = box
        placed = self._layout.boxes[box]
        self.scroll_to_region(Region(placed.x, placed.y, placed.box.width, placed.box.height), animate=False)
        self.refresh()
        self.refresh_bindings()
        if self.has_focus and (path := self._scene.paths.get(box)):
            self.post_message(self.Selected(self, path))

    def action_look_into(self) -> None:
        if self._at in self._scene.open:
            self._inside.append(self._at)
            self._at = ""
            self._draw()
            self.scroll_home(animate=False)
            self._show_title()

    def action_come_out(self) -> None:
        if self._inside:
            self._at = self._inside.pop()
            self._draw()
            self._go(self._at)
            self._show_title()

    def _show_title(self) -> None:
        self.border_title = one_line(f"Inside {self.inside}" if self._inside else "Picture")
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "look_into":
            return self._at in self._scene.open
        return bool(self._inside) if action == "come_out" else True

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        at = offset + self.scroll_offset
        for name, placed in self._layout.boxes.items():
            if placed.x <= at.x < placed.x + placed.box.width and placed.y <= at.y < placed.bottom:
                again = name == self._at
                self._go(name)
                if again and event.chain > 1:
                    self.action_look_into()

    # ------------------------------------------------------------------ painting

    def render_line(self, y: int) -> Strip:
        scroll_x, scroll_y = self.scroll_offset
        row, width = y + scroll_y, self.scrollable_content_region.width
        base = self.rich_style
        if row >= len(self._lines):
            return Strip.blank(width, base)
        segments = [segment for span in self._lines[row] for segment in self._segments(span, row, base)]
        return Strip(segments).crop_extend(scroll_x, scroll_x + width, base)

    def _segments(self, span: Span, row: int, base: Style) -> list[Segment]:
        if not span.id:
            return [Segment(span.text, base + self._part("line"))]
        if span.id not in self._scene.paths:
            return [Segment(span.text, base + self._part("text"))]
        chosen, shared = span.id == self._at, span.id in self._scene.shared
        style = base + self._part("selected" if chosen else "shared" if shared else "box")
        if row != self._layout.boxes[span.id].y + 2:
            return [Segment(span.text, style)]
        frame, inside, end = span.text[0], span.text[1:-1], span.text[-1]
        return [Segment(frame, style), Segment(inside, style + self._part("text")), Segment(end, style)]

    def _part(self, name: str) -> Style:
        return self.get_component_rich_style(f"picture--{name}", partial=True)
