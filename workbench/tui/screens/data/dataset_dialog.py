"""Choose other data for a recipe: a dataset or a reader by typing, and the reader's file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.screen import ModalScreen

from workbench.catalog import Entry, Kind
from workbench.catalog.readers import READER
from workbench.recipe.editing import Editor
from workbench.tui.context import kwb
from workbench.tui.widgets.catalog_panel import CatalogPanel
from workbench.tui.widgets.data_files import data_files, typed_paths
from workbench.tui.widgets.pick import PickDialog

if TYPE_CHECKING:
    from workbench.tui.context import AppContext


class DatasetDialog(ModalScreen[Entry | None]):
    """Choose a dataset or a reader by typing."""

    DEFAULT_CSS = """
    DatasetDialog {
        align: center middle;
        background: $background 60%;
        & > CatalogPanel {
            width: 70;
            max-width: 95%;
            height: 24;
            max-height: 90%;
            background: $surface;
            border: round $border;
        }
    }
    """

    def compose(self) -> ComposeResult:
        yield CatalogPanel()

    def on_mount(self) -> None:
        panel = self.query_one(CatalogPanel)
        panel.offer(kwb(self).catalog, (Kind.DATASET,), title="Choose the data")
        panel.focus_search()

    @on(CatalogPanel.Chosen)
    def _chosen(self, event: CatalogPanel.Chosen) -> None:
        self.dismiss(event.entry)

    @on(CatalogPanel.Left)
    def _left(self) -> None:
        self.dismiss(None)


@dataclass(frozen=True)
class ChosenData:
    """A data section for other data; `needs_arguments` where the dataset's own have to be filled in."""

    section: dict[str, Any]
    needs_arguments: bool


async def ask_data(app: AppContext, editor: Editor, section: Mapping[str, Any]) -> ChosenData | None:
    """Ask which data a recipe is to have; None if the user does not want any. Needs a worker's context.

    Args:
        app: the app.
        editor: the open recipe.
        section: its data section now; the split and what holds for any data is kept.
    """
    entry = await app.push_screen_wait(DatasetDialog())
    if entry is None:
        return None
    kept = {key: section[key] for key in ("split", "scale", "missing") if key in section}
    arguments = dict(entry.example)
    if READER in entry.tags:
        # Of a built-in recipe the folder is kwb's own: its user's files are in the working directory.
        folder = editor.folder if editor.path is not None else app.working_directory
        path = await ask_path(app, folder, [tag for tag in entry.tags if tag.startswith(".")])
        if path is None:
            return None
        arguments = {"path": path}
    return ChosenData(
        {"use": entry.name, **arguments, **kept}, bool(entry.example) and READER not in entry.tags
    )


async def ask_path(app: AppContext, folder: Path, suffixes: list[str]) -> str | None:
    """The file to read, as the recipe is to name it; None if the user does not want any. Needs a worker's context."""
    with app.type_ahead.kept("listing the files", cancel=False):
        known = await asyncio.to_thread(data_files, folder, suffixes)

    def wrong(text: str) -> str:
        if not text.strip():
            return "name a file"
        return "" if (folder / Path(expanduser(text.strip()))).exists() else "there is no such file"

    text = await app.push_screen_wait(
        PickDialog(
            "Which file?",
            options=known,
            text=f"from {folder}",
            check=wrong,
            source=typed_paths(folder, [*suffixes, ".gz"]),
        )
    )
    return None if text is None else text.strip()
