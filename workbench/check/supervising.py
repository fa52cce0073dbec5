"""Run checks in a child process; if it crashes, hangs or exits, go on with the other checks in a new one.

Never imports keras. A check that takes too long, or ends the process, has failed.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from workbench.catalog import Entry
from workbench.catalog.single_file import entries_from
from workbench.check.contract import CONTRACT, checks_of, with_needs
from workbench.check.results import Result, Status, judged
from workbench.children import JsonChild, Start, start_alone, with_path
from workbench.errors import TrainingError, WorkbenchError
from workbench.sentence import last_line

START_LIMIT = 180.0  # seconds; importing TensorFlow on a cold disk can take half of it
CHECK_LIMIT = 60.0  # seconds; a slow check takes one or two
MOST_OUTPUT = 64 << 20  # bytes that the checked code may print; more would fill the disk of the log
_LOOK_EVERY = 0.5  # seconds between two looks at how much it has printed
_TAIL = 1 << 16  # bytes of the log in which the last words are looked for

_ALL = frozenset(check.id for check in CONTRACT)

Key = tuple[str, str]


@dataclass(frozen=True)
class Order:
    """The checks to run.

    Attributes:
        entries: the entries; of a recipe they are found out.
        checks: ids of the checks that are wanted; those that they need are made with them.
        plugin_files, blocked: what the catalog that the entries are from was made with.
        limit: seconds that one check may take.
        recipe: the file of a recipe whose layers and models are checked.
        recipe_text: what that recipe says now, where it is not what its file says.
        known: outcomes that hold, by entry and check: these checks are not made again.
        path: folders in which the child looks for packages first, for what is not installed.
    """

    entries: Sequence[Entry]
    checks: frozenset[str] = _ALL
    plugin_files: Sequence[Path] = ()
    blocked: Sequence[str] = ()
    limit: float = CHECK_LIMIT
    recipe: Path | None = None
    recipe_text: str = ""
    known: Mapping[Key, Mapping[str, Status]] = field(default_factory=lambda: MappingProxyType({}))
    path: Sequence[Path] = ()


@dataclass(frozen=True)
class PartsFound:
    """The layers and models of a recipe are known."""

    entries: Sequence[Entry]


@dataclass(frozen=True)
class CheckBegun:
    """A check of an entry has begun."""

    kind: str
    entry: str
    check: str


class CheckStop:
    """Ends checks at once, from any thread; what has not ended by then has no result."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: JsonChild | None = None
        self.wanted = False

    def stop(self) -> None:
        """End the child, and start no other."""
        with self._lock:
            self.wanted = True
            if self._process is not None:
                self._process.kill()

    def holds(self, process: JsonChild | None) -> None:
        """The child of now is this one; None for no child."""
        with self._lock:
            self._process = process
            if self.wanted and process is not None:
                process.kill()


def run_checks(order: Order, start: Start = start_alone) -> Iterator[Result]:
    """The results, in order, as they come. See `follow_checks`."""
    return (report for report in follow_checks(order, start=start) if isinstance(report, Result))


def follow_checks(
    order: Order, stop: CheckStop | None = None, start: Start = start_alone
) -> Iterator[PartsFound | CheckBegun | Result]:
    """What happens, as it happens. Of checks that were not asked for but are needed, the results of those not passed.

    Args:
        start: how a child is started.

    Raises:
        TrainingError: the child cannot be started, or ends before it has begun a check.
        WorkbenchError: the recipe is not usable.
    """
    stop = stop or CheckStop()
    state = _State(order)
    while not stop.wanted and state.tasks() != []:
        before = state.count
        with _child(order, state.tasks(), stop, start) as child:
            for report in _listen(child, state, stop):
                if (
                    not isinstance(report, Result)
                    or report.check in order.checks
                    or report.status in (Status.FAILED, Status.SKIPPED)
                ):
                    yield report
            if state.count == before and state.tasks() != [] and not stop.wanted:
                raise TrainingError(
                    f"the process that makes the checks ended before the first: {child.last_words()}",
                    hint="A plugin may do something when it is imported.",
                )


