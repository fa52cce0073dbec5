"""The searches screen: a table of all searches and repeats, and the trials of the one under the cursor."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import DataTable, Static

from workbench.search import reporting
from workbench.search.opening import SEARCHES
from workbench.tui.actions.layer_trial import ask_layer_trial
from workbench.tui.actions.reopen import open_as_new, show_run
from workbench.tui.context import kwb
from workbench.tui.messages import SearchWanted
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.folder_listing import FolderListing
from workbench.tui.screens.searches.best_curve import BestCurve
from workbench.tui.screens.searches.comparing import compare_trials
from workbench.tui.screens.searches.coordinates import coordinates_of
from workbench.tui.screens.searches.importances import Importances
from workbench.tui.screens.searches.listing import SearchLister, SearchSummary
from workbench.tui.screens.searches.picture import TrialsPicture
from workbench.tui.screens.searches.rows import (
    ORDERS,
    TrialRow,
    about,
    about_trial,
    best_of,
    goal_text,
    kind_of,
    rows_of,
)
from workbench.tui.screens.searches.tables import SearchesTable, TrialsTable
from workbench.tui.screens.searches.trial_result import TrialResultDialog, compares_layers
from workbench.tui.screens.searches.working import (
    begin_open_recipe,
    begin_process,
    best_recipe,
    go_on,
    prune_or_release,
)
from workbench.tui.services.search_processes import SearchProcesses
from workbench.tui.views.fitting import printable

PICTURES = ("best", "importance", "lines")
LOOK_EVERY = 1.0  # seconds between looks at the journals, while the screen is seen

EMPTY = """No search yet in {folder}.

Say in a recipe what to try:

    search:
      over:
        train.optimizer.learning_rate: {{from: 1.0e-4, to: 1.0e-1, log: true}}
        train.batch_size: [16, 64]
      goal: val_loss
      trials: 20

and press n to begin with the open recipe, or in the shell:

    kwb search RECIPE

l compares two layers of the open recipe (kwb trial).

