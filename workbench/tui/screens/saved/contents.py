"""ContentsTable: the layers of a file, each with its weights below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable

from workbench.tui.screens.saved.facts import FileFacts, Layer, Weight
from workbench.tui.views.fitting import fit, printable

_OTHERS = {"shape": 16, "type": 8, "parameters": 10}
_LEAST_NAME = 18


@dataclass(frozen=True)
class ContentsRow:
    """A line of the table: a layer with the number of its parameters, or a weight.

    `level` counts the layers around it; `name` is without their names.
    """

    name: str
    level: int
    what: str
    dtype: str
    parameters: int | None
    weight: Weight | None = None


def rows_of(layers: Sequence[Layer], weights: Sequence[Weight]) -> list[ContentsRow]:
    """Layers in their order, each with its own weights below it; weights that no layer's name begins come last.

    Files of plain Keras may name their weights by another road than their layers.
    """
    names = {layer.name for layer in layers}
    own: dict[str, list[Weight]] = {}
    counts: dict[str, int] = {}
    for weight in weights:
        around = _around(weight.path, names)
        own.setdefault(around, []).append(weight)
        while around:
            counts[around] = counts.get(around, 0) + weight.size
            around = _around(around, names)
    rows: list[ContentsRow] = []
    for layer in dict.fromkeys(layers):
        around = _around(layer.name, names)
        level = _depth(around, names) + 1 if around else 0
        rest = layer.name[len(around) :].removeprefix("/")
        rows.append(ContentsRow(rest or layer.name, level, layer.layer_class, "", counts.get(layer.name)))
        rows += _weight_rows(own.pop(layer.name, ()), f"{layer.name}/", level + 1)
    rows += _weight_rows((weight for rest in own.values() for weight in rest), "", 0)
    return rows


def _weight_rows(
    weights: Sequence[Weight] | Iterator[Weight], prefix: str, level: int
) -> Iterator[ContentsRow]:
    for weight in weights:
        name = weight.path.removeprefix(prefix)
        yield ContentsRow(name, level, weight.shape_text, weight.dtype, weight.size, weight)


def _around(path: str, names: set[str]) -> str:
    """The longest of the names that a path belongs to; empty for none."""
    while "/" in path:
        path = path.rpartition("/")[0]
        if path in names:
            return path
    return ""


def _depth(name: str, names: set[str]) -> int:
    around = _around(name, names)
    return _depth(around, names) + 1 if around else 0


class ContentsTable(DataTable[Text]):
    """Layers and weights of the file; the values of the weight under the cursor are drawn below."""

    BINDING_GROUP_TITLE = "Layers and weights"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Files", id="contents.leave", tooltip="Back to the list of files"),
        Binding(
            "home", "scroll_top", "First", id="contents.first", show=False, tooltip="Go to the first row"
        ),
        Binding("end", "scroll_bottom", "Last", id="contents.last", show=False, tooltip="Go to the last row"),
    ]

    class WeightChosen(Message):
        """The cursor came to a weight, or to a layer, which stands for its first weight; None: it has none."""

        def __init__(self, weight: Weight | None) -> None:
            super().__init__()
            self.weight = weight

    class Left(Message):
        """The user wants to go back to the list."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, cursor_type="row", show_header=True, zebra_stripes=False)
        self._entries: list[ContentsRow] = []
        self._more = 0
        self._shape: tuple[int, ...] = ()

    def show(self, facts: FileFacts | None) -> None:
        """Show the layers and weights of a file."""
        self._entries = rows_of(facts.layers, facts.weights) if facts else []
        shown = len(facts.layers) + len(facts.weights) if facts else 0
        self._more = facts.layer_count + facts.weight_count - shown if facts else 0
        self._fill()
        first = next((at for at, row in enumerate(self._entries) if row.weight is not None), 0)
        self.move_cursor(row=first, animate=False, scroll=False)
        self.scroll_home(animate=False)

    def _widths(self) -> tuple[int, ...]:
        """Of the columns that there is room for; each takes two cells of air."""
        room = self.size.width - 1
        widths: list[int] = []
        for width in _OTHERS.values():
            if room - sum(widths) - 2 * (len(widths) + 2) - width >= _LEAST_NAME:
                widths.append(width)
        longest = max((row.level * 2 + len(row.name) for row in self._entries), default=0)
        name = room - sum(widths) - 2 * (len(widths) + 1)
        return min(max(name, 8), max(longest, _LEAST_NAME)), *widths

    def _fill(self) -> None:
        self._shape = self._widths()
        with self.app.batch_update():
            self.clear(columns=True)
            for name, width in zip(("layer or weight", *_OTHERS), self._shape, strict=False):
                self.add_column(Text(name, style="dim"), width=width)
            for row in self._entries:
                self.add_row(*self._cells(row))
            if self._more:
                self.add_row(Text(f"… {self._more:,} more", style="dim"), *[Text()] * (len(self._shape) - 1))

    def _cells(self, row: ContentsRow) -> list[Text]:
        style = "" if row.weight else "bold"
        cells = [
            Text(fit("  " * row.level + printable(row.name), self._shape[0]), style=style),
            Text(fit(row.what, _OTHERS["shape"]), style="" if row.weight else "italic"),
            Text(row.dtype),
            Text("" if row.parameters is None else f"{row.parameters:,}", style=style, justify="right"),
        ]
        return cells[: len(self._shape)]

    def on_resize(self) -> None:
        at = self.cursor_row
        if self._widths() != self._shape:
            self._fill()
            self.move_cursor(row=at, animate=False)
        elif self.has_focus:  # what is drawn below took room, and maybe the row under the cursor with it
            self.move_cursor(row=at, animate=False)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self.post_message(self.WeightChosen(self.chosen))

    @property
    def chosen(self) -> Weight | None:
        """The weight under the cursor, or the first one of the layer under it."""
        below = self._entries[self.cursor_row :]
        if not below or below[0].weight is not None:
            return below[0].weight if below else None
        first = next(iter(below[1:]), None)
        return first.weight if first is not None and first.level > below[0].level else None

    def action_leave(self) -> None:
        """Back to the list of files."""
        self.post_message(self.Left())
