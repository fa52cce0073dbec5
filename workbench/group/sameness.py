"""Whether processes on several machines have the same data, files and packages. What differs is named; before that is
known, no step is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.errors import TrainingError
from workbench.group.world import World
from workbench.storage.receipt_changes import ReceiptChange, changes

# Another processor, or another setting of TensorFlow, changes the last bits, which are settled while training.
_MAY_DIFFER = frozenset({"machine", "setting"})
_FREE_VERSIONS = frozenset({"python"})
_MOST = 4  # differences that are named


class Sameness:
    """What goes into a training, as each process has found it; the chief's steps wait until all are compared."""

    def __init__(self, world: World, place: str) -> None:
        self._world = world
        self._place = place
        self._found: dict[int, Mapping[str, Any]] = {}
        self._waiting: list[Mapping[str, Any]] = []

    def send_steps(self, record: Mapping[str, Any]) -> None:
        """Hand the chief's steps to the others, as soon as it is known that they would run the same."""
        if self._world.compared and len(self._found) < self._world.size:
            self._waiting.append(record)
        else:
            self._world.send_steps(record)

    def take(self, rank: int, goes_in: Mapping[str, Any]) -> None:
        """What one process has found.

        Raises:
            TrainingError: it is not what the chief has.
        """
        self._found[rank] = goes_in
        for other in self._found if rank == 0 else [rank]:
            if other and 0 in self._found:
                self._compare(other)
        if len(self._found) == self._world.size:
            waiting, self._waiting = self._waiting, []
            for record in waiting:
                self._world.send_steps(record)

    def _compare(self, rank: int) -> None:
        mine, its = self._found[0], self._found[rank]
        found = [each for each in changes(mine, its) if _matters(each)]
        if not found:
            return
        words = [text for each in found[:_MOST] for text in _in_words(each, mine, its)]
        more = f", and {len(found) - _MOST} more" if len(found) > _MOST else ""
        raise TrainingError(
            f"{self._world.name(rank)} would train something else: {'; '.join(words)}{more}.",
            where=self._place,
            hint="Copy the files of the first process to it, and install the same packages.",
        )


def _matters(change: ReceiptChange) -> bool:
    if change.kind == "version":
        return change.name not in _FREE_VERSIONS
    return change.kind not in _MAY_DIFFER


def _in_words(change: ReceiptChange, mine: Mapping[str, Any], its: Mapping[str, Any]) -> Iterator[str]:
    here, there = change.before, change.now
    match change.kind:
        case "data":
            yield _of_data(change.name, mine["data"].get(change.name), its["data"].get(change.name))
        case "plugin" | "file":
            yield f"another file {change.name} (sha256 {_short(here)} here, {_short(there)} there)"
        case "version":
            yield f"{change.name} {there or 'is missing'}, not {here or 'missing'}"
        case "recipe" | "seed":
            yield f"the recipe's {change.name} is {there}, not {here}"
        case _:
            yield f"the {change.name} has other rows, or in another order"


def _of_data(which: str, here: Mapping[str, Any] | None, there: Mapping[str, Any] | None) -> str:
    if here is None or there is None:
        return f"the {which} is only in one of them"
    if here["rows"] != there["rows"]:
        return f"the {which} has {there['rows']:,} rows, not {here['rows']:,}"
    names = dict.fromkeys([*here["columns"], *there["columns"]])
    other = [name for name in names if here["columns"].get(name) != there["columns"].get(name)]
    columns = f" in {', '.join(other[:_MOST])}" if other else ""
    return f"the {which} has other values{columns}"


def _short(digest: Any) -> str:
    return str(digest)[:8] if digest else "not there"
