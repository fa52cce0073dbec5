"""Draw a laid-out graph as lines of characters; each span knows the box it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from workbench.tui.picture.layout import GraphLayout

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_LINES = {
    _UP: "│",
    _DOWN: "│",
    _UP | _DOWN: "│",
    _LEFT: "─",
    _RIGHT: "─",
    _LEFT | _RIGHT: "─",
    _DOWN | _RIGHT: "╭",
    _DOWN | _LEFT: "╮",
    _UP | _RIGHT: "╰",
    _UP | _LEFT: "╯",
    _UP | _DOWN | _RIGHT: "├",
    _UP | _DOWN | _LEFT: "┤",
    _DOWN | _LEFT | _RIGHT: "┬",
    _UP | _LEFT | _RIGHT: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
}


@dataclass(frozen=True)
class Span:
    """Characters of one line that belong together; `id` is the box they are of, "" for lines and blanks."""

    text: str
    id: str = ""


def draw(layout: GraphLayout, texts: Mapping[str, Sequence[str]]) -> list[list[Span]]:
    """The picture line by line.

    Args:
        layout: where everything is.
        texts: for each box the lines inside it; a box of height 1 has no frame.
    """
    cells = _wire_cells(layout)
    rows: list[dict[int, Span]] = [{} for _ in range(layout.height)]
    joints = {(wire.x, wire.y - 1) for wire in layout.wires} | {(wire.x2, wire.y2) for wire in layout.wires}
    for id, placed in layout.boxes.items():
        for offset, text in enumerate(_box_lines(placed.box.width, placed.box.height, texts[id])):
            y = placed.y + offset
            middle = placed.centre
            if placed.box.height > 1 and (middle, y) in joints:
                at = middle - placed.x
                text = text[:at] + ("┴" if offset == 0 else "┬") + text[at + 1 :]
            rows[y][placed.x] = Span(text, id)
    return [_line(row, cells, y, layout.width) for y, row in enumerate(rows)]


def box_size(lines: Sequence[str]) -> tuple[int, int]:
    """The width and height of the box around some lines of text. One line that is a sign has no frame."""
    width = max(map(cell_len, lines))
    return (width + 2, 1) if len(lines) == 1 else (width + 4, len(lines) + 2)


def _box_lines(width: int, height: int, lines: Sequence[str]) -> list[str]:
    if height == 1:
        return [f"({set_cell_size(lines[0], width - 2)})"]
    inside = [f"│ {set_cell_size(line, width - 4)} │" for line in lines]
    return [f"╭{'─' * (width - 2)}╮", *inside, f"╰{'─' * (width - 2)}╯"]


def _wire_cells(layout: GraphLayout) -> dict[tuple[int, int], str]:
    """The character of each cell that a line goes through."""
    vertical: dict[tuple[int, int], dict[str, int]] = {}
    horizontal: dict[tuple[int, int], dict[str, int]] = {}

    def mark(cells: dict[tuple[int, int], dict[str, int]], x: int, y: int, source: str, bits: int) -> None:
        owners = cells.setdefault((x, y), {})
        owners[source] = owners.get(source, 0) | bits

    for wire in layout.wires:
        for y in range(wire.y, wire.bend):
            mark(vertical, wire.x, y, wire.source, _UP | _DOWN)
        for y in range(wire.bend + 1, wire.y2):
            mark(vertical, wire.x2, y, wire.source, _UP | _DOWN)
        if wire.x == wire.x2:
            mark(vertical, wire.x, wire.bend, wire.source, _UP | _DOWN)
            continue
        low, high = sorted((wire.x, wire.x2))
        for x in range(low, high + 1):
            bits = (_LEFT if x > low else 0) | (_RIGHT if x < high else 0)
            mark(horizontal, x, wire.bend, wire.source, bits)
        mark(vertical, wire.x, wire.bend, wire.source, _UP)
        mark(vertical, wire.x2, wire.bend, wire.source, _DOWN)
    found: dict[tuple[int, int], str] = {}
    for cell in {*vertical, *horizontal}:
        up_down, across = vertical.get(cell, {}), horizontal.get(cell, {})
        crossing = across and up_down and not up_down.keys() & across.keys()
        bits = 0
        for part in (up_down,) if crossing else (up_down, across):
            for value in part.values():
                bits |= value
        found[cell] = _LINES[bits]
    return found


def _line(boxes: Mapping[int, Span], cells: Mapping[tuple[int, int], str], y: int, width: int) -> list[Span]:
    spans: list[Span] = []
    text = ""
    x = 0
    while x < width:
        if x in boxes:
            if text:
                spans.append(Span(text))
                text = ""
            spans.append(boxes[x])
            x += cell_len(boxes[x].text)
        else:
            text += cells.get((x, y), " ")
            x += 1
    return [*spans, Span(text)] if text.strip() else spans
