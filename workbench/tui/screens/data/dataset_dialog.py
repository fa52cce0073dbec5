"""DatasetDialog: choose a dataset or a reader by typing."""

from __future__ import annotations

import asyncio
from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.screen import ModalScreen

from workbench.catalog import Entry, Kind
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
