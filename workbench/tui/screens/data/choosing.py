"""Choose a dataset or a reader."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.screen import ModalScreen

from workbench.catalog import Entry, Kind
from workbench.tui.app_access import kwb
from workbench.tui.screens.assemble.catalog_panel import CatalogPanel


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
