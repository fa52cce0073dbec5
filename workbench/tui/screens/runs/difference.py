"""DifferenceDialog: two runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Label, Static

from workbench.tui.screens.runs.compare import Difference
from workbench.tui.views.fitting import fit
from workbench.tui.widgets.dialogs import Dialog

Section = tuple[str, Sequence[Difference], str]


class DifferenceDialog(Dialog[None]):
    """Sections of lines: (title, lines, the text if there is no line)."""

    DEFAULT_CSS = """
    DifferenceDialog > Vertical { width: 110; max-width: 100%; height: auto; max-height: 95%; padding: 0 1; }
    DifferenceDialog VerticalScroll { height: auto; max-height: 100%; margin-top: 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q,d", "leave", "Close", id="difference.close", tooltip="Close the comparison"),
    ]

    def __init__(self, names: Sequence[str], sections: Sequence[Section]) -> None:
        super().__init__()
        self._names = names[0], names[1]
        self._sections = sections

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label("Two runs", classes="dialog-title", markup=False)
            with VerticalScroll():
                yield Static(markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        static = self.query_one(Static)
        static.update(side_by_side(*self._names, self._sections, max(static.size.width, 30)))

    def copy_text(self) -> str:
        """The text that `y` copies: every line, tab-separated."""
        rows = [("", *self._names)]
        for title, lines, _ in self._sections:
            rows += [(title, "", ""), *((line.key, line.left, line.right) for line in lines)]
        return "\n".join("\t".join(row) for row in rows)


def side_by_side(left: str, right: str, sections: Sequence[Section], width: int) -> Content:
    """The sections as three columns in so many cells."""
    keys = [cell_len(line.key) for _, lines, _ in sections for line in lines]
    first = min(max([*keys, 8]), max(width * 2 // 5, 10))
    each = max((width - first - 2) // 2, 6)

    def row(key: str, one: str, other: str, style: str = "", mark: str = "") -> Content:
        return Content.assemble(
            (_padded(key, first), "dim"),
            " ",
            (_padded(one, each), style),
            " ",
            (fit(other, each), style),
            mark,
            "\n",
        )

    parts: list[Content | str | tuple[str, str]] = [row("", left, right, "bold")]
    for title, lines, nothing in sections:
        parts += ["\n", (f"{title}\n", "bold $primary")]
        if not lines:
            parts.append((f"{nothing}\n", "dim"))
        for line in lines:
            parts.append(row(line.key, line.left, line.right, "" if line.left == line.right else "bold"))
    return Content.assemble(*parts).rstrip()


def _padded(text: str, width: int) -> str:
    text = fit(text, width)
    return text + " " * (width - cell_len(text))
