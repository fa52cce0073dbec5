"""Ask for a plugin project and write it, from wherever one is."""

from __future__ import annotations

import os
import shlex
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from workbench.errors import WorkbenchError
from workbench.tui.actions.new_plugin_dialog import NewPluginDialog
from workbench.tui.context import AppContext, kwb
from workbench.tui.services.plugin_project import PluginOrder, write_plugin
from workbench.tui.views.marks import FAILED
from workbench.tui.widgets.dialogs import DetailsDialog


async def ask_new_plugin(app: AppContext) -> None:
    """Ask for a plugin project, with the plugin files of the app in it, and write it. Needs a worker's context."""
    files = [os.path.relpath(path, app.working_directory) for path in app.plugins.files]
    order = await app.push_screen_wait(NewPluginDialog(shlex.join(files), app.working_directory))
    if order is not None:
        await app.push_screen_wait(NewPluginReport(order))


class NewPluginReport(DetailsDialog):
    """Has a plugin project written, and shows what `kwb new-plugin` says of it. Escape before its end stops it."""

    DEFAULT_CSS = """
    NewPluginReport > Vertical { width: 100; max-width: 100%; }
    NewPluginReport VerticalScroll { max-height: 65vh; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        # Enter pressed twice must not stop the writing.
        Binding("enter,q", "close", "Close", id="new-plugin.close", tooltip="Close the report, when there is one"),
    ]  # fmt: skip

    def __init__(self, order: PluginOrder) -> None:
        waits = " What moves is imported and checked, which takes a minute or two." if order.files else ""
        super().__init__(f"New plugin {order.name}", f"It is being written.{waits} Esc stops it.")
        self._order = order
        self._written = False

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self._write()

    @work(exclusive=True)
    async def _write(self) -> None:
        try:
            self._text = await write_plugin(self._order, kwb(self).working_directory)
        except (WorkbenchError, OSError) as error:
            self._text = f"{FAILED} {error}"
        self._written = True
        self.refresh_bindings()
        self.query_one("VerticalScroll > Static", Static).update(self._text)
        # What is left to do stands at the end, behind a list of files.
        self.call_after_refresh(self.query_one(VerticalScroll).scroll_end, animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The report can be closed when it is there."""
        return self._written if action == "close" else True

    def action_close(self) -> None:
        self.dismiss(None)

    def action_leave(self) -> None:
        if not self._written:
            kwb(self).notice(f"the plugin {self._order.name} was not written.", "information")
        self.dismiss(None)
