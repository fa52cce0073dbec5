"""The parent's side: start a child, send it commands, receive its events, and report how it ended.

Never imports keras. Everything is asyncio: nothing here blocks a terminal app.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench import events
from workbench.children import Process, Streams, kill_group, start_alone
from workbench.errors import DataError, ExitCode, FileError, TrainingError, WorkbenchError
from workbench.spawning import ForkServer, ForkServerEndedError

OnEvent = Callable[[events.Event, float, str], None]

MODULE = "workbench.worker.child_main"  # the code of a child
LOG_LINES = 8
MOST_BYTES = 1 << 30  # of one line; predictions of a large table come in one
_OUT_OF_MEMORY = re.compile(
    r"bad_alloc|out of memory|cannot allocate memory|resourceexhausted|memoryerror|oom when allocating|"
    r"std::length_error",
    re.I,
)
_BY_EXIT_CODE: dict[int, type[WorkbenchError]] = {
    ExitCode.USAGE: DataError,
    ExitCode.FILE: FileError,
    ExitCode.FAILED: TrainingError,
}


class WorkerDied(WorkbenchError):
    """The child ended unexpectedly. `log` holds its last lines."""

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, *, where: str = "", hint: str = "", log: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.log = log


class Worker:
    """A running child. Make one with `start`.

    Attributes:
        ready: done once the child has imported TensorFlow; its result has the versions.
        died: done when the child has ended, with the reason if nobody asked it to.
        on_event: called with each event, its moment (seconds since the epoch) and its run's name.
    """

    def __init__(self, process: Process, log: Path, on_event: OnEvent) -> None:
        self._process = process
        self.on_event = on_event
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._ended_by_us = False
        self.log = log
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[dict[str, Any]] = loop.create_future()
        self.died: asyncio.Future[WorkbenchError | None] = loop.create_future()
        self.ready.add_done_callback(_retrieved)

    @classmethod
    async def start(
        cls,
        on_event: OnEvent,
        *,
        log: Path,
        folder: Path | None = None,
        memory: int | None = None,
        plugin_files: Sequence[Path] = (),
        blocked: Sequence[str] = (),
        fork_server: ForkServer | None = None,
        gpu: str = "",
    ) -> Worker:
        """Start a child.

        Args:
            on_event: called with each event, its moment and its run's name, in the running loop.
            log: the file for what the child prints.
            folder: the child's current folder; None for ours.
            memory: most bytes of address space it may use; None for no limit.
            plugin_files: single files of layers and models.
            blocked: names of plugins to leave out.
            fork_server: forks the child, which is ready at once; None for a child that loads TensorFlow itself.
            gpu: the only GPU that it is to see, as `CUDA_VISIBLE_DEVICES` names it; "" for all.

        Raises:
            OSError: it cannot be started.
            WorkerDied: the fork server has ended, with the reason.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        arguments: list[str] = []
        if memory is not None:
            arguments += ["--memory", str(memory)]
        if gpu:
            arguments += ["--gpu", gpu]
        arguments += [part for path in plugin_files for part in ("--plugin", str(path))]
        arguments += [part for name in blocked for part in ("--no-plugin", name)]
        written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        given, commands = os.pipe()
        incoming, answers = os.pipe()
        try:
            streams = Streams(given, answers, written)
            if fork_server is None:
                process = start_alone(MODULE, arguments, streams, folder=folder)
            else:
                order = fork_server.fork(MODULE, arguments, streams, folder)
                process = await asyncio.wrap_future(order)
        except BaseException as error:
            os.close(commands)
            os.close(incoming)
            if isinstance(error, ForkServerEndedError) and fork_server is not None:
                raise explain(error.returncode, fork_server.log) from error
            raise
        finally:
            for descriptor in (given, answers, written):
                os.close(descriptor)
        worker = cls(process, log, on_event)
        reader = asyncio.StreamReader(limit=MOST_BYTES)
        loop = asyncio.get_running_loop()
        worker._incoming, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(incoming, "rb", buffering=0)
        )
        # Written through the loop: a child that has stopped reading fills a buffer here and blocks nobody.
        worker._outgoing, _ = await loop.connect_write_pipe(
            asyncio.BaseProtocol, os.fdopen(commands, "wb", buffering=0)
        )
        worker._task = asyncio.create_task(worker._receive(reader))
        return worker

    _incoming: asyncio.ReadTransport
    _outgoing: asyncio.WriteTransport
    _task: asyncio.Task[None]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self.died.done()

    async def call(self, command: str, **arguments: Any) -> Any:
        """Send a command and wait for its result.

        Raises:
            WorkbenchError: what the child answered, or `WorkerDied` if it ended first.
        """
        reply = self.send(command, **arguments)
        return await reply

    def send(self, command: str, **arguments: Any) -> asyncio.Future[Any]:
        """Send a command; the result comes later."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        reply.add_done_callback(_retrieved)
        if self.died.done():
            reply.set_exception(
                self.died.result() or WorkerDied("the training process has ended.", where=command)
            )
            return reply
        self._number += 1
        self._replies[self._number] = reply
        order = {"id": self._number, "command": command, **arguments}
        # To a child that is gone it goes nowhere, and `_receive` is about to say so.
        self._outgoing.write(f"{json.dumps(order, allow_nan=False)}\n".encode())
        return reply

    async def quit(self, grace: float = 10.0) -> None:
        """End the child: ask, then kill. A training is stopped after its batch and saved."""
        self._ended_by_us = True
        if self.alive:
            self.send("stop")
            self.send("quit")
            try:
                await asyncio.wait_for(asyncio.shield(self.died), grace)
            except TimeoutError:
                self.kill()
        await self.gone()

    async def detach(self) -> None:
        """Let the child finish its training by itself, and forget it."""
        await self.call("detach")
        self._ended_by_us = True
        self._task.cancel()
        self._incoming.close()
        self._outgoing.close()

    def kill(self) -> None:
        """End the child at once; for a load that takes too long."""
        self._ended_by_us = True
        if self.alive:
            kill_group(self._process)

    async def gone(self) -> None:
        """Wait until it has ended; nothing of it is left then."""
        await asyncio.gather(self._task, return_exceptions=True)

    async def _receive(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                try:
                    line = await reader.readline()
                    if not line:
                        break
                    self._take(line.decode())
                except (ValueError, KeyError, TypeError) as error:  # also a line that is too long
                    self._note(f"a line from the worker was not understood ({error})")
                except Exception as error:  # a consumer of an event must not stop the others
                    self._note(f"an event was not taken ({type(error).__name__}: {error})")
        finally:
            self._incoming.close()
            if not self._outgoing.is_closing():
                self._outgoing.abort()
        returncode = await asyncio.to_thread(self._process.wait)
        death = None if self._ended_by_us or returncode == 0 else explain(returncode, self.log)
        if not self.died.done():
            self.died.set_result(death)
        unanswered = death or WorkerDied("the training process has ended.")
        for future in (self.ready, *self._replies.values()):
            if not future.done():
                future.set_exception(unanswered)
        self._replies.clear()

    def _note(self, text: str) -> None:
        with suppress(OSError), self.log.open("a") as log:
            print(f"kwb: {text}", file=log)

    def _take(self, line: str) -> None:
        record = json.loads(line)
        if "event" in record:
            found = events.from_record(record)
            if found is not None:
                self.on_event(*found)
        elif "ready" in record:
            if not self.ready.done():
                self.ready.set_result(record["ready"])
        else:
            reply = self._replies.pop(record["reply"], None)
            if reply is None or reply.done():
                return
            if "error" in record:
                reply.set_exception(_error_from(record["error"]))
            else:
                reply.set_result(record["result"])

    def log_tail(self) -> str:
        """The last lines of the child's log."""
        return _tail(self.log)


