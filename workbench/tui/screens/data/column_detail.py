"""ColumnDetail: what is known of the column under the cursor."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from workbench.tui.screens.data.summaries import Record, detail_lines
from workbench.tui.views.fitting import fit, printable
from workbench.tui.views.marks import FAILED


class ColumnDetail(VerticalScroll, can_focus=True):
    """The facts about a column, its correlation with the target, the suggested role and why, and its distribution."""

    BINDING_GROUP_TITLE = "A column"
    DEFAULT_CSS = "ColumnDetail { padding: 0 1; & > Static { width: 1fr; } }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shown: tuple[Any, ...] = ()
        self._text = ""

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def show(self, name: str, summary: Record | None, sampled: str, error: str = "") -> None:
        """Show a column.

        Args:
            name: the column; "" for none.
            summary: what is known of it; None while nothing is.
            sampled: which rows were looked at, if not all.
            error: why nothing can be found out.
        """
        width = self.scrollable_content_region.width
        if (shown := (name, summary, sampled, error, width)) == self._shown:
            return
        moved = name != self._shown[0] if self._shown else True
        self._shown = shown
        self.border_title = Content(fit(f"Column {name}", 60)) if name else "Column"
        lines = detail_lines(summary, width) if summary is not None else []
        if sampled and lines:
            lines.insert(1, (sampled, "dim"))
        if error:
            lines.append((f"{FAILED} {printable(error)}", "$text-error"))
        parts = [Content.styled(text, style) if style else Content(text) for text, style in lines]
        self._text = "\n".join(text for text, _ in lines)
        self.query_one(Static).update(Content("\n").join(parts) if parts else "")
        if moved:
            self.scroll_home(animate=False)

    def copy_text(self) -> str:
        """The text that `y` copies."""
        name = printable(str(self._shown[0])) if self._shown else ""
        return f"{name}\n{self._text}"
