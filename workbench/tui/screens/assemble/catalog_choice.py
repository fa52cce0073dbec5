"""The catalog beside the rows: what it offers, and where what is chosen from it goes."""

from __future__ import annotations

from textual.screen import Screen

from workbench.catalog import Entry, Kind
from workbench.errors import WorkbenchError
from workbench.tui.context import kwb
from workbench.tui.screens.assemble import actions
from workbench.tui.screens.assemble.examiner import Examiner
from workbench.tui.screens.assemble.row_form import RowForm
from workbench.tui.screens.assemble.rows_list import RowsList
from workbench.tui.views.marks import FAILED
from workbench.tui.widgets.catalog_panel import CatalogPanel


class CatalogChoice:
    """Offers entries in the catalog's panel and puts the chosen one into the recipe.

    Args:
        screen: the one with the rows and the panel.
        row_form: knows the entries' arguments.
        examiner: knows the data's inputs.
    """

    def __init__(self, screen: Screen[None], row_form: RowForm, examiner: Examiner) -> None:
        self._screen = screen
        self._row_form = row_form
        self._examiner = examiner
        self._intent: actions.Intent | None = None  # what is to be done with the next choice

    @property
    def _panel(self) -> CatalogPanel:
        return self._screen.query_one(CatalogPanel)

    def offer_all(self) -> None:
        """All that there is, unless something is being chosen."""
        if self._intent is None:
            self._panel.offer(kwb(self._screen).catalog)

    def give_up(self) -> None:
        """Nothing is being chosen any more."""
        self._intent = None
        self.offer_all()

    def begin(self, intent: actions.Intent) -> bool:
        """Offer what an intent can be about; False where there is nothing to choose: a file's name is no entry."""
        self._intent = intent
        if intent.kind is None:
            return False
        kinds = (Kind.LAYER, Kind.MODEL) if intent.kind is Kind.LAYER else (intent.kind,)
        self._panel.offer(kwb(self._screen).catalog, kinds, intent.extra, intent.title)
        return True

    async def place(self, entry: Entry) -> str | None:
        """Put the chosen entry into the recipe; its row's key is returned, None where it has no place."""
        app, intent = kwb(self._screen), self._intent
        editor = app.editor
        self._intent = None
        if editor is None:
            return None
        if intent is None:
            intent = actions.intent_for(entry, self._screen.query_one(RowsList).row, editor)
        if intent is None:
            app.notice(f"a {entry.kind} has no place in this recipe's rows.", "information")
            return None
        try:
            description = await self._row_form.describe(entry)
            if entry is actions.GRAPH_ENTRY:
                await self._examiner.know_data(editor)
            key = actions.place(entry, intent, editor, description, self._examiner.known)
        except WorkbenchError as error:
            app.notice(error, "warning")
            return None
        self.offer_all()
        return key

    async def document(self, entry: Entry) -> None:
        """Show the documentation of an entry, where it is known or the worker has time to say it."""
        descriptions = self._row_form.descriptions
        known = descriptions.known(entry)
        asked = entry.target and entry.kind is not Kind.DATASET
        if known is None and asked and kwb(self._screen).worker.state == "ready":
            try:
                known = await descriptions.fetch(entry)
            except WorkbenchError as error:
                known = {"documentation": f"{FAILED} {error}"}
        if known is not None:
            self._panel.show_entry(entry, str(known["documentation"]))
