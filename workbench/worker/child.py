"""The child process: reads commands, runs them one at a time, and passes control commands to a running training.

A thread reads standard input. A command that controls a training (pause, resume, stop, set_learning_rate, save) acts at
once; everything else waits for the main thread, which owns Keras.
"""

from __future__ import annotations

import json
import queue
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import events
from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.children import standard_input
from workbench.errors import TrainingError, WorkbenchError, out_of_memory
from workbench.origin import origin_of
from workbench.output import echo
from workbench.process import Silence, leave_at_once
from workbench.worker.event_writer import EventWriter, Importance

if TYPE_CHECKING:
    from workbench.training.control import Control

Arguments = Mapping[str, Any]

Request = Callable[["Control"], None]

Handler = Callable[["Child", Arguments], Any]


def _learning_rate(arguments: Arguments) -> Request:
    value = float(arguments["value"])
    return lambda control: control.set_learning_rate(value)


# What reaches a training while it runs: from the command's arguments to what is asked of its control.
CONTROLS: dict[str, Callable[[Arguments], Request]] = {
    "pause": lambda _: lambda control: control.pause(),
    "resume": lambda _: lambda control: control.resume(),
    "stop": lambda arguments: lambda control: control.stop(arguments.get("status", "stopped")),
    "save": lambda _: lambda control: control.save_now(),
    "set_learning_rate": _learning_rate,
}

_QUIT: dict[str, Any] = {"command": "quit"}

# When nobody is there any more to end a command that never ends (a loop in a layer), the child gives it up after so
# many seconds without an event. A command with a result in a file is worth waiting for; a step may take minutes.
PATIENCE = 5.0
LONG_PATIENCE = 600.0
_WRITES_FILES = {"train", "save_as", "save_run", "export_checkpoint", "predict"}


