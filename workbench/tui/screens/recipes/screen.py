"""Home: choose what to work on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Set
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from workbench.errors import WorkbenchError
from workbench.tui.context import kwb
from workbench.tui.messages import CatalogChanged, TrainingChanged
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.recipes.items import Item, builtin_items, data_items, file_items, run_items
from workbench.tui.views.fitting import printable
from workbench.tui.views.marks import FAILED
from workbench.tui.widgets.filter_line import FilterLine

_CHOSEN = "recipes.chosen"  # in the state: by folder, the item that was chosen last
MOST_FOLDERS = 100


class ItemList(OptionList):
    """Recipes from plugins, recipes in this folder, and recent runs. Enter opens; `t` trains at once."""

    BINDING_GROUP_TITLE = "Recipes and runs"
    HELP = "Recipes that plugins bring, recipes in this folder, and the latest runs."

    def copy_text(self) -> str | None:
        """The text that `y` copies: the name, not the row as it is cut off."""
        chosen = self.highlighted_option
        return (
            self.screen.name_of(chosen.id or "")
            if chosen and isinstance(self.screen, RecipesScreen)
            else None
        )


class RecipesScreen(WorkbenchScreen):
    """Home: choose a recipe or a run to work on, or make a new recipe from data."""

    BINDING_GROUP_TITLE = "Home"
    HELP = "Choose a recipe to open, or make one from data."
    CSS_PATH = "screen.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t,f5", "train", "Train", id="recipes.train",
                tooltip="Open the chosen recipe and train it at once"),
        Binding("n", "new", "New", id="recipes.new",
                tooltip="A new recipe from data: a model that fits it is suggested"),
        Binding("d", "duplicate", "Duplicate", id="recipes.duplicate",
                tooltip="Copy the chosen recipe to a file of your own"),
        Binding("slash", "search", "Search", id="recipes.search", key_display="/",
                tooltip="Show only what contains a text"),
        Binding("escape", "clear_search", "Show all", id="recipes.show-all", show=False,
                tooltip="Leave the search"),
        Binding("r", "refresh_list", "Refresh", id="recipes.refresh", show=False,
                tooltip="Look again for recipes and runs"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._files: list[Item] = []
        self._runs: list[Item] = []
        self._data: list[Item] = []
        self._items: dict[str, Item] = {}
        self._wanted = ""
        self._stand_in = ""  # the item under the cursor where what is wanted is not there, or not yet
        self._is_new_here = False  # nothing was ever chosen
        self._listed = False

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal():
            with Vertical(id="chooser"):
                yield FilterLine("#items", placeholder="search")
                yield ItemList(id="items", compact=True)
            with VerticalScroll(id="preview", can_focus=True):
                yield Static(id="preview-title", markup=False)
                yield Static(id="preview-text", markup=False)

    def on_mount(self) -> None:
        chosen: dict[str, str] = kwb(self).state.get(_CHOSEN, {})
        self._wanted = str(chosen.get(str(kwb(self).working_directory), ""))
        self._is_new_here = not self._wanted
        self.query_one(ItemList).focus()

    # ------------------------------------------------------------------ the list

    @on(events.ScreenResume)
    @on(TrainingChanged)
    def action_refresh_list(self) -> None:
        """Look again for recipes and runs."""
        self._read_files()

    def files_shown(self) -> Iterable[Path]:
        """The folder that is listed, and the recipe that is previewed."""
        yield kwb(self).working_directory
        if (item := self._chosen) is not None and isinstance(item.recipe, Path):
            yield item.recipe

    def files_changed(self, paths: Set[Path]) -> None:
        self._read_files()
        if (item := self._chosen) is not None and item.recipe in paths:
            self._preview(item)

    @on(CatalogChanged)
    def _catalog_changed(self) -> None:
        self._list_items()
        self._read_files()

    @work(group="files", exclusive=True)
    async def _read_files(self) -> None:
        app = kwb(self)
        if not app.catalog_listed:  # it comes soon after the first paint, which nothing here may delay
            return
        from workbench.catalog import Kind
        from workbench.catalog.folders import file_suffixes, folder_suffixes
        from workbench.tui.services import files

        datasets = list(app.catalog.of_kind(Kind.DATASET))
        suffixes, together = file_suffixes(datasets), tuple(folder_suffixes(datasets))
        recipes = await asyncio.to_thread(files.list_recipes, app.working_directory)
        data = await asyncio.to_thread(files.list_data, app.working_directory, suffixes)
        data += await asyncio.to_thread(files.list_folders, app.working_directory, together)
        runs = await asyncio.to_thread(files.recent_runs, app.runs_folder)
        self._files, self._runs = file_items(recipes, app.working_directory), run_items(runs)
        self._data = data_items(data, app.working_directory)
        self._list_items()

    def _list_items(self) -> None:
        """Fill the list again; what was chosen stays chosen."""
        listing = self.query_one(ItemList)
        builtin = builtin_items([entry for entry in kwb(self).catalog.entries if entry.kind == "recipe"])
        text = self.query_one(FilterLine).value.casefold().split()
        # Who has data and no recipe yet is here to make one.
        first, last = ([], self._data) if self._files else (self._data, [])
        found = [
            item
            for item in [*first, *builtin, *self._files, *self._runs, *last]
            if all(word in item.searched for word in text)
        ]
        chosen = self._chosen.id if self._chosen and self._listed else self._wanted
        chosen = self._wanted if chosen == self._stand_in else chosen
        items = {item.id: item for item in found}
        own = self._files or self._data
        if own and self._is_new_here:  # which were not known yet when the list was filled first
            self._is_new_here = False
            chosen = own[0].id if chosen in ("", *(item.id for item in builtin[:1])) else chosen
        if self._listed and items == self._items:
            return
        self._listed = bool(builtin)
        self._items = items
        options: list[Option] = []
        group = ""
        for item in found:
            if item.group != group:
                group = item.group
                options.append(Option(Content.styled(group, "bold $primary"), disabled=True))
            options.append(Option(item.prompt, id=item.id))
        listing.set_options(options)
        if chosen in self._items:
            listing.highlighted = listing.get_option_index(chosen)
        elif self._items:
            self._stand_in = found[0].id
            listing.highlighted = 1
        else:
            self._show_nothing(bool(text))

    @property
    def _chosen(self) -> Item | None:
        listing = self.query_one(ItemList)
        if listing.highlighted is None:
            return None
        return self._items.get(listing.get_option_at_index(listing.highlighted).id or "")

    # ------------------------------------------------------------------ what is chosen

    @on(OptionList.OptionHighlighted, "#items")
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if (item := self._chosen) is not None:
            if item.id != self._stand_in:
                self._stand_in = ""
                self._remember(item)
            self._preview(item)

    def _remember(self, item: Item) -> None:
        """Keep what was chosen last in this folder; of the folders, those that were used last."""
        self._wanted = item.id
        folder, state = str(kwb(self).working_directory), kwb(self).state
        before: dict[str, str] = state.get(_CHOSEN, {})
        others = [(place, chosen) for place, chosen in before.items() if place != folder]
        state.set(_CHOSEN, {**dict(others[1 - MOST_FOLDERS :]), folder: item.id})

    @on(OptionList.OptionSelected, "#items")
    def _selected(self, event: OptionList.OptionSelected) -> None:
        if (item := self._items.get(event.option_id or "")) is None:
            return
        self._remember(item)
        if item.run is not None:
            kwb(self).watch_run(item.run)
        elif item.recipe is not None:
            kwb(self).open_recipe(item.recipe)
        else:
            kwb(self).action_new_recipe(item.data)

    @work(group="preview", exclusive=True)
    async def _preview(self, item: Item) -> None:
        try:
            shown = await asyncio.to_thread(self._shown_text, item)
        except (WorkbenchError, OSError, UnicodeDecodeError) as error:
            shown = Content.styled(f"{FAILED} {error}", "$text-error")
        title = Content.assemble((printable(item.name), "bold"), "\n", (printable(item.about), "dim"))
        self.query_one("#preview-title", Static).update(title)
        self.query_one("#preview-text", Static).update(shown)
        self.query_one("#preview").scroll_home(animate=False)

    def _shown_text(self, item: Item) -> Content:
        from workbench.tui.screens.recipes.recipe_text import highlighted

        if item.data:
            return Content(
                "Enter looks into it and suggests a recipe: what to learn, what each column is good for, a model "
                f"that fits.\n\nkwb data {item.data} says the same in the shell."
            )
        return highlighted(self._text_of(item))

    def _text_of(self, item: Item) -> str:
        from workbench.catalog import Kind
        from workbench.catalog.lookup import recipe_file

        path = item.recipe if item.run is None else item.run / "recipe.yaml"
        if isinstance(path, str):
            path = recipe_file(kwb(self).catalog.find(Kind.RECIPE, path))
        return Path(path or "").read_text(encoding="utf-8")

    def _show_nothing(self, searched: bool) -> None:
        self.workers.cancel_group(self, "preview")  # it is of a row that is not there any more
        text = "Nothing contains that text." if searched else "Looking for recipes …"
        self.query_one("#preview-title", Static).update(text)
        self.query_one("#preview-text", Static).update("")

    def name_of(self, item: str) -> str | None:
        """The name of a row, by its id."""
        return self._items[item].name if item in self._items else None

    def copy_text(self) -> str | None:
        """The text that `y` copies beside the list: the recipe's text."""
        return str(self.query_one("#preview-text", Static).visual)

    # ------------------------------------------------------------------ actions

    def action_train(self) -> None:
        """Open the chosen recipe and train it at once."""
        item = self._chosen
        if item is None or item.recipe is None:
            what = "make a recipe of it first: Enter." if item and item.data else "choose a recipe to train."
            kwb(self).notice(what, "warning")
        else:
            kwb(self).open_recipe(item.recipe, train=True)

    def action_new(self) -> None:
        """Make a recipe from data."""
        kwb(self).action_new_recipe()

    @work(group="duplicate", exclusive=True)
    async def action_duplicate(self) -> None:
        """Copy the chosen recipe to a new file and open that."""
        from workbench.tui.actions.ask_file import ask_for_recipe_file
        from workbench.tui.screens.recipes.items import duplicate

        app, item = kwb(self), self._chosen
        if item is None or item.data:
            return
        path = await ask_for_recipe_file(app, f"{Path(item.name).stem}-copy")
        if path is None:
            return
        try:
            with app.type_ahead.kept(f"copying {item.name}"):
                await asyncio.to_thread(duplicate, self._text_of(item), path)
        except (WorkbenchError, OSError) as error:
            app.notice(error if isinstance(error, WorkbenchError) else str(error))
            return
        app.open_recipe(path)

    # ------------------------------------------------------------------ search

    def action_search(self) -> None:
        """Show only what contains a text."""
        self.query_one(FilterLine).ask()

    def action_clear_search(self) -> None:
        """Show everything again."""
        self.query_one(FilterLine).dismiss()

    @on(FilterLine.Changed)
    def _searched(self) -> None:
        self._list_items()
