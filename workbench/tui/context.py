"""What screens, widgets and services use of the app: `kwb(self).worker` instead of an untyped `self.app`.

`AppContext` is all that they know of it, so that none of them imports the app. The service that holds the worker's
processes is `app.worker`, because `app.workers` is Textual's own manager of background work.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

from workbench import events

if TYPE_CHECKING:
    from asyncio import Event
    from collections.abc import Callable, Iterable, Mapping, Sequence, Set
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from textual.message_pump import MessagePump
    from textual.screen import Screen
    from textual.worker import Worker

    from workbench.catalog.lookup import Catalog
    from workbench.children import Start
    from workbench.errors import WorkbenchError
    from workbench.queue.store import QueueRow, TrainingQueue
    from workbench.recipe.editing import Editor
    from workbench.recipe.located_error import LocatedError
    from workbench.tui.state import AppState
    from workbench.tui.terminal.slow_link import Outflow
    from workbench.tui.terminal.type_ahead import TypeAhead

Answer = TypeVar("Answer")
Severity = Literal["information", "warning", "error"]
TimedEvent = tuple[events.Event, float]


class TrainingState(StrEnum):
    """The state of a training."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"
    DETACHED = "detached"

    @property
    def live(self) -> bool:
        """True if its child still works for this app."""
        return self in _LIVE


_LIVE = (TrainingState.STARTING, TrainingState.RUNNING, TrainingState.PAUSED, TrainingState.STOPPING)


class WorkerState(StrEnum):
    """The state of the warm child. OFF: none is needed at the moment, the next call starts one."""

    OFF = "off"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    DEAD = "dead"


@dataclass(frozen=True)
class CheckTarget:
    """What the check screen is about.

    Attributes:
        what: one entry, all entries of a plugin, or the layers and models of the open recipe.
        name: the entry's qualified name, or the plugin's name.
        kind: the entry's kind.
    """

    what: Literal["entry", "plugin", "recipe"]
    name: str = ""
    kind: str = ""


@dataclass(frozen=True)
class ProbeTarget:
    """What to look into.

    Attributes:
        name: for people.
        arguments: of the worker's command `probe`.
        layer: the path of the layer that the cursor begins at; "" for the first one.
    """

    name: str
    arguments: Mapping[str, Any]
    layer: str = ""


class TrainingProcess(Protocol):
    """The process of a training."""

    @property
    def pid(self) -> int: ...
    def kill(self) -> None: ...