class Child:
    """State of one child process.

    Attributes:
        plugin_files, blocked: what its catalog is made with.
    """

    def __init__(
        self, event_writer: EventWriter, plugin_files: Sequence[Path] = (), blocked: Sequence[str] = ()
    ) -> None:
        self.event_writer = event_writer
        self._control: Control | None = None
        self._trainings = 0  # asked for and not ended
        self._early: list[Request] = []
        self._lock = threading.Lock()
        self.plugin_files = tuple(plugin_files)
        self.blocked = tuple(blocked)
        self._commands: queue.Queue[dict[str, Any]] = queue.Queue()
        self._input = standard_input()
        self._detached = False
        self._leaves = False
        self._current: Mapping[str, Any] | None = None  # the command that is being done
        self._silence = Silence()

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog; plugin files are read here, where keras is imported."""
        return Catalog(discover(self.plugin_files, blocked=self.blocked, scan=single_file.scan))

    def listen(self) -> None:
        """Read commands until the parent is gone. Runs in a thread."""
        for line in self._input:
            message: Any = None
            try:
                message = json.loads(line)
                self._sort(message)
            except Exception as error:  # the parent's error, which must not silence everything after it
                echo(f"kwb worker: not a command: {line[:200]!r} ({error!r})", err=True)
                if isinstance(message, dict):
                    self.reply_error(message, _error_record(error, str(message.get("command", ""))))
        self._parent_gone()

    def _sort(self, message: dict[str, Any]) -> None:
        command = message["command"]
        if command == "detach":
            self._detached = True
            with self._lock:
                if self._control is not None:
                    self._control.resume()  # nobody could, afterwards
            self.reply(message, {})
        elif command in CONTROLS:
            self._steer(message)
        else:
            if command == "train":
                with self._lock:
                    self._trainings += 1
            self._commands.put(message)

    def _steer(self, message: dict[str, Any]) -> None:
        request = CONTROLS[message["command"]](message)
        with self._lock:
            if self._control is not None:
                request(self._control)
            elif self._trainings:  # it is waiting for its turn, or reading its data
                self._early.append(request)
            else:
                error = TrainingError("nothing is being trained.", where=message["command"])
                self.reply_error(message, error.as_record() | {"exit_code": int(error.exit_code)})
                return
        self.reply(message, {})

    def leave_with_parent(self) -> None:
        """End at once when the parent is gone: it stands between this process and the others of its training."""
        self._leaves = True

    def waiting_commands(self) -> Iterator[dict[str, Any]]:
        """The commands that come while one is being done, until the parent is gone."""
        while (message := self._commands.get())["command"] != "quit":
            yield message

    def steer_by(self, control: Control) -> None:
        """From now on, what is asked of the training goes to its control; also what was asked before it was there."""
        with self._lock:
            self._control = control
            early, self._early = self._early, []
            for request in early:
                request(control)

    def end_training(self) -> bool:
        """End the training after its batch, saved. False if there is none."""
        with self._lock:
            if self._control is not None:
                self._control.stop()
            elif self._trainings:
                self._early.append(lambda control: control.stop())
            else:
                return False
        return True

    def _parent_gone(self) -> None:
        """Without a parent an idle child ends. A training ends after its batch, saved, unless it was detached."""
        if self._leaves:
            leave_at_once(1)
        if not self._detached:
            self.end_training()
            self._silence.end_process(self._patience)
        self._commands.put(_QUIT)

    def _patience(self) -> float:
        current = self._current
        return LONG_PATIENCE if current and current["command"] in _WRITES_FILES else PATIENCE

    def terminate(self) -> None:
        """End the current work after a SIGTERM, from `kwb stop` or a machine that shuts down."""
        if not self.end_training():
            self._commands.put(_QUIT)
        if (current := self._current) is not None:
            self._silence.end_process(self._patience, working=lambda: self._current is current)

    def serve(self, handlers: Mapping[str, Handler]) -> None:
        """Do commands until the command to quit; a handler takes the child and a command's arguments."""
        while True:
            message = self._commands.get()
            command = message["command"]
            if command == "quit":
                self.reply(message, {})
                return
            self._silence.broken()
            self._current = message
            line = self._answer(message, handlers)
            self._current = None
            if command == "train":
                with self._lock:  # before the answer: who has it may ask at once what is being trained
                    self._control = None
                    self._trainings -= 1
                    self._early.clear()
            if "id" in message:
                self.event_writer.put(line)

    def _answer(self, message: Arguments, handlers: Mapping[str, Handler]) -> str:
        """Do a command. Returns the line with its result or its error."""
        command = message["command"]
        try:
            handler = handlers.get(command)
            if handler is None:
                offered = ", ".join(sorted([*handlers, *CONTROLS, "detach", "quit"]))
                raise WorkbenchError(f"there is no command '{command}'.", hint=f"There are: {offered}.")
            return _result_line(message, handler(self, message))
        except WorkbenchError as error:
            known = out_of_memory(error, error.where) or error
            record = known.as_record() | {"exit_code": int(known.exit_code)}
        except BaseException as error:  # whatever a plugin does, the child answers
            traceback.print_exc()
            record = _error_record(error, command) | {"details": traceback.format_exc()}
        return _error_line(message, record)

    def reply(self, message: Arguments, result: Any) -> None:
        if "id" in message:
            self.event_writer.put(_result_line(message, result))

    def reply_error(self, message: Arguments, error: Arguments) -> None:
        self.event_writer.put(_error_line(message, error))

    def emit(self, event: events.Event, line: str) -> None:
        """Send an event of a training."""
        self._silence.broken()
        self.event_writer.put(line, Importance.STEP if isinstance(event, events.Step) else Importance.EVENT)


def _result_line(message: Arguments, result: Any) -> str:
    return json.dumps({"reply": message.get("id"), "result": events.plain(result)}, allow_nan=False)


def _error_line(message: Arguments, error: Arguments) -> str:
    return json.dumps({"reply": message.get("id"), "error": events.plain(error)})


def _error_record(error: BaseException, where: str) -> dict[str, Any]:
    if (shortage := out_of_memory(error, where)) is not None:
        return shortage.as_record()
    what = f"{type(error).__name__}: {error}"
    return WorkbenchError(what, where=where, origin=origin_of(error)).as_record()
