"""ColumnsDialog: which columns the table of runs has, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from workbench.tui.views.fitting import fit, printable
from workbench.tui.widgets.dialogs import Dialog

_MOST_NAME = 40  # cells


class ColumnsDialog(Dialog[list[str] | None]):
    """A list of columns: the chosen ones first, in their order. The result is their names, none for "automatic".

    Args:
        chosen: names of columns, in order.
        offered: what there is, in words, by its name.
    """

    DEFAULT_CSS = """
    ColumnsDialog > Vertical { width: 76; max-width: 100%; height: 90%; padding: 0 1; }
    ColumnsDialog OptionList { height: 1fr; border: none; padding: 0; margin-top: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", "Show or hide", id="columns.toggle", key_display="space",
                tooltip="Show the column as the last one, or hide it"),
        Binding("enter", "accept", "Done", id="columns.accept", priority=True, tooltip="Show these columns"),
        Binding("minus,shift+up", "move(-1)", "Further left", id="columns.left", key_display="-",
                tooltip="Put the column before the one above"),
        Binding("plus,shift+down", "move(1)", "Further right", id="columns.right", key_display="+",
                tooltip="Put the column behind the one below"),
        Binding("r", "automatic", "Automatic", id="columns.automatic",
                tooltip="Choose no columns: those are shown that tell the runs apart"),
    ]  # fmt: skip

    def __init__(self, chosen: Sequence[str], offered: Mapping[str, str]) -> None:
        super().__init__()
        self._chosen = list(dict.fromkeys(chosen))
        self._offered = offered

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label("Columns", classes="dialog-title", markup=False)
            yield Static("The mark and the name stay in sight; ← and → go to the others.", markup=False)
            yield OptionList(compact=True)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        self._fill(0)

    @property
    def _names(self) -> list[str]:
        """In the order of the list."""
        return [*self._chosen, *(name for name in self._offered if name not in self._chosen)]

    def _fill(self, at: int) -> None:
        names = self._names
        width = min(max((cell_len(printable(name)) for name in names), default=0), _MOST_NAME)
        listing = self.query_one(OptionList)
        listing.set_options(self._option(name, place, width) for place, name in enumerate(names, 1))
        listing.highlighted = min(at, len(names) - 1) if names else None

    def _option(self, name: str, place: int, width: int) -> Option:
        is_chosen = name in self._chosen
        shown = fit(name, width)
        mark = f"▣ {place:<3}" if is_chosen else "□    "
        about = printable(self._offered.get(name, "no run has it"))
        padding = " " * (width - cell_len(shown) + 2)
        return Option(
            Content.assemble((f"{mark}{shown}", "bold" if is_chosen else ""), padding, (about, "dim"))
        )

    @property
    def _marked(self) -> str | None:
        at = self.query_one(OptionList).highlighted
        return self._names[at] if at is not None else None

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_choose()

    def action_choose(self) -> None:
        """Show the column under the cursor, or hide it. The cursor stays where it is in the list."""
        at = self.query_one(OptionList).highlighted
        if at is None or (name := self._marked) is None:
            return
        if name in self._chosen:
            self._chosen.remove(name)
        else:
            self._chosen.append(name)
            at += 1  # its row went up: the one below it is next
        self._fill(at)

    def action_move(self, by: int) -> None:
        """Move the column under the cursor in the order."""
        name = self._marked
        if name not in self._chosen:
            return
        at = self._chosen.index(name)
        to = at + by
        if 0 <= to < len(self._chosen):
            self._chosen[at], self._chosen[to] = self._chosen[to], self._chosen[at]
            self._fill(to)

    def action_accept(self) -> None:
        self.dismiss(self._chosen)

    def action_automatic(self) -> None:
        self.dismiss([])
