"""Home: choose what to work on."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench.catalog import Kind
from workbench.tui.app_access import kwb
from workbench.tui.messages import CatalogChanged
from workbench.tui.screens.base import WorkbenchScreen


class RecipesScreen(WorkbenchScreen):
    """Recipes to open: built in, in this folder, and recent runs."""

    def compose_body(self) -> Iterable[Widget]:
        yield OptionList(id="recipes")

    @on(CatalogChanged)
    def _list(self) -> None:
        recipes = kwb(self).catalog.of_kind(Kind.RECIPE)
        self.query_one(OptionList).set_options(Option(entry.name, id=entry.name) for entry in recipes)

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        kwb(self).open_recipe(event.option_id or "")
