"""The child: reads commands, does them one at a time, and lets control commands reach a running training.

A thread reads standard input. What steers a training (pause, resume, stop, set_learning_rate, save) acts at once;
everything else waits for the main thread, which owns Keras.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import events
from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.errors import WorkbenchError
from workbench.process import import_keras
from workbench.worker.outlet import Outlet

if TYPE_CHECKING:
    from workbench.training.control import Control

Arguments = Mapping[str, Any]

_QUIT: dict[str, Any] = {"command": "quit"}


class Child:
    """State of one child process."""

    def __init__(
        self, outlet: Outlet, plugin_files: Sequence[Path] = (), blocked: Sequence[str] = ()
    ) -> None:
        self.outlet = outlet
        self.control: Control | None = None
        self._plugin_files = tuple(plugin_files)
        self._blocked = tuple(blocked)
        self._commands: queue.Queue[dict[str, Any]] = queue.Queue()
        self._detached = False
        self._steering: dict[str, Callable[[Control, Arguments], None]] = {
            "pause": lambda control, _: control.pause(),
            "resume": lambda control, _: control.resume(),
            "stop": lambda control, _: control.stop(),
            "set_learning_rate": lambda control, arguments: control.set_learning_rate(
                float(arguments["value"])
            ),
            "save": lambda control, _: control.save_now(),
        }

    @cached_property
    def catalog(self) -> Catalog:
        """What there is; the plugin files are looked into here, where keras is."""
        return Catalog(discover(self._plugin_files, blocked=self._blocked, scan=single_file.scan))

    def listen(self) -> None:
        """Read commands until the parent is gone. Runs in a thread."""
        for line in sys.stdin.buffer:
            try:
                message = json.loads(line)
                self._sort(message)
            except (ValueError, KeyError, TypeError) as fault:
                print(f"kwb worker: not a command: {line[:200]!r} ({fault})", file=sys.stderr)
        self._parent_gone()

    def _sort(self, message: dict[str, Any]) -> None:
        command = message["command"]
        if command == "detach":
            self._detached = True
            self.reply(message, {})
        elif command in self._steering:
            if self.control is None:
                fault = WorkbenchError("nothing is being trained.", where=command)
                self.outlet.put(json.dumps({"reply": message.get("id"), "error": fault.as_record()}))
                return
            self._steering[command](self.control, message)
            self.reply(message, {})
        else:
            self._commands.put(message)

    def _parent_gone(self) -> None:
        """Without a parent an idle child ends. A training ends after its batch, saved, unless it was detached."""
        if not self._detached and self.control is not None:
            self.control.stop("stopped")
        self._commands.put(_QUIT)

    def serve(self) -> None:
        """Do commands until told to quit."""
        from workbench.worker.commands import COMMANDS

        while True:
            message = self._commands.get()
            command = message["command"]
            if command == "quit":
                self.reply(message, {})
                return
            try:
                handler = COMMANDS.get(command)
                if handler is None:
                    known = ", ".join(sorted([*COMMANDS, *self._steering, "detach", "quit"]))
                    raise WorkbenchError(f"there is no command '{command}'.", hint=f"There are: {known}.")
                self.reply(message, handler(self, message))
            except WorkbenchError as fault:
                self.reply_error(message, fault.as_record() | {"exit_code": int(fault.exit_code)})
            except BaseException as fault:  # whatever a plugin does, the child answers
                traceback.print_exc()
                record = {"what": f"{type(fault).__name__}: {fault}", "where": command, "hint": ""}
                self.reply_error(message, record | {"details": traceback.format_exc()})
                if isinstance(fault, KeyboardInterrupt | MemoryError):
                    raise
            finally:
                self.control = None

    def reply(self, message: Arguments, result: Any) -> None:
        if "id" in message:
            self.outlet.put(
                json.dumps({"reply": message["id"], "result": events.plain(result)}, allow_nan=False)
            )

    def reply_error(self, message: Arguments, error: Arguments) -> None:
        self.outlet.put(json.dumps({"reply": message.get("id"), "error": events.plain(error)}))

    def emit(self, event: events.Event, line: str) -> None:
        """Send an event of a training."""
        self.outlet.put(line, may_drop=isinstance(event, events.Step))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the child."""
    parser = argparse.ArgumentParser(prog="python -m workbench.worker", description=__doc__)
    parser.add_argument("--events", type=int, required=True, help="descriptor for replies and events")
    parser.add_argument("--log", type=Path, required=True, help="file for all other output")
    parser.add_argument("--memory", type=int, help="most bytes of address space")
    parser.add_argument("--plugin", type=Path, action="append", default=[], help="a plugin file")
    parser.add_argument("--no-plugin", action="append", default=[], help="a plugin to leave out")
    options = parser.parse_args(arguments)

    log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):  # TensorFlow writes to descriptor 2 whatever sys.stderr is
        os.dup2(log, descriptor)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if options.memory:
        resource.setrlimit(resource.RLIMIT_AS, (options.memory, options.memory))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is the parent's to understand

    outlet = Outlet(options.events)
    child = Child(outlet, options.plugin, options.no_plugin)
    threading.Thread(target=child.listen, name="commands", daemon=True).start()
    import_keras()
    import keras
    import tensorflow as tf

    outlet.put(
        json.dumps({"ready": {"pid": os.getpid(), "keras": keras.__version__, "tensorflow": tf.__version__}})
    )
    try:
        child.serve()
    finally:
        outlet.close()
        # TensorFlow's own threads may hold up or crash a normal exit, after everything is done.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