class LiveTraining(Protocol):
    """A training that this app started (`workbench.tui.services.training.Training`, which documents it)."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> TrainingState: ...
    @property
    def run_folder(self) -> Path | None: ...
    @property
    def log(self) -> Path | None: ...
    @property
    def error(self) -> WorkbenchError | None: ...
    @property
    def latest(self) -> float: ...
    @property
    def no_better(self) -> str: ...
    @property
    def begun(self) -> Event: ...
    @property
    def ended(self) -> Event: ...
    @property
    def worker(self) -> TrainingProcess | None: ...
    async def control(self, command: str, **arguments: Any) -> Any: ...
    async def detach(self) -> None: ...


class TrainableRecipe(Protocol):
    """The part of the open recipe that a training needs (`workbench.recipe.editing.Editor`)."""

    @property
    def text(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def folder(self) -> Path: ...


class WorkerAnswers(Protocol):
    """A child that answers (`workbench.worker.client.Worker`, which documents it)."""

    async def call(self, command: str, **arguments: Any) -> Any: ...


class WorkerCalls(Protocol):
    """The requests to the worker (`workbench.tui.services.workers.WorkerService`, which documents it)."""

    @property
    def state(self) -> WorkerState: ...
    async def call(self, command: str, **arguments: Any) -> Any: ...
    async def call_apart(self, command: str, **arguments: Any) -> Any: ...
    def child_apart(self) -> AbstractAsyncContextManager[WorkerAnswers]: ...
    async def renew(self) -> None: ...
    def start_child(self) -> Start: ...
    @property
    def live(self) -> Sequence[LiveTraining]: ...
    def train(self, recipe: TrainableRecipe, *, show: bool = True, **arguments: Any) -> LiveTraining: ...
    def show(self, training: LiveTraining) -> None: ...
    def log_tail(self) -> str: ...


class QueueOfApp(Protocol):
    """The queue of trainings (`workbench.tui.services.queueing.QueueService`, which documents it)."""

    @property
    def rows(self) -> Sequence[QueueRow]: ...
    @property
    def claimed(self) -> Mapping[int, LiveTraining]: ...
    @property
    def waiting(self) -> int: ...
    @property
    def held(self) -> bool: ...
    @property
    def at_once(self) -> int: ...
    def train(self, recipe: TrainableRecipe, *, run: str = "") -> bool: ...
    def hold(self, held: bool) -> None: ...
    def set_at_once(self, number: int) -> None: ...
    async def begin(self, number: int) -> bool: ...
    async def change(self, change: Callable[[TrainingQueue], object]) -> bool: ...
    async def look(self) -> None: ...
    async def start(self) -> None: ...
    @property
    def goes_on(self) -> bool: ...
    def hand_over(self, after: Sequence[str]) -> str: ...
    async def settle(self) -> None: ...
    def close(self) -> None: ...
    def open(self) -> None: ...


class PluginList(Protocol):
    """The plugins as screens see them (`workbench.tui.services.plugins.Plugins`, which documents it)."""

    @property
    def status_text(self) -> str: ...
    @property
    def loading(self) -> bool: ...
    @property
    def files(self) -> tuple[Path, ...]: ...
    @property
    def blocked(self) -> tuple[str, ...]: ...
    @property
    def watched(self) -> list[Path]: ...
    def error_of(self, editor: Editor) -> LocatedError | None: ...
    async def list_installed(self) -> bool: ...
    async def load_files(self) -> bool: ...
    async def changed(self, paths: Set[Path]) -> None: ...
    def report_broken(self) -> None: ...


class WatchedFiles(Protocol):
    """Files that are looked at for changes (`workbench.tui.watching.Watching`)."""

    def note(self, paths: Iterable[Path]) -> None: ...


class AppContext(Protocol):
    """The running app.

    Attributes:
        watched: the run that the train screen shows instead of the app's own training.
        row_to_show: the key of a row added elsewhere, for the assemble screen to highlight.
        recipe_to_open: what the command line names, until it is open.
        last_words: lines for the terminal when the app has ended.
        last_key: when a key was pressed last, by `time.monotonic`.
        check_target: what the check screen is about; None until something was checked.
    """

    watched: Path | None
    row_to_show: str
    recipe_to_open: str | None
    last_words: list[str]
    last_key: float
    check_target: CheckTarget | None

    @property
    def working_directory(self) -> Path: ...
    @property
    def runs_folder(self) -> Path: ...
    @property
    def log_folder(self) -> Path: ...
    @property
    def state(self) -> AppState: ...
    @property
    def catalog(self) -> Catalog: ...
    @property
    def catalog_listed(self) -> bool: ...
    @property
    def plugins(self) -> PluginList: ...
    @property
    def editor(self) -> Editor | None: ...
    @property
    def worker(self) -> WorkerCalls: ...
    @property
    def queue(self) -> QueueOfApp: ...
    @property
    def queue_length(self) -> int: ...
    @property
    def worker_state(self) -> str: ...
    @property
    def training(self) -> LiveTraining | None: ...
    @property
    def type_ahead(self) -> TypeAhead: ...
    @property
    def outflow(self) -> Outflow: ...
    @property
    def watching(self) -> WatchedFiles: ...
    @property
    def current_mode(self) -> str: ...

    def notice(self, error: WorkbenchError | str, severity: Severity = "error") -> None: ...
    def notify(self, message: str, *, timeout: float | None = None, markup: bool = True) -> None: ...
    def remember(self, error: WorkbenchError) -> None: ...
    async def push_screen_wait(self, screen: Screen[Answer]) -> Answer: ...
    def go(self, mode: str) -> None: ...
    def share(self, message: Any) -> None: ...
    def refresh_header(self) -> None: ...
    def set_catalog(self, catalog: Catalog, *, renewed: bool = False) -> None: ...
    def set_editor(self, editor: Editor) -> None: ...
    def recipe_changed(self, revision: int) -> None: ...
    def recipe_replaced(self) -> None: ...
    def open_recipe(
        self, recipe: Path | str, *, then: str = "assemble", train: bool = False
    ) -> Worker[None]: ...
    async def save_recipe(self, *, another: bool = False) -> bool: ...
    def action_save_recipe(self, another: bool = False) -> object: ...
    def action_new_recipe(self, file: str = "") -> object: ...
    def restart_worker(self) -> object: ...
    def watch_run(self, folder: Path) -> None: ...


def kwb(node: MessagePump) -> AppContext:
    """The running app, from any widget or screen."""
    return cast("AppContext", node.app)