A search that is kept in a database (--storage) is listed when this machine has worked on it."""


class SearchesScreen(WorkbenchScreen):
    """All searches and repeats of the working directory."""

    CSS_PATH = "screen.tcss"
    BINDING_GROUP_TITLE = "Searches"
    HELP = (
        "Searches (kwb search) and repeats (kwb repeat) of this folder, with the trials of the one under the cursor. "
        "★ is the best trial so far. A pruned trial was behind the others, and can go on. "
        "p shows the importance of each key (Optuna's fANOVA), then the trials as lines through all keys to the goal: "
        "dotted lines are trials, whole ones the best tenth, ★ the best and ● the one under the cursor. "
        "l compares two layers of the open recipe fairly (kwb trial), r shows what that has shown."
    )
    FIRST_KEYS = ("searches.result", "searches.sort", "searches.picture", "searches.best")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "Sort", id="searches.sort", tooltip="Order of the trials: by value, by number, by state"),
        Binding("p", "picture", "Picture", id="searches.picture",
                tooltip="The best value so far, the importance of each key, or the trials as lines through the keys"),
        Binding("b", "best", "Best", id="searches.best",
                tooltip="Open the recipe with the values of the best trial, as a new one"),
        Binding("space", "mark", "Mark", id="searches.mark", key_display="space", show=False,
                tooltip="Mark the trial under the cursor: others are compared with it"),
        Binding("d", "difference", "Difference", id="searches.difference",
                tooltip="Compare the trial under the cursor with the marked one, or else with the best"),
        Binding("x", "prune", "Prune", id="searches.prune",
                tooltip="Stop the trial under the cursor, saved: it counts as pruned. Once more: let it go on"),
        Binding("n", "begin", "New", id="searches.begin",
                tooltip="Begin the search, or the repeats, of the open recipe, in a process of its own"),
        Binding("l", "layers", "Layers", id="searches.layers", show=False,
                tooltip="Compare a layer of the open recipe with another one: both are trained with the same seeds"),
        Binding("r", "result", "Result", id="searches.result",
                tooltip="Which of the two layers of this trial is better: table, chart, and words"),
        Binding("c", "go_on", "Go on", id="searches.go-on",
                tooltip="Go on with this search, also with more trials, in a process of its own"),
        Binding("o", "stop", "Stop", id="searches.stop",
                tooltip="Stop each training of this search after its batch, saved: it can go on"),
        Binding("escape", "searches", "List", id="searches.list", show=False,
                tooltip="Go from the trials to the list of searches"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._searches: dict[str, SearchSummary] = {}
        self._rows: dict[str, TrialRow] = {}
        self._order = "value"
        self._filled: tuple[SearchSummary | None, str, int | None] = (None, "", None)
        self._marked: tuple[str, int] | None = None  # a search, and the trial that others are compared with
        self._picture = "best"
        self._importances = Importances()
        self._processes = SearchProcesses()
        self._listing: FolderListing[list[SearchSummary]] | None = None

    # ------------------------------------------------------------------ made of

    def compose_body(self) -> Iterable[Widget]:
        yield SearchesTable(id="searches")
        yield Static(id="about", markup=False)
        yield BestCurve(id="curve")
        yield TrialsPicture(id="picture")
        yield TrialsTable(id="trials")
        yield Static(id="trial", markup=False)
        yield Static(id="empty", markup=False)

    def on_mount(self) -> None:
        app = kwb(self)
        order = str(app.state.get("searches.order", "value"))
        self._order = order if order in ORDERS else "value"
        picture = str(app.state.get("searches.picture", "best"))
        self._picture = picture if picture in PICTURES else "best"
        lister = SearchLister(app.working_directory / SEARCHES)
        self._listing = FolderListing(
            self, LOOK_EVERY, "listing the searches", lister.refresh, self._found, share=0.1
        )
        self.query_one(SearchesTable).focus()
        self._listing.resume()

    def on_screen_resume(self) -> None:
        if self._listing is not None:
            self._listing.resume()

    def on_screen_suspend(self) -> None:
        if self._listing is not None:
            self._listing.pause()

    def focus_main(self) -> None:
        self.query_one(SearchesTable).focus()

    # ------------------------------------------------------------------ what there is

    def _found(self, searches: list[SearchSummary]) -> None:
        for folder, error in self._processes.ended():
            if error is not None:
                kwb(self).notice(error)
            else:
                kwb(self).notice(f"the process of '{folder.name}' has ended.", "information")
            self.refresh_bindings()
        found = {search.name: search for search in searches}
        if list(found.items()) != list(self._searches.items()) or self._filled[0] is None:
            self._searches = found
            self._fill()

    def _fill(self) -> None:
        has_searches = bool(self._searches)
        for selector in ("#searches", "#about", "#trials", "#trial"):
            self.query_one(selector).display = has_searches
        empty = self.query_one("#empty", Static)
        empty.display = not has_searches
        self.query_one("#curve").set_class(not has_searches, "-unused")
        if not has_searches:
            empty.update(EMPTY.format(folder=SEARCHES))
            return
        self.query_one(SearchesTable).show(list(self._searches.values()))
        if self.focused is None:
            self.query_one(SearchesTable).focus()
        self._show_search()

    def on_resize(self) -> None:
        self._filled = (None, "", None)
        if self._searches:
            self._fill()

    @property
    def _search(self) -> SearchSummary | None:
        """The search under the cursor."""
        return (
            self._searches.get(self.query_one(SearchesTable).under_cursor or "") if self.is_mounted else None
        )

    @property
    def _row(self) -> TrialRow | None:
        """The trial under the cursor."""
        return self._rows.get(self.query_one(TrialsTable).under_cursor or "") if self.is_mounted else None

    def _show_search(self) -> None:
        """Show the trials of the search under the cursor, if they are not shown as they are."""
        search = self._search
        if search is None:
            return
        marked = self._marked[1] if self._marked is not None and self._marked[0] == search.name else None
        if (search, self._order, marked) == self._filled:
            return
        self._filled = search, self._order, marked
        rows = rows_of(search, self._order)
        self._rows = {f"{search.name}/{row.number}": row for row in rows}
        goal = search.goal.name if search.goal is not None else ""
        self.query_one(TrialsTable).show(search.name, goal, rows, kind_of(search), marked)
        self.query_one(BestCurve).show(search)
        self._draw_picture()
        self._show_words()
        self.refresh_bindings()

    def _draw_picture(self) -> None:
        """Draw the picture that was chosen in place of the best value so far."""
        search = self._search
        pictured = search is not None and search.goal is not None and self._picture != "best"
        self.set_class(pictured, "-pictured")
        if search is None or not pictured:
            return
        picture = self.query_one(TrialsPicture)
        if self._picture == "lines":
            row = self._row
            axes, lines = coordinates_of(search, row.number if row is not None else None)
            picture.show_lines(
                "trials   ━ best tenth  ★ best  ● here", axes, lines, "no trial has a value yet"
            )
            return
        found = self._importances.known(search)
        names = reporting.names_of(search.base.over) if search.base is not None else {}
        shares = {names.get(key, key): share for key, share in found.shares.items()} if found else {}
        title = f"importance of each key: {goal_text(search)}"
        if shares and found is not None:
            title += f", {found.trials} trials"
        picture.show_importance(title, shares, found.error if found is not None else "working it out …")
        if self._importances.is_due(search):
            self._work_out(search)

    @work(group="importance", exclusive=True)
    async def _work_out(self, search: SearchSummary) -> None:
        await self._importances.work_out(search)
        self._draw_picture()

    def _show_words(self) -> None:
        """About the search, and about the trial under the cursor."""
        search, row = self._search, self._row
        if search is None:
            return
        self.query_one("#about", Static).update(printable(about(search, self._order)))
        self.query_one("#trial", Static).update(printable(about_trial(row)) if row is not None else "")

    # ------------------------------------------------------------------ keys

    @on(DataTable.RowHighlighted)
    def _moved(self, event: DataTable.RowHighlighted) -> None:
        if event.data_table.id == "searches":
            self._show_search()
        else:
            self._draw_picture()
            self._show_words()
            self.refresh_bindings()

    @on(DataTable.RowSelected)
    def _open(self, event: DataTable.RowSelected) -> None:
        """From a search go to its trials; watch the run of a trial."""
        if event.data_table.id == "searches":
            if self._rows:
                self.query_one(TrialsTable).focus()
        elif (row := self._row) is not None:
            if row.run:
                show_run(kwb(self), Path(row.run))
            else:
                kwb(self).notice("this trial has no run yet.", "warning")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean nothing here are not offered."""
        if action == "sort":
            return bool(self._rows)
        if action in ("go_on", "stop"):
            search = self._search
            return search is not None and self._processes.works_on(search.folder) == (action == "stop")
        if action == "picture":
            return (search := self._search) is not None and search.goal is not None
        if action == "result":
            return compares_layers(self._search)
        if action == "best":
            return (search := self._search) is not None and best_of(search) is not None
        if action == "difference":
            return self._compared_with is not None
        if action == "prune":
            return (search := self._search) is not None and search.goal is not None and self._can_be_held
        if action == "mark":
            return self.is_mounted and self._row is not None
        if action == "searches":
            return self.is_mounted and self.focused is self.query_one(TrialsTable)
        return True

    def action_searches(self) -> None:
        self.query_one(SearchesTable).focus()

    def action_sort(self) -> None:
        names = list(ORDERS)
        self._order = names[(names.index(self._order) + 1) % len(names)]
        kwb(self).state.set("searches.order", self._order)
        self._show_search()

    @property
    def _compared_with(self) -> TrialRow | None:
        """The marked trial of this search, or else the best; None where that is the one under the cursor itself."""
        search, row = self._search, self._row
        if search is None or row is None:
            return None
        if self._marked is not None and self._marked[0] == search.name:
            found = self._rows.get(f"{search.name}/{self._marked[1]}")
        else:
            found = next((each for each in self._rows.values() if each.is_best), None)
        return found if found is not None and found.number != row.number else None

    def action_mark(self) -> None:
        if (search := self._search) is not None and (row := self._row) is not None:
            now = search.name, row.number
            self._marked = None if now == self._marked else now
            self._show_search()

    @property
    def _can_be_held(self) -> bool:
        is_there = self.is_mounted and self.focused is self.query_one(TrialsTable)
        return is_there and (row := self._row) is not None and row.can_be_held

    @work(group="prune", exclusive=True)
    async def action_prune(self) -> None:
        if (search := self._search) is not None and (row := self._row) is not None:
            await prune_or_release(kwb(self), search, row)

    @work(group="difference", exclusive=True)
    async def action_difference(self) -> None:
        search, row, other = self._search, self._row, self._compared_with
        if search is not None and row is not None and other is not None:
            await compare_trials(kwb(self), search, other, row)

    @work(group="begin", exclusive=True)
    async def action_begin(self) -> None:
        """Begin the search of the open recipe."""
        await begin_open_recipe(kwb(self), self._processes)
        self.refresh_bindings()

    @work(group="begin", exclusive=True)
    async def action_go_on(self) -> None:
        """Go on with the search under the cursor."""
        if (search := self._search) is not None:
            await go_on(kwb(self), self._processes, search)
            self.refresh_bindings()

    @work(group="begin", exclusive=True)
    async def action_layers(self) -> None:
        """Compare two layers at a place of the open recipe."""
        await ask_layer_trial(kwb(self))

    @on(SearchWanted)
    def _wanted(self, event: SearchWanted) -> None:
        begin_process(kwb(self), self._processes, event.name, event.arguments)
        self.refresh_bindings()

    def action_result(self) -> None:
        """Show what a layer trial has shown so far."""
        if (search := self._search) is not None:
            self.app.push_screen(TrialResultDialog(lambda: self._searches.get(search.name)))

    def action_stop(self) -> None:
        if (search := self._search) is not None:
            self._processes.stop(search.folder)
            kwb(self).notice(f"'{search.name}' stops after the batch, and saves.", "information")

    def action_picture(self) -> None:
        self._picture = PICTURES[(PICTURES.index(self._picture) + 1) % len(PICTURES)]
        kwb(self).state.set("searches.picture", self._picture)
        self._draw_picture()

    @work(group="best", exclusive=True)
    async def action_best(self) -> None:
        """Open the recipe of the best trial. Unsaved changes of the open one are asked about."""
        if (search := self._search) is not None and best_of(search) is not None:
            await open_as_new(kwb(self), lambda: best_recipe(search), "making the recipe of the best trial")

    def copy_text(self) -> str | None:
        """The text that `y` copies: the folder of the run, or of the search, under the cursor."""
        if self.focused is self.query_one(TrialsTable) and (row := self._row) is not None and row.run:
            return row.run
        return str(search.folder) if (search := self._search) is not None else None
