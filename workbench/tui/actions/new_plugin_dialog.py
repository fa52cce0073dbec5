"""Ask for a plugin project: its name, and which files move into it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Button, Input, Label, Static

from workbench.tui.forms.field_row import FieldRow
from workbench.tui.forms.fields import UNSET, Field
from workbench.tui.services.plugin_project import PluginOrder, files_in, wrong_files, wrong_folder, wrong_name
from workbench.tui.views.marks import FAILED
from workbench.tui.widgets.dialogs import Dialog


class NewPluginDialog(Dialog[PluginOrder | None]):
    """Asks for the name of a plugin project and the files that move into it.

    Args:
        files: the files to begin with, as they are typed.
        working_directory: what they are relative to.
    """

    DEFAULT_CSS = """
    NewPluginDialog {
        & > Vertical { width: 84; }
        Input { margin-top: 0; }
        #fields { height: auto; margin-top: 1; }
    }
    """
    BINDING_GROUP_TITLE = "New plugin"
    HELP = (
        "A plugin project (kwb new-plugin): layers that others install with pip. The layers, models, losses and so on "
        "of Python files and notebooks are copied into it with what they need, imported and checked in a process of "
        "its own; the files stay as they are. Without a file it has a layer to begin with."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "write", "Write", id="new-plugin.write", tooltip="Write the project, in a folder of its own"),
    ]  # fmt: skip

    def __init__(self, files: str, working_directory: Path) -> None:
        super().__init__()
        self._files = files
        self._working_directory = working_directory

    def compose(self) -> ComposeResult:
        fields = (
            Field(
                "name", "text", required=True, check=lambda name: wrong_name(str(name)), label="name for pip"
            ),
            Field("files", "text", default="", check=self._wrong_files, label="files to move"),
            Field("folder", "text", default="", label="folder"),
            Field("tried", "boolean", default=True, label="try out what moves"),
        )
        with Vertical():
            yield Label("A plugin project of your own layers", classes="dialog-title", markup=False)
            yield Static(
                "Files are .py and .ipynb, separated by spaces; without one there is a layer to begin with.",
                classes="dialog-text",
                markup=False,
            )
            with Vertical(id="fields"):
                for field in fields:
                    given = field.name == "files" and self._files
                    yield FieldRow(field, self._files if given else UNSET)
            yield Static("", classes="dialog-error", markup=False)
            with Vertical(classes="dialog-buttons"):
                yield Button("Write", id="write", variant="primary", compact=True)

    def on_mount(self) -> None:
        self._row("name").editor.focus()
        self._row("name").query_one(Input).placeholder = "acme-layers"
        self._row("folder").query_one(Input).placeholder = "of its name, here"

    def _row(self, name: str) -> FieldRow:
        return next(row for row in self.query(FieldRow) if row.field.name == name)

    def _value(self, name: str) -> str:
        value = self._row(name).value
        return "" if value is UNSET or value is None else str(value)

    def _wrong_files(self, text: object) -> str:
        return wrong_files(str(text), self._working_directory)

    def _show_error(self, error: str) -> None:
        self.query_one(".dialog-error", Static).update(f"{FAILED} {error}" if error else "")

    @on(Input.Submitted)
    @on(Button.Pressed)
    def _submitted(self) -> None:
        self.action_write()

    def action_write(self) -> None:
        """Return the order, unless something is wrong with it."""
        for row in self.query(FieldRow):
            if row.wrong:
                row.editor.focus()
                return
        if not (name := self._value("name")):
            self._show_error("give it a name, such as acme-layers")
            self._row("name").editor.focus()
            return
        tried = self._row("tried").value
        order = PluginOrder(
            name,
            files_in(self._value("files")),
            os.path.expanduser(self._value("folder")),
            tried is UNSET or bool(tried),
        )
        if wrong := wrong_folder(order, self._working_directory):
            self._show_error(wrong)
            self._row("folder").editor.focus()
            return
        self.dismiss(order)
