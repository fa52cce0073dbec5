"""The receipt of a run: what went into its training, and hashes of what the weights were on the way.

`receipt.jsonl` in the run's folder. A line for each start (a run that goes on has several), with the hashes of its
rows, plugin files, recipe and versions; one for the engine; and one for each state of the weights that was looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from workbench.atomic import may_write
from workbench.errors import FileError
from workbench.storage.run_folder import RunFolder

Position = tuple[int, int]
"""How far a training is: whole epochs, and steps of the next. (1, 0) is the end of the first epoch."""


@dataclass(frozen=True)
class Receipt:
    """What a run's receipt says.

    Attributes:
        starts: what went in, of the run's start and of each time that it went on.
        engine: which one ran the steps.
        states: a hash of each weight, by the weight's path, at some positions in ascending order.
    """

    starts: tuple[Mapping[str, Any], ...]
    engine: str
    states: Mapping[Position, Mapping[str, str]]


def read_receipt(run: RunFolder) -> Receipt | None:
    """A run's receipt; None for a run without one: an older one, or one that ended before it began to train.

    Raises:
        FileError: the file cannot be read, or holds something else.
    """
    starts: list[Mapping[str, Any]] = []
    states: dict[Position, Mapping[str, str]] = {}
    engine, names, by_hand = "", [], False
    try:
        lines = run.receipt.read_bytes().splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}.", where=str(run.receipt)) from error
    for line in lines:
        match _parsed(line):
            case {"start": dict(start)}:
                starts.append(start)
            case {"engine": str(found)}:
                engine = found
            case {"weights": list(found)} if all(isinstance(name, str) for name in found):
                names = found
            case {"by_hand": _}:  # from here on nobody can train as it did
                by_hand = True
            case {"state": [int(epoch), int(step)], "hashes": list(hashes)} if not by_hand:
                states[epoch, step] = dict(zip(names, hashes, strict=False))
    if starts and states:
        return Receipt(tuple(starts), engine, dict(sorted(states.items())))
    if lines and not starts:
        raise not_a_receipt(run)
    return None


def not_a_receipt(run: RunFolder) -> FileError:
    """The error of a receipt that holds something else."""
    return FileError("is no receipt of a training.", where=str(run.receipt), hint="It was damaged or edited.")


def _parsed(line: bytes) -> Any:
    """What a line holds; None where a crash has torn it."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


class ReceiptLog:
    """A run's receipt, open for adding. Where it cannot be written there is none: a training does not fail for it.

    Args:
        report: called with each record as well.
    """

    def __init__(self, run: RunFolder, report: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        self._path = run.receipt
        self._report = report
        self._names: list[str] = []
        with suppress(OSError):
            if (before := self._path.read_bytes()) and not before.endswith(b"\n"):
                self._write("\n")

    def start(self, record: Mapping[str, Any]) -> None:
        """A training begins, or goes on."""
        self._add({"start": record})

    def engine(self, name: str) -> None:
        self._add({"engine": name})

    def state(self, position: Position, hashes: Mapping[str, str]) -> None:
        """The weights at a position."""
        if list(hashes) != self._names:
            self._names = list(hashes)
            self._add({"weights": self._names})
        self._add({"state": position, "hashes": list(hashes.values())})

    def by_hand(self, position: Position) -> None:
        """From here on the training is not what its recipe says."""
        self._add({"by_hand": position})

    def _add(self, record: Mapping[str, Any]) -> None:
        if self._report is not None:
            self._report(record)
        self._write(f"{json.dumps(record)}\n")

    def _write(self, text: str) -> None:
        may_write()
        with suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(text)
