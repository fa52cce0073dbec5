"""Run checks in a child process; if it crashes, hangs or exits, go on with the other checks in a new one.

Never imports keras. A check that takes too long, or ends the process, has failed.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from workbench.catalog import Entry
from workbench.catalog.single_file import entries_from
from workbench.check.contract import CONTRACT, checks_of, with_needs
from workbench.check.results import Result, Status, judged
from workbench.children import JsonChild
from workbench.errors import TrainingError, WorkbenchError

START_LIMIT = 180.0  # seconds; importing TensorFlow on a cold disk can take half of it
CHECK_LIMIT = 60.0  # seconds; a slow check takes one or two

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
    """

    entries: Sequence[Entry]
    checks: frozenset[str] = _ALL
    plugin_files: Sequence[Path] = ()
    blocked: Sequence[str] = ()
    limit: float = CHECK_LIMIT
    recipe: Path | None = None


def run_checks(order: Order) -> Iterator[Result]:
    """The results, in order, as they come. Of checks that were not asked for but are needed, those not passed.

    Raises:
        TrainingError: the child cannot be started, or ends before it has begun a check.
        WorkbenchError: the recipe is not usable.
    """
    state = _State(order)
    while state.tasks() != []:
        before = state.count
        with _child(order, state.tasks()) as child:
            for result in _listen(child, state):
                if result.check in order.checks or result.status in (Status.FAILED, Status.SKIPPED):
                    yield result
            if state.count == before and state.tasks() != []:
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


@dataclass
class _Child:
    process: JsonChild
    log: IO[bytes]
    killed: str = ""

    def last_words(self) -> str:
        """The end of the process as text."""
        if self.killed:
            return self.killed
        code = self.process.wait()
        if code >= 0:
            how = f"it ended the process (exit code {code})"
        else:
            how = f"it crashed the process ({signal.Signals(-code).name})"
        self.log.seek(0)
        lines = [line for line in self.log.read().decode(errors="replace").splitlines() if line.strip()]
        return f"{how}: {lines[-1].strip()[:200]}" if lines and code not in (0, -9) else f"{how}."


@contextmanager
def _child(order: Order, tasks: list[dict[str, Any]] | None) -> Iterator[_Child]:
    """A child that makes these checks; it and all that it started are gone afterwards."""
    arguments = [part for path in order.plugin_files for part in ("--plugin", str(path))]
    arguments += [part for name in order.blocked for part in ("--no-plugin", name)]
    recipe = str(order.recipe.resolve()) if order.recipe else ""
    wanted = {"tasks": tasks, "checks": sorted(with_needs(order.checks)), "recipe": recipe}
    with tempfile.TemporaryFile() as log:
        process = JsonChild("workbench.check.child", arguments, log=log)
        try:
            process.send(wanted)
            yield _Child(process, log)
        finally:
            process.kill()  # also what it has started, where it has ended itself
            process.close()


def _listen(child: _Child, state: _State) -> Iterator[Result]:
    """Results until the child is done, has ended or takes too long."""
    limit = state.order.limit
    begun: dict[str, str] | None = None
    wait = START_LIMIT
    while True:
        try:
            record = child.process.receive(wait)
        except TimeoutError:
            child.killed = f"it took over {limit:g} s." if begun else f"starting took over {START_LIMIT:g} s."
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
            state.know(entries_from(record["entries"]))
        elif "begin" in record:
            begun = record["begin"]
        elif "result" in record:
            begun = None
            result = Result(**record["result"] | {"status": Status(record["result"]["status"])})
            state.take(result)
            yield result
    if begun is not None:
        entry = state.by_key[begun["kind"], begun["entry"]]
        hint = "An endless loop? --limit gives more time." if child.killed else ""
        result = judged(entry, begun["check"], Status.FAILED, child.last_words(), hint)
        state.take(result)
        yield result
