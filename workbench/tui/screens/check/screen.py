"""The check screen: entries × checks, filled as the results come, with the details of the one under the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from workbench.check.contract import with_needs
from workbench.check.supervising import Key, Order, PartsFound
from workbench.errors import WorkbenchError
from workbench.tui.actions.new_plugin import ask_new_plugin
from workbench.tui.context import CheckTarget, kwb
from workbench.tui.messages import CatalogChanged, CheckWanted
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.check.detail import detail_of, whole_text
from workbench.tui.screens.check.grid_view import CheckGridView, Place
from workbench.tui.screens.check.summary import summary_of
from workbench.tui.screens.check.targets import choices, chosen, codes_of, order_of, source_files, title_of
from workbench.tui.services.checking import Checking, Report
from workbench.tui.views.check_states import CheckStates, key_of
from workbench.tui.views.marks import FAILED
from workbench.tui.widgets.dialogs import DetailsDialog
from workbench.tui.widgets.pick import PickDialog

MOST_COLUMNS = 12  # entries up to which the checks are the rows, so that their names can be read

EMPTY = """Nothing is checked yet.

Press o to choose an entry, a plugin or the open recipe,
or k on a row of the recipe (2), F6 in its catalog,
or ctrl+p and type "check".

In the shell: kwb check ENTRY|PLUGIN|FILE.py|RECIPE.yaml"""


class CheckScreen(WorkbenchScreen):
    """What `kwb check` finds out, live."""

    CSS_PATH = "screen.tcss"
    BINDING_GROUP_TITLE = "Check"
    HELP = (
        "Entries and the checks of the contract that training and saving rely on (kwb check), made in a process of "
        "their own: what crashes or hangs there fails, and the others go on. When a file with the checked code is "
        "saved, they are made again. ✓ passed  ✗ failed  ~ failed as announced  ▲ passed with a warning  "
        "? skipped  - not applicable  ▶ running  ○ waiting."
    )
    FIRST_KEYS = ("check.stop", "check.next-failed", "check.again", "check.failed-again", "check.choose")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "choose", "Choose", id="check.choose",
                tooltip="Choose what to check: an entry, a plugin, or the open recipe"),
        Binding("r", "again", "All again", id="check.again", tooltip="Make all checks again"),
        Binding("f", "failed_again", "Failed again", id="check.failed-again",
                tooltip="Make only those again that failed, and those that were skipped for it"),
        Binding("e", "entry_again", "Entry again", id="check.entry-again",
                tooltip="Make all checks of the entry under the cursor again"),
        Binding("c", "check_again", "Check again", id="check.check-again",
                tooltip="Make the check under the cursor again, on every entry"),
        Binding("g", "go_on", "Go on", id="check.go-on", tooltip="Make the checks that were not made yet"),
        Binding("n", "failed(1)", "Next failed", id="check.next-failed",
                tooltip="Go to the next check that failed; where none did, to one that needs a look"),
        Binding("N", "failed(-1)", "Failed before", id="check.failed-before", show=False,
                tooltip="Go to the failed check before"),
        Binding("v", "turn", "Turn", id="check.turn", show=False, tooltip="Turn the grid: rows become columns"),
        Binding("p", "new_plugin", "New plugin", id="check.new-plugin", show=False,
                tooltip="Write a project that pip installs, with the layers of your files"),
        Binding("enter", "details", "Details", id="check.details", show=False,
                tooltip="Show all that is known of the check under the cursor, with its traceback"),
        Binding("escape", "stop", "Stop", id="check.stop", tooltip="Stop the checks now"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._target: CheckTarget | None = None
        self._states = CheckStates()
        self._before = CheckStates()  # how it was before the checks of now
        self._checking: Checking | None = None
        self._error: WorkbenchError | None = None
        self._turned: bool | None = None  # as the user chose; None: as it fits
        self._sources: tuple[Path, ...] = ()
        self._stopped = False
        self._codes: dict[Key, str] = {}  # what the entries' code said when they were checked last

    # ------------------------------------------------------------------ made of

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="about", markup=False)
        yield Static(id="check-error", markup=False)
        with Container(id="checks"):
            yield CheckGridView(id="grid")
            with VerticalScroll(id="detail"):
                yield Static(markup=False)
        yield Static(EMPTY, id="empty", markup=False)

    @property
    def _grid(self) -> CheckGridView:
        return self.query_one(CheckGridView)

    @property
    def live(self) -> bool:
        """True while checks are being made."""
        return self._checking is not None

    @property
    def states(self) -> CheckStates:
        """All that is known."""
        return self._states

    def on_mount(self) -> None:
        self._show()
        self._wanted()

    def on_unmount(self) -> None:
        self._end_child()

    def on_screen_suspend(self) -> None:
        """Stop when another screen is shown; a dialog above this one is no other screen."""
        if kwb(self).current_mode != "check":
            self.action_stop()

    def focus_main(self) -> None:
        self._grid.focus()

    # ------------------------------------------------------------------ what to check

    @on(CheckWanted)
    def _wanted(self) -> None:
        """Check what was asked for elsewhere."""
        target = kwb(self).check_target
        if target is not None and target is not self._target:
            if target != self._target:
                self._states, self._turned, self._sources = CheckStates(), None, ()
            self._target = target
            self.action_again()

    @on(CatalogChanged)
    def _catalog_changed(self, event: CatalogChanged) -> None:
        """The code may be another now, or what was missing may be there."""
        if self._target is None:
            return
        entries = self._states.entries.values()
        own = self._target.what == "recipe" or any(entry.from_file for entry in entries) or not entries
        if self._error is not None or (event.renewed and own):
            self.action_again()

    def files_shown(self) -> Iterable[Path]:
        """The code of installed plugins; a plugin file is watched anyway, and then the catalog changes."""
        return self._sources

    def files_changed(self, paths: Set[Path]) -> None:
        self.action_again()

    @work(group="choose", exclusive=True)
    async def action_choose(self) -> None:
        """Ask what to check."""
        app = kwb(self)
        options = choices(app)
        answer = await app.push_screen_wait(
            PickDialog(
                "What to check",
                options=options,
                placeholder="an entry, a plugin ...",
                check=lambda text: (
                    ""
                    if any(text.casefold() in option.text.casefold() for option in options)
                    else "nothing of that name: choose from the list"
                ),
            )
        )
        if answer and (target := chosen(answer, app)) is not None:
            app.check_target = target
            app.refresh_header()
            self._wanted()

    # ------------------------------------------------------------------ making checks

    def action_again(self) -> None:
        """Make all checks of the target, with its code as it is now."""
        if self._target is None:
            return
        app = kwb(self)
        self._end_child()
        try:
            order = order_of(self._target, app)
        except WorkbenchError as error:
            loading = app.plugins.loading or not app.catalog_listed  # `CatalogChanged` comes after it
            self._error = WorkbenchError("the plugins are still being loaded.") if loading else error
            self._show()
            return
        self._before = self._states.completed_by(self._before)
        fresh = CheckStates(order.entries)
        if order.recipe is None or not self._states.entries:
            self._states = fresh
        else:  # of a recipe they are found out: until then those of before stand there
            self._states.forget(self._states.in_state(*self._states.counts))
        # What is being mended is made first: the code that was edited, then what failed.
        codes, before = codes_of(order.entries), self._codes
        edited = {key for key, code in codes.items() if before.get(key, code) != code}
        failed = {key for key, _ in self._before.in_state("failed")}
        entries = sorted(
            order.entries, key=lambda each: (key_of(each) not in edited, key_of(each) not in failed)
        )
        self._codes = codes
        self._run(replace(order, entries=entries))
        self._find_sources()

    def _run(self, order: Order) -> None:
        self._error, self._stopped = None, False
        self._checking = Checking(order, self._reported, self._ended, kwb(self).worker.start_child())
        self._show()

    def _make_again(self, places: Sequence[Place]) -> None:
        """Make some checks again; what is known of the others holds."""
        if self._target is None or not places:
            return
        if self._target.what == "recipe":  # its parts are found out with all of it
            self.action_again()
            return
        self._end_child()
        try:
            order = order_of(self._target, kwb(self))
        except WorkbenchError as error:
            self._error = error
            self._show()
            return
        self._before = self._states.completed_by(self._before)
        self._states.forget(places)
        wanted = {key for key, _ in self._states.in_state("waiting")} & {key for key, _ in places}
        entries = [entry for key, entry in self._states.entries.items() if key in wanted]
        checks = with_needs({check for _, check in places})
        self._run(replace(order, entries=entries, checks=checks, known=self._states.known()))

    def _reported(self, reports: Sequence[Report]) -> None:
        for report in reports:
            if isinstance(report, PartsFound):
                self._states = CheckStates(report.entries)
            else:
                self._states.take(report)
        self._show()

    def _ended(self, error: WorkbenchError | None) -> None:
        self._checking = None
        self._states.end()
        self._error = error
        if error is not None:
            kwb(self).remember(error)
        self._show()

    def _end_child(self) -> None:
        if self._checking is not None:
            self._checking.stop()
            self._checking = None
            self._states.end()

    @work(group="sources", exclusive=True)
    async def _find_sources(self) -> None:
        """Find the files that are watched besides plugin files."""
        entries = [entry for entry in self._states.entries.values() if not entry.from_file]
        found = await asyncio.to_thread(lambda: tuple(source_files(entries)))
        watched = {path.resolve() for path in kwb(self).plugins.watched}
        self._sources = tuple(path for path in found if path.resolve() not in watched)

    # ------------------------------------------------------------------ showing

    def _show(self) -> None:
        """Show all as it is now."""
        if not self.query(CheckGridView):  # not composed yet, or gone
            return
        known = self._target is not None
        has_grid = bool(self._states.entries)
        self.query_one("#empty").display = not known
        self.query_one("#about").display = known
        self.query_one("#checks").display = known and has_grid
        turned = len(self._states.entries) <= MOST_COLUMNS if self._turned is None else self._turned
        self.set_class(turned, "-turned")
        if self._target is not None:
            words = summary_of(
                title_of(self._target), self._states, self._before, live=self.live, stopped=self._stopped
            )
            self.query_one("#about", Static).update(words)
        self._show_error(self._error)
        self._grid.show(self._states, turned=turned, live=self.live)
        self._show_detail()
        if has_grid and self.focused is None:
            self._grid.focus()
        self.refresh_bindings()

    def _show_error(self, error: WorkbenchError | None) -> None:
        """Why nothing could be checked: the plugin's error with its line, or the recipe's."""
        view = self.query_one("#check-error", Static)
        view.display = error is not None
        if error is None:
            return
        code = error.origin.lines if error.origin is not None and error.origin.place else ()
        where = f"{error.where}: " if error.where else ""
        after = ("The checks below are of the code before.",) if self._states.entries else ()
        view.update("\n".join([f"{FAILED} {where}{error.what}", *code, *filter(None, [error.hint]), *after]))

    @on(CheckGridView.Moved)
    def _show_detail(self) -> None:
        place = self._grid.place
        if place is not None:
            text = detail_of(self._states, *place, live=self.live)
            self.query_one("#detail Static", Static).update(text)

    # ------------------------------------------------------------------ keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean nothing now are not offered."""
        if action == "stop":
            return self.live
        if action in ("entry_again", "check_again", "turn", "details"):
            return bool(self._states.entries)
        if action in ("failed_again", "failed"):
            return bool(self._to_look_at())
        if action == "again":
            return self._target is not None
        if action == "go_on":
            return not self.live and bool(self._states.counts["waiting"]) and self._error is None
        return True

    def _to_look_at(self) -> list[Place]:
        return self._states.in_state("failed") or [
            place
            for place in self._states.in_state("warning", "skipped")
            if (result := self._states.result(*place)) is not None and not result.follows
        ]

    def action_failed_again(self) -> None:
        self._make_again(self._states.in_state("failed", "skipped"))

    def action_go_on(self) -> None:
        self._make_again(self._states.in_state("waiting"))

    def action_entry_again(self) -> None:
        if (place := self._grid.place) is not None:
            every = self._states.in_state(*self._states.counts)
            self._make_again([each for each in every if each[0] == place[0]])

    def action_check_again(self) -> None:
        if (place := self._grid.place) is not None:
            every = self._states.in_state(*self._states.counts)
            self._make_again([each for each in every if each[1] == place[1]])

    def action_failed(self, by: int) -> None:
        if (place := self._grid.next_of(self._to_look_at(), by)) is not None:
            self._grid.go_to(place)

    def action_turn(self) -> None:
        self._turned = not self.has_class("-turned")
        self._show()

    @work(group="new-plugin", exclusive=True)
    async def action_new_plugin(self) -> None:
        await ask_new_plugin(kwb(self))

    def action_details(self) -> None:
        if (place := self._grid.place) is not None:
            text = whole_text(self._states, *place, live=self.live)
            self.app.push_screen(DetailsDialog(place[0][1], text))

    def action_stop(self) -> None:
        """End the child; what it has found stays."""
        if self.live:
            self._end_child()
            self._stopped = True
            self._show()
