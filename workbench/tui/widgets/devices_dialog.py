"""A dialog with the devices of this machine, and what TensorFlow uses of them."""

from __future__ import annotations

from textual import work
from textual.containers import VerticalScroll
from textual.widgets import Static

from workbench.errors import WorkbenchError
from workbench.tui.context import kwb
from workbench.tui.views.marks import FAILED
from workbench.tui.widgets.dialogs import DetailsDialog


class DevicesDialog(DetailsDialog):
    """The text of `kwb devices`. A child of its own looks: the warm one stays free, and its TensorFlow as it was."""

    DEFAULT_CSS = "DevicesDialog > Vertical { width: 80; max-width: 100%; }"

    def __init__(self) -> None:
        super().__init__("Devices", "looking at this machine ...")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self._look()

    @work(exclusive=True)
    async def _look(self) -> None:
        try:
            self._text = "\n".join(await kwb(self).worker.call_apart("devices"))
        except WorkbenchError as error:
            self._text = f"{FAILED} {error}"
        self.query_one("VerticalScroll > Static", Static).update(self._text)
