"""The base of every mode's screen: the header, the footer, and classes for the width and height of the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from workbench.tui.context import ProbeTarget, kwb
from workbench.tui.terminal.textual_private import PaintedScreen
from workbench.tui.widgets.header import KwbHeader
from workbench.tui.widgets.key_line import KeyLine


class WorkbenchScreen(PaintedScreen[None]):
    """A mode's screen. A subclass composes its own part in `compose_body`.

    Its CSS can refer to `-narrow` (under 80 columns), `-normal`, `-wide` (from 120), and to `-short` (under 30 rows),
    `-tall`.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]
    ALLOW_IN_MAXIMIZED_VIEW = "KwbHeader, KeyLine, HelpPanel"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("L,f8", "look_inside", "Look inside", id="app.look-inside", show=False,
                tooltip="Look inside the layers: their tensors on a real batch, gradients, cost; of the open recipe, "
                "or the run or file under the cursor"),
    ]  # fmt: skip

    FIRST_KEYS: ClassVar[Sequence[str]] = ()
    """Ids of the keys that come first in the line of keys, before those of what has the focus."""

    def key_words(self, action: str) -> str | None:
        """The name of a key in the line of keys now, if it is not the usual one."""
        return None

    def may_paint(self, paint: Callable[[], None]) -> bool:
        """Not while the terminal has not taken the frames before."""
        return kwb(self).outflow.may_paint(paint)

    def compose(self) -> ComposeResult:
        yield KwbHeader()
        yield from self.compose_body()
        yield KeyLine()

    def files_shown(self) -> Iterable[Path]:
        """Files and folders that are shown: while the screen is in view, `files_changed` reports those that changed on
        disk. The open recipe and what it reads are looked at anyway."""
        return ()

    def files_changed(self, paths: Set[Path]) -> None:
        """Some of `files_shown` are others now."""

    def probe_target(self) -> ProbeTarget | None:
        """What `L` looks into: here the open recipe. None where there is nothing."""
        editor = kwb(self).editor
        if editor is None:
            return None
        recipe = {"text": editor.text, "name": editor.name, "folder": str(editor.folder)}
        return ProbeTarget(editor.name, recipe, self.layer_under_cursor())

    def layer_under_cursor(self) -> str:
        """The path of a layer of the open recipe; "" where the cursor is at none."""
        return ""

    def action_look_inside(self) -> None:
        """Look inside the layers of what is under the cursor."""
        from workbench.tui.widgets.probe_dialog import ProbeDialog

        if (target := self.probe_target()) is not None:
            self.app.push_screen(ProbeDialog(target))
        else:
            kwb(self).notice("there is nothing to look into: open a recipe.", "information")

    def focus_main(self) -> None:
        """Put the focus where the screen's own keys are: its rows, not a field that was typed in the last time."""

    def compose_body(self) -> Iterable[Widget]:
        """The screen's own widgets."""
        return ()
