"""PartsPane: does each column look alike in training, validation and test? And the rows of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from workbench.tui.screens.data.preview import balance_lines
from workbench.tui.views.fitting import fit
from workbench.tui.views.formatting import number
from workbench.tui.views.marks import BUSY, WARNING

_RARE = 0.01  # a share of rows
_DISTANCE = 7  # cells


class PartsPane(VerticalScroll, can_focus=True):
    """The columns in every part: mean and deviation or shares, and how far each part is from the training part."""

    BINDING_GROUP_TITLE = "The parts"
    DEFAULT_CSS = "PartsPane { padding: 0 1; & > Static { width: 1fr; } }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shown: tuple[Any, ...] = ()
        self._text = ""

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def show(
        self,
        balance: Mapping[str, Mapping[str, Sequence[int]]],
        parts: Mapping[str, int],
        compared: Sequence[Mapping[str, Any]],
        total: int,
        error: str = "",
    ) -> None:
        """Show the parts.

        Args:
            balance: of each target of classes, the rows of each class in each part.
            parts: rows of each part.
            compared: the columns that were compared up to now.
            total: how many there are.
            error: why there are no parts.
        """
        width = self.scrollable_content_region.width
        if (shown := (balance, parts, tuple(map(id, compared)), total, error, width)) == self._shown:
            return
        self._shown = shown
        lines = [Content(line) for line in balance_lines(balance, width)]
        lines.append(Content(error) if error else _summary(parts, compared, total))
        if compared:
            lines += _table(parts, compared, width)
        self._text = "\n".join(line.plain for line in lines)
        self.query_one(Static).update(Content("\n").join(lines))

    def copy_text(self) -> str:
        """The text that `y` copies."""
        return self._text


def _summary(parts: Mapping[str, int], compared: Sequence[Mapping[str, Any]], total: int) -> Content:
    if not parts:
        return Content(f"{BUSY} comparing the parts")
    if len(parts) == 1:
        return Content(
            "All rows are for training: `split: {validation: 0.2, test: 0.1}` keeps some back (e)."
        )
    differing = sum(bool(column["differs"]) for column in compared)
    sizes = ", ".join(f"{name} {rows:,}" for name, rows in parts.items())
    if len(compared) < total:
        return Content(f"{sizes} rows. {BUSY} {len(compared)} of {total} columns compared")
    if not differing:
        return Content(f"{sizes} rows. Every column looks alike in them.")
    noun = "column differs" if differing == 1 else "columns differ"
    return Content.assemble(
        f"{sizes} rows. ", (f"{WARNING} {differing} {noun} much from the training part.", "$text-warning")
    )


def _table(parts: Mapping[str, int], compared: Sequence[Mapping[str, Any]], width: int) -> list[Content]:
    """Columns that differ first, then as in the file."""
    names = min(max(cell_len(str(column["name"])) for column in compared), max(width // 4, 8), 24)
    each = max((width - names - 2 - _DISTANCE * (len(parts) - 1)) // max(len(parts), 1) - 2, 6)
    heading = _cell("column", names)
    for at, part in enumerate(parts):
        heading += f"  {_cell(part, each)}" + (f"{'apart':>{_DISTANCE}}" if at else "")
    lines = [Content.styled(heading, "bold")]
    for column in sorted(compared, key=lambda column: not column["differs"]):
        line = [Content(_cell(str(column["name"]), names))]
        for at, part in enumerate(parts):
            found = column["parts"].get(part)
            line.append(Content(f"  {_cell(_values(found), each)}"))
            if at:
                line.append(_distance(found))
        lines.append(Content("").join(line))
    return lines


def _values(part: Mapping[str, Any] | None) -> str:
    if part is None:
        return ""
    if part["shares"] is not None and max(part["shares"].values(), default=1) < _RARE:
        return "each text is rare"
    if part["shares"] is not None:
        return ", ".join(f"{text} {share:.0%}" for text, share in part["shares"].items())
    if part["written"]:
        return str(part["written"])
    if part["mean"] is None:
        return "no values"
    sd = f" ± {number(part['sd'])}" if part["sd"] is not None else ""
    return f"{number(part['mean'])}{sd}"


def _distance(part: Mapping[str, Any] | None) -> Content:
    if part is None or part["distance"] is None:
        return Content(" " * _DISTANCE)
    mark = WARNING if part["differs"] else " "
    text = f"{part['distance']:.2f} {mark}".rjust(_DISTANCE)
    return Content.styled(text, "bold $text-warning") if part["differs"] else Content.styled(text, "dim")


def _cell(text: str, width: int) -> str:
    return set_cell_size(fit(text, width), width)
