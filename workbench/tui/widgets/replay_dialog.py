"""A dialog that replays a run, and shows from which operation its first number comes that is not finite."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Label, Static

from workbench.errors import WorkbenchError
from workbench.probing.replay_report import Replay
from workbench.storage.run_folder import RunFolder
from workbench.tui.context import kwb
from workbench.tui.views.marks import FAILED
from workbench.tui.widgets.dialogs import Dialog


class ReplayDialog(Dialog[bool | None]):
    """Replays a run in a child of its own, which ends when the dialog is left. `y` copies what was found. The result is
    True where the run is to go on.

    Args:
        run: the run's folder.
    """

    DEFAULT_CSS = """
    ReplayDialog > Vertical { width: 110; max-width: 100%; }
    ReplayDialog VerticalScroll { max-height: 65vh; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,enter,q",
            "leave",
            "Close",
            id="replay.close",
            tooltip="Close; a replay that still runs ends",
        ),
        Binding(
            "u",
            "resume",
            "Resume",
            id="replay.resume",
            tooltip="Go on from the run's last checkpoint, with the code as it is now: once the error is mended",
        ),
    ]

    def __init__(self, run: RunFolder) -> None:
        super().__init__()
        self._run = run
        self._text = ""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(f"Replay of {self._run.name}", classes="dialog-title", markup=False)
            with VerticalScroll():
                yield Static(
                    "It is trained again up to its first number that is not finite ...", markup=False
                )

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self._replay()

    @work(exclusive=True)
    async def _replay(self) -> None:
        try:
            record = await kwb(self).worker.call_apart("replay", run=str(self._run.path.absolute()))
            lines = Replay.from_record(record).lines()
        except WorkbenchError as error:
            lines = [f"{FAILED} {error}"]
        self._text = "\n".join(lines)
        self.query_one("VerticalScroll > Static", Static).update(self._text)

    def action_resume(self) -> None:
        """Close, and have the run go on from its last checkpoint."""
        self.dismiss(True)

    def copy_text(self) -> str:
        """The text that `y` copies."""
        return self._text
