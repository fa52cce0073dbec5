"""The app: its modes, the open recipe, the services, and what holds everywhere (palette, help, notices, leaving)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual import work
from textual.binding import Binding, BindingType
from textual.screen import Screen

from workbench.catalog.lookup import Catalog
from workbench.errors import WorkbenchError
from workbench.tui import messages
from workbench.tui.safety import Crash, CrashLog, SafeApp
from workbench.tui.services.workers import WorkerService
from workbench.tui.settings import Settings
from workbench.tui.state import State
from workbench.tui.themes import DEFAULT as DEFAULT_THEME
from workbench.tui.themes import THEMES
from workbench.tui.widgets.header import MODE_NAMES, KwbHeader

if TYPE_CHECKING:
    from workbench.recipe.editing import Editor
    from workbench.tui.services.training import Training

Severity = Literal["information", "warning", "error"]

# Each mode's screen by module and class, imported when it is first shown.
SCREENS = {
    "recipes": ("workbench.tui.screens.recipes.screen", "RecipesScreen"),
    "assemble": ("workbench.tui.screens.assemble.screen", "AssembleScreen"),
    "data": ("workbench.tui.screens.data.screen", "DataScreen"),
    "train": ("workbench.tui.screens.train.screen", "TrainScreen"),
    "runs": ("workbench.tui.screens.runs.screen", "RunsScreen"),
    "saved": ("workbench.tui.screens.saved.screen", "SavedScreen"),
}


def _screen(mode: str) -> Screen[Any]:
    module, name = SCREENS[mode]
    made: Screen[Any] = getattr(import_module(module), name)()
    return made


class KwbApp(SafeApp):
    """The terminal workbench.

    Args:
        settings: the user's.
        state: what was kept from the last time.
        recipe: a recipe to open: a file, or a built-in one's name.
        watch: a run folder to watch instead.
        mode: the mode to begin in; by default home, or the one that fits what is opened.
        workplace: the current folder: recipes are listed there, relative paths begin there.
        plugin_files, blocked: as `--plugin` and `--no-plugin`.
        log_folder: where logs go.
        warm: start a child in the background; without it the first call does.
        faults: what was wrong before the app began, such as in the settings.
    """

    TITLE = "kwb"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    MODES: ClassVar[dict[str, Callable[[], Screen[Any]]]] = {  # type: ignore[assignment]
        mode: partial(_screen, mode) for mode in SCREENS
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                str(number),
                f"go('{mode}')",
                name,
                id=f"app.{mode}",
                show=False,
                tooltip=f"Go to {name}",
            )
            for number, (mode, name) in enumerate(MODE_NAMES.items(), 1)
        ),
        Binding("t,f5", "train", "Train", id="app.train", tooltip="Train the open recipe"),
        Binding("y", "copy", "Copy", id="app.copy", show=False, tooltip="Copy what has the focus"),
        Binding("f1,question_mark", "toggle_help", "Help", id="app.help", key_display="F1",
                tooltip="Show or hide the keys and what they do here"),
        Binding("f2", "show_notices", "Notices", id="app.notices", show=False,
                tooltip="Show all notices with their details"),
        Binding("q", "leave", "Leave", id="app.leave",
                tooltip="Leave kwb; a running training can be left running"),
        Binding("ctrl+q", "leave", "Leave", id="app.leave-anywhere", show=False, priority=True, system=True,
                tooltip="Leave kwb, also from a text field"),
    ]  # fmt: skip

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        state: State | None = None,
        recipe: str | None = None,
        watch: Path | None = None,
        mode: str | None = None,
        workplace: Path | None = None,
        plugin_files: Sequence[Path] = (),
        blocked: Sequence[str] = (),
        log_folder: Path | None = None,
        warm: bool = True,
        faults: Sequence[WorkbenchError] = (),
    ) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self.state = state or State(None)
        self.workplace = workplace or Path.cwd()
        self.runs_folder = self.workplace / self.settings.runs
        self.watched = watch
        self.catalog = Catalog(())
        self.editor: Editor | None = None
        log_folder = log_folder or self.workplace / ".kwb"
        self.crash_log = CrashLog(log_folder / "crashes.log")
        self.notices: list[tuple[Severity, WorkbenchError]] = []
        self._plugin_files = (*self.settings.plugins, *plugin_files)
        self._blocked = tuple(blocked)
        self._recipe = recipe
        self._first_mode = mode or ("train" if watch else "recipes")
        self._faults = tuple(faults)
        self._warm = warm
        self.worker = WorkerService(
            self._share,
            log_folder=log_folder,
            workplace=self.workplace,
            runs_folder=self.runs_folder,
            plugin_files=self._plugin_files,
            blocked=self._blocked,
        )
        if not self.settings.animations:
            self.animation_level = "none"
        for theme in THEMES:
            self.register_theme(theme)
        wanted = self.settings.theme or self.state.get("theme", DEFAULT_THEME)
        self.theme = wanted if wanted in self.available_themes else DEFAULT_THEME
        if self.settings.theme not in ("", self.theme):
            self._faults += (
                WorkbenchError(f"there is no theme '{self.settings.theme}'.", where="settings: theme"),
            )
        self.set_keymap(self.settings.keymap)

    @property
    def training(self) -> Training | None:
        """The training started last, running or ended; None if there was none."""
        return self.worker.training

    # ------------------------------------------------------------------ the start

    def on_mount(self) -> None:
        self.go(self._first_mode)
        self.call_after_refresh(self._after_first_paint)

    def _after_first_paint(self) -> None:
        """Everything that takes time, once there is something to look at."""
        self.theme_changed_signal.subscribe(self, lambda theme: self.state.set("theme", theme.name))
        for fault in self._faults:
            self.notice(fault, "warning")
        self._read_catalog()
        if self._warm:
            self.worker.warm_up()

    @work(group="catalog", exclusive=True)
    async def _read_catalog(self) -> None:
        """List the plugins, then open the recipe that the command line names."""
        from workbench.catalog.discovery import discover

        try:
            plugins = await asyncio.to_thread(discover, self._plugin_files, blocked=self._blocked)
        except WorkbenchError as fault:
            self.notice(fault)
            return
        self.catalog = Catalog(plugins)
        self._share(messages.CatalogChanged())
        if (recipe := self._recipe) is not None:
            self._recipe = None
            self.open_recipe(recipe)

    # ------------------------------------------------------------------ modes

    def go(self, mode: str) -> None:
        """Show a mode's screen."""
        try:
            self.switch_mode(mode)
        except ModuleNotFoundError as fault:
            if fault.name is None or not SCREENS[mode][0].startswith(fault.name):
                raise
            self.notice(f"{MODE_NAMES[mode]} is not part of this version yet.", "warning")
            return
        self.state.set("mode", mode)
        self._refresh_header()

    def action_go(self, mode: str) -> None:
        if not isinstance(self.screen, _modal()):
            self.go(mode)

    def _share(self, message: messages.Shared) -> None:
        """Post a message to the screen of every mode."""
        if not self.is_running:
            return
        for mode in SCREENS:
            if stack := self._screen_stacks.get(mode):
                stack[0].post_message(message.copy())
        self._refresh_header()

    def _refresh_header(self) -> None:
        for header in self.screen.query(KwbHeader):
            header.refresh()

    # ------------------------------------------------------------------ the open recipe

    @work(group="open", exclusive=True)
    async def open_recipe(self, recipe: Path | str, *, then: str = "assemble", train: bool = False) -> None:
        """Open a recipe and go to a mode. Unsaved changes of the one before are asked about.

        Args:
            recipe: a file, or a built-in recipe's name.
            then: the mode to show.
            train: start to train it at once.
        """
        from workbench.tui.opening import open_editor

        try:
            editor = await asyncio.to_thread(open_editor, recipe, self.catalog, self.workplace)
        except WorkbenchError as fault:
            self.notice(fault)
            return
        self.set_editor(editor)
        if train:
            self.action_train()
        else:
            self.go(then)

    def set_editor(self, editor: Editor) -> None:
        """Make an editor's recipe the open one."""
        self.editor = editor
        self._share(messages.RecipeOpened())

    def recipe_changed(self, revision: int) -> None:
        """The editor tells that its recipe is another one now."""
        self._share(messages.RecipeChanged(revision))

    def action_train(self) -> None:
        """Train the open recipe."""
        if self.editor is None:
            self.notice("no recipe is open: choose one first.", "warning")
            return
        try:
            self.worker.train(self.editor)
        except WorkbenchError as fault:
            self.notice(fault, "warning")
        self.go("train")

    # ------------------------------------------------------------------ telling

    def notice(self, fault: WorkbenchError | str, severity: Severity = "error") -> None:
        """Tell something in a corner; `f2` shows it whole, with its details."""
        if isinstance(fault, str):
            fault = WorkbenchError(fault)
        self.notices.append((severity, fault))
        mark = {"information": "✓", "warning": "▲", "error": "✗"}[severity]
        text = "\n".join(part for part in (fault.what, fault.hint) if part)
        self.notify(text, title=f"{mark} {fault.where}".strip(), severity=severity, timeout=8, markup=False)

    def on_crash(self, crash: Crash) -> None:
        fault = WorkbenchError(
            f"a fault inside kwb: {crash.what}", where="kwb", hint="F2 shows the details; work goes on."
        )
        fault.__notes__ = [crash.details]
        self.notice(fault)

    # ------------------------------------------------------------------ leaving

    @work(group="leave", exclusive=True)
    async def action_leave(self) -> None:
        """Leave; ask first where something could be lost."""
        await self.worker.close()
        self.state.save()
        self.exit()


def _modal() -> type[Screen[Any]]:
    from textual.screen import ModalScreen

    return ModalScreen
