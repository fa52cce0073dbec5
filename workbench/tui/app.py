"""The app: its modes, the open recipe, the services, and what every screen has (palette, help, notices, leaving)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from workbench.errors import WorkbenchError
from workbench.tui import messages
from workbench.tui.modes import MODES
from workbench.tui.services.plugins import Plugins
from workbench.tui.settings import Settings
from workbench.tui.shell import SHELL_BINDINGS, Shell
from workbench.tui.state import AppState
from workbench.tui.terminal import gc_tuning
from workbench.tui.terminal import text as terminal_text
from workbench.tui.terminal.crash_guard import CrashLog
from workbench.tui.terminal.textual_private import all_screens, screens_of
from workbench.tui.terminal.type_ahead import TypeAhead
from workbench.tui.themes import DEFAULT as DEFAULT_THEME
from workbench.tui.themes import set_up_themes
from workbench.tui.widgets.header import MODE_NAMES, KwbHeader

# What is not needed for the first paint is imported where it is used, all over this module.
if TYPE_CHECKING:
    from textual.timer import Timer

    from workbench.catalog.lookup import Catalog
    from workbench.recipe.editing import Editor
    from workbench.spawning import ForkServer
    from workbench.tui.context import CheckTarget, LiveTraining
    from workbench.tui.services.queueing import QueueService
    from workbench.tui.services.workers import WorkerService
    from workbench.tui.watching import Watching

KEEP_UNSAVED = 1.0  # seconds after an edit


class KwbApp(Shell, inherit_bindings=False):
    """Choose a recipe, assemble its model, look at its data, train it, look at runs and saved files.

    Args:
        settings: the user's.
        state: what was kept from the last time.
        recipe: a recipe to open: a file, or a built-in one's name.
        watch: a run folder to watch instead.
        mode: the mode to begin in; by default home, or the one that fits what is opened.
        working_directory: the current folder: recipes are listed there, relative paths begin there.
        plugin_files, blocked: as `--plugin` and `--no-plugin`.
        log_folder: where logs go.
        warm: start a child in the background; without it the first call does.
        errors: what was wrong before the app began, such as in the settings.
    """

    TITLE = "kwb"
    CSS_PATH = "app.tcss"
    BINDING_GROUP_TITLE = "Everywhere"
    MODES: ClassVar[dict[str, Callable[[], Screen[Any]]]] = MODES  # type: ignore[assignment]

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"go('{mode}')", name, id=f"app.{mode}", show=False, tooltip=f"Go to {name}")
            for number, (mode, name) in enumerate(MODE_NAMES.items(), 1)
        ),
        Binding("t,f5", "train", "Train", id="app.start-training", tooltip="Train the open recipe"),
        Binding("w,f3", "save_recipe", "Save", id="app.save", show=False,
                tooltip="Write the open recipe to its file"),
        Binding("S", "save_recipe(True)", "Save as", id="app.save-as", show=False,
                tooltip="Write the open recipe to another file, and go on with that one"),
        Binding("Q,f7", "queue", "Queue", id="app.queue", show=False,
                tooltip="Trainings that wait for their turn: order, remove, begin now"),
        *SHELL_BINDINGS,
    ]  # fmt: skip

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        state: AppState | None = None,
        recipe: str | None = None,
        watch: Path | None = None,
        mode: str | None = None,
        working_directory: Path | None = None,
        plugin_files: Sequence[Path] = (),
        blocked: Sequence[str] = (),
        log_folder: Path | None = None,
        warm: bool = True,
        errors: Sequence[WorkbenchError] = (),
        fork_server: ForkServer | None = None,
    ) -> None:
        self.DEFAULT_MODE = mode or ("train" if watch else "recipes")  # type: ignore[misc]
        super().__init__()
        gc_tuning.spare_strips()
        terminal_text.escape_all_text()
        self.settings = settings or Settings()
        self.state = state or AppState(None)
        self.working_directory = working_directory or Path.cwd()
        self.runs_folder = self.working_directory / self.settings.runs
        self.watched = watch
        self._catalog: Catalog | None = None
        self.editor: Editor | None = None
        self.log_folder = log_folder or self.working_directory / ".kwb"
        self.crash_log = CrashLog(self.log_folder / "crashes.log")
        self.plugins: Plugins = Plugins(self, (*self.settings.plugins, *plugin_files), blocked)
        self.last_key = 0.0
        self.recipe_to_open = recipe
        self.row_to_show = ""  # the key of a row added elsewhere, for the assemble screen to highlight
        self.last_words: list[str] = []
        self.check_target: CheckTarget | None = None
        self._errors = tuple(errors)
        self._warm = warm
        self._fork_server = fork_server
        self._keeping: Timer | None = None
        self.type_ahead = TypeAhead(self)
        self._first_keys = ExitStack()
        if not self.settings.animations:
            self.animation_level = "none"
        self._errors += set_up_themes(self, self.settings.theme, self.state.get("theme", DEFAULT_THEME))
        self.set_keymap(self.settings.keymap)

    @property
    def catalog(self) -> Catalog:
        """The catalog; empty until the plugins are listed (`CatalogChanged`)."""
        if self._catalog is None:
            from workbench.catalog.lookup import Catalog

            self._catalog = Catalog(())
        return self._catalog

    @property
    def catalog_listed(self) -> bool:
        """True if the plugins are listed."""
        return self._catalog is not None and bool(self._catalog.plugins)

    @cached_property
    def worker(self) -> WorkerService:
        """The children that hold Keras, and the trainings in them."""
        from workbench.tui.services.workers import WorkerService

        return WorkerService(
            self.share,
            log_folder=self.log_folder,
            working_directory=self.working_directory,
            runs_folder=self.runs_folder,
            plugin_files=self.plugins.files,
            blocked=self.plugins.blocked,
            fork_server=self._fork_server,
        )

    @cached_property
    def queue(self) -> QueueService:
        """Trainings that wait for their turn."""
        from workbench.tui.services.queueing import QueueService

        return QueueService(self, self.share)

    @property
    def queue_length(self) -> int:
        """`queue.length`, without making the service."""
        return self.queue.length if "queue" in self.__dict__ else 0

    @cached_property
    def watching(self) -> Watching:
        """Looks at the files that are shown, and does what follows when they change."""
        from workbench.tui.watching import Watching

        return Watching(self, self.share)

    @property
    def worker_state(self) -> str:
        """The state of the warm child, without making the service."""
        return self.worker.state if "worker" in self.__dict__ else "off"

    @property
    def training(self) -> LiveTraining | None:
        """The training that the train screen shows, running or ended; None if there was none."""
        return self.worker.training if "worker" in self.__dict__ else None

    # ------------------------------------------------------------------ the start

    def on_load(self) -> None:
        """Before the terminal is changed."""
        if not self.is_headless:
            from workbench.tui.hangup import watch_signals

            watch_signals(self, self.keep_unsaved, self.save_state)

    def on_mount(self) -> None:
        # The first keys are for what is shown when the recipes are listed, or the one that is wanted is open.
        self._first_keys.enter_context(self.type_ahead.kept("looking for recipes", cancel=False))
        self.call_after_refresh(self._after_first_paint)

    def on_unmount(self) -> None:
        gc_tuning.take_back()

    def _after_first_paint(self) -> None:
        """Everything that takes time, once there is something to look at."""
        for error in self._errors:
            self.notice(error, "warning")
        self._begin()
        if self._warm:
            self.worker.warm_up()
        self.watching.start()

    @work(group="catalog", exclusive=True)
    async def _begin(self) -> None:
        """List the plugins, and open the recipe that the command line names as soon as it can be found."""
        from workbench.tui.opening import begin

        await begin(self, self._first_keys)

    def set_catalog(self, catalog: Catalog, *, renewed: bool = False) -> None:
        """Make this what there is; `renewed`: the code of entries may be another now."""
        self._catalog = catalog
        self.share(messages.CatalogChanged(renewed=renewed))

    # ------------------------------------------------------------------ modes

    def go(self, mode: str) -> None:
        """Show a mode's screen."""
        if self.ending:  # what it was opened for came too late
            return
        self.switch_mode(mode)
        self.state.set("mode", mode)
        self.refresh_header()

    def action_go(self, mode: str) -> None:
        """Show a mode's screen, but not behind a dialog."""
        if self.screen.is_modal:
            return
        for screen in screens_of(self, mode)[:1]:
            getattr(screen, "focus_main", lambda: None)()  # a screen that is not of a mode has none
        self.go(mode)

    def share(self, message: messages.SharedMessage) -> None:
        """Post a message to the screen of every mode, and to the dialog that is open."""
        if not self.is_running:
            return
        screens = [screen for mode in MODES for screen in screens_of(self, mode)[:1]]
        for screen in dict.fromkeys([*screens, self.screen]):
            screen.post_message(message.copy())
        if isinstance(message, messages.TrainingChanged) and message.training.error is not None:
            self.remember(message.training.error)
        if not isinstance(message, messages.TrainingEvents):  # of those it shows nothing, and they are many
            self.refresh_header()

    def refresh_header(self) -> None:
        """Have it drawn again on every screen, also on one that is behind a dialog or not in view."""
        for screen in all_screens(self):
            for header in screen.query(KwbHeader):
                header.refresh()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key):
            self.last_key = time.monotonic()
        await self.type_ahead.take(event, super().on_event)

    # ------------------------------------------------------------------ the open recipe

    @work(group="open", exclusive=True)
    async def open_recipe(self, recipe: Path | str, *, then: str = "assemble", train: bool = False) -> None:
        """Open a recipe and go to a mode. Unsaved changes of the one before are asked about.

        Args:
            recipe: a file, or a built-in recipe's name.
            then: the mode to show.
            train: start to train it at once.
        """
        from workbench.tui.opening import ask_and_open

        if await ask_and_open(self, recipe):
            if train:
                self.action_train()
            else:
                self.go(then)

    def set_editor(self, editor: Editor) -> None:
        """Make an editor's recipe the open one."""
        if self.editor is not None:
            self.editor.on_change = None
        self.editor = editor
        editor.on_change = self.recipe_changed
        self.share(messages.RecipeOpened())

    def recipe_changed(self, revision: int) -> None:
        """The editor reports that its recipe has changed."""
        self.share(messages.RecipeChanged(revision))
        if self._keeping is None:
            self._keeping = self.set_timer(KEEP_UNSAVED, self.keep_unsaved)

    def recipe_replaced(self) -> None:
        """The user chose that the recipe says what its file says."""
        self.share(messages.RecipeReplaced())

    def keep_unsaved(self) -> None:
        """Put what was edited aside, to be found at the next start."""
        from workbench.tui.services.unsaved import Unsaved

        self._keeping = None
        if self.editor is not None:
            Unsaved(self.log_folder).keep(self.editor, self.working_directory)

    @work(group="save", exclusive=True)
    async def action_save_recipe(self, another: bool = False) -> None:
        """Write the open recipe; ask for a file if it has none, or for another one."""
        if self.editor is None:
            self.notice("no recipe is open: choose one first.", "warning")
        elif await self.save_recipe(another=another):
            path = self.editor.path
            self.notice(f"saved as {path.name if path else self.editor.name}.", "information")

    async def save_recipe(self, *, another: bool = False) -> bool:
        """Write the open recipe; ask for a file if it has none, or for another one. Needs a worker's context.

        Returns:
            False if it was not written.
        """
        from workbench.tui.actions.recipe_file import save_recipe

        return await save_recipe(self, another=another)

    @work(group="open", exclusive=True)
    async def action_new_recipe(self, file: str = "") -> None:
        """Make a recipe from data, or from a file of it."""
        from workbench.tui.opening import new_recipe

        if await new_recipe(self, file):
            self.go("assemble")

    def action_train(self) -> None:
        """Train the open recipe."""
        from workbench.tui.opening import start_training

        if start_training(self):
            self.go("train")

    @work(group="queue", exclusive=True)
    async def action_queue(self) -> None:
        """Show the trainings that wait."""
        from workbench.tui.actions.queue import show_queue

        await show_queue(self)

    def watch_run(self, folder: Path) -> None:
        """Show a run, finished or running elsewhere, on the train screen."""
        self.watched = folder
        self.go("train")

    # ------------------------------------------------------------------ the palette

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        from workbench.tui.palette import commands

        return commands(self, screen)

    @work(group="worker", exclusive=True)
    async def restart_worker(self) -> None:
        """End the child and start another, and load the plugins again."""
        await self.plugins.load_again(self.worker.restart)

    # ------------------------------------------------------------------ leaving

    async def action_quit(self) -> None:
        """Leave; ask first where something could be lost."""
        from workbench.tui.widgets.dialogs import ConfirmDialog

        if not isinstance(self.screen, ConfirmDialog):
            self._leave()

    @work(group="leave", exclusive=True)
    async def _leave(self) -> None:
        from workbench.tui.actions.leaving import may_leave
        from workbench.tui.services.unsaved import Unsaved

        if not await may_leave(self):
            return
        self.save_state()
        await self.outflow.arrived(0.5)
        Unsaved(self.log_folder).forget()  # saved, or left without on purpose
        self.queue.close()
        await self.worker.close()
        self.exit()

    def save_state(self) -> None:
        """Let every screen keep what it wants to find again, then write it."""
        for screen in all_screens(self):
            keep = getattr(screen, "keep_state", None)
            if callable(keep):
                keep()
        self.state.save()