@dataclass
class _State:
    """The outcomes of checks so far, by entry."""

    order: Order
    ended: dict[Key, dict[str, Status]] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        self.ended = {key: dict(known) for key, known in self.order.known.items()}
        self.by_key: dict[Key, Entry] = {}
        self._known = self.order.recipe is None
        if self._known:
            self.know(self.order.entries)
        self.ids = with_needs(self.order.checks)

    def know(self, entries: Sequence[Entry]) -> None:
        """The entries, once they are known."""
        self._known = True
        self.by_key = {(e.kind.value, e.qualified_name): e for e in entries}

    def take(self, result: Result) -> None:
        self.ended.setdefault((result.kind, result.entry), {})[result.check] = result.status
        self.count += 1

    def tasks(self) -> list[dict[str, Any]] | None:
        """The entries that are not done, with what is known of them; None for all, of a recipe not yet read."""
        if not self._known:
            return None
        rest = []
        for key, entry in self.by_key.items():
            known = self.ended.get(key, {})
            if any(check.id in self.ids and check.id not in known for check in checks_of(entry.kind)):
                rest.append({"kind": key[0], "entry": key[1], "known": known})
        return rest


class _TooMuchOutput(Exception):
    """A child prints without end."""


@dataclass
class _Child:
    process: JsonChild
    log: IO[bytes]
    killed: str = ""

    @property
    def printed(self) -> int:
        """How many bytes it has printed."""
        return os.fstat(self.log.fileno()).st_size

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next object. See `JsonChild.receive`.

        Raises:
            TimeoutError: there is none in so many seconds.
            _TooMuchOutput: it prints without end.
        """
        end = time.monotonic() + seconds
        while True:
            try:
                return self.process.receive(min(_LOOK_EVERY, max(end - time.monotonic(), 0.0)))
            except TimeoutError:
                if self.printed > MOST_OUTPUT:
                    raise _TooMuchOutput from None
                if time.monotonic() >= end:
                    raise

    def last_words(self) -> str:
        """The end of the process as text."""
        if self.killed:
            return self.killed
        code = self.process.wait()
        if code >= 0:
            how = f"it ended the process (exit code {code})"
        else:
            how = f"it crashed the process ({signal.Signals(-code).name})"
        self.log.seek(max(self.printed - _TAIL, 0))
        last = last_line(self.log.read(_TAIL).decode(errors="replace"))
        return f"{how}: {last[:200]}" if last and code not in (0, -9) else f"{how}."


@contextmanager
def _child(
    order: Order, tasks: list[dict[str, Any]] | None, stop: CheckStop, start: Start
) -> Iterator[_Child]:
    """A child that makes these checks; it and all that it started are gone afterwards."""
    arguments = [part for path in order.plugin_files for part in ("--plugin", str(path))]
    arguments += [part for name in order.blocked for part in ("--no-plugin", name)]
    recipe = str(order.recipe.resolve()) if order.recipe else ""
    wanted = {
        "tasks": tasks,
        "checks": sorted(with_needs(order.checks)),
        "recipe": recipe,
        "text": order.recipe_text,
    }
    with tempfile.TemporaryFile() as log:
        if order.path:
            start = partial(start_alone, environment=with_path(order.path))
        process = JsonChild("workbench.check.child", arguments, log=log, start=start)
        stop.holds(process)
        try:
            process.send(wanted)
            yield _Child(process, log)
        finally:
            stop.holds(None)
            process.kill()  # also what it has started, where it has ended itself
            process.close()


def _listen(child: _Child, state: _State, stop: CheckStop) -> Iterator[PartsFound | CheckBegun | Result]:
    """What the child reports until it is done, has ended, takes too long or prints too much."""
    limit = state.order.limit
    hint = ""
    begun: dict[str, str] | None = None
    wait = START_LIMIT
    while True:
        try:
            record = child.receive(wait)
        except _TooMuchOutput:
            child.killed = f"it printed over {MOST_OUTPUT >> 20} MB."
            hint = "Does it print in a loop?"
            child.process.kill()
            break
        except TimeoutError:
            child.killed = f"it took over {limit:g} s." if begun else f"starting took over {START_LIMIT:g} s."
            hint = "An endless loop? --limit gives more time."
            child.process.kill()
            break
        if record is None:
            break
        wait = limit
        if record.get("done"):
            return
        if "error" in record:
            raise WorkbenchError.from_record(record["error"])
        if "entries" in record:
            entries = entries_from(record["entries"])
            state.know(entries)
            yield PartsFound(entries)
        elif "begin" in record:
            begun = record["begin"]
            yield CheckBegun(**record["begin"])
        elif "result" in record:
            begun = None
            result = Result(**record["result"] | {"status": Status(record["result"]["status"])})
            state.take(result)
            yield result
    if begun is not None and not stop.wanted:
        entry = state.by_key[begun["kind"], begun["entry"]]
        result = judged(entry, begun["check"], Status.FAILED, child.last_words(), hint)
        state.take(result)
        yield result