def explain(returncode: int, log: Path) -> WorkerDied:
    """The error for a child that ended unexpectedly.

    Args:
        returncode: its exit code, negative for a signal.
        log: what it printed.
    """
    tail = _tail(log)
    if _OUT_OF_MEMORY.search(tail) or returncode == -signal.SIGKILL:
        sure = "" if _OUT_OF_MEMORY.search(tail) else "probably "
        what = f"the training process ran out of memory ({sure}killed for it)."
        if sure:
            what = "the training process was killed from outside, probably because memory ran out."
        hint = "A smaller batch_size or model needs less; `stream: true` reads data in parts."
    elif returncode < 0:
        name = signal.Signals(-returncode).name
        what = f"the training process crashed ({name})."
        hint = "The log's last lines may name the operation."
    else:
        what = f"the training process ended by itself with exit code {returncode}."
        hint = "The log's last lines may say why."
    return WorkerDied(what, where=str(log), hint=hint, log=tail)


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 20_000))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-LOG_LINES:])


def _error_from(record: dict[str, Any]) -> WorkbenchError:
    cls = _BY_EXIT_CODE.get(int(record.get("exit_code", ExitCode.FAILED)), TrainingError)
    error = cls.from_record(record)
    if details := record.get("details"):
        error.__notes__ = [details]
    return error


def _retrieved(future: asyncio.Future[Any]) -> None:
    """An error that nobody waits for any more is no news for the event loop's log."""
    if not future.cancelled():
        future.exception()
