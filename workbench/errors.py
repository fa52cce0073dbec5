"""WorkbenchError: what went wrong, where, and what to do about it.

Every error that a user can cause or must know of is raised as one of these. Only the outer layers (command
line, app, worker) turn it into text or a record; nothing below them prints.
"""

from __future__ import annotations

import copy
import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from workbench.escaping import escape_line
from workbench.origin import Origin, origin_of, raised_in_users_code


class ExitCode(IntEnum):
    """The exit code of the `kwb` command."""

    DONE = 0
    FAILED = 1  # training or a check failed
    USAGE = 2  # the recipe or the command line is wrong
    FILE = 3  # a file was refused, or cannot be read or written
    INTERRUPTED = 130  # stopped by Ctrl-C, with the work saved
    TERMINATED = 143  # stopped by SIGTERM, as `kwb stop` sends it, with the work saved


class WorkbenchError(Exception):
    """An error described in the user's terms.

    Args:
        what: one sentence, what is wrong.
        where: the place: a file with its line, a recipe key, a layer path. May be empty.
        hint: what to do about it. May be empty.
        origin: where in the user's code it came from. Without it, that is found from the exception that caused it.
    """

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(self, what: str, *, where: str = "", hint: str = "", origin: Origin | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint
        self._origin = origin

    @property
    def origin(self) -> Origin | None:
        """Where in the user's code it came from, if it did. The text of a plugin's own WorkbenchError is
        for itself."""
        at: BaseException | None = self
        seen: set[int] = set()  # an error can be raised `from` itself
        while isinstance(at, WorkbenchError) and id(at) not in seen:
            if at._origin is not None:
                return at._origin
            if raised_in_users_code(at):
                return None
            seen.add(id(at))
            at = at.__cause__ if at.__cause__ is not at else at.__context__
        return origin_of(at) if at is not None and not isinstance(at, WorkbenchError) else None

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f" {self.hint}" if self.hint else ""
        return escape_line(f"{place}{self.what}{hint}")

    def at(self, where: str) -> Self:
        """The same error, with a place, for a caller that knows it better."""
        moved = copy.copy(self)
        moved.where = where
        moved.__cause__ = self
        return moved

    def as_record(self) -> dict[str, Any]:
        """The error as the `failed` event carries it: what, where, hint; and where the user's code raised it,
        `exception`, `code` (see `origin.Place`) and `traceback`."""
        record: dict[str, Any] = {"what": self.what, "where": self.where, "hint": self.hint}
        origin = self.origin
        return record | origin.as_record() if origin is not None else record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The error of a record, as it comes from another process or from a run's folder."""
        what, where, hint = (str(record.get(key, "")) for key in ("what", "where", "hint"))
        return cls(what, where=where, hint=hint, origin=Origin.from_record(record))


@dataclass(frozen=True)
class RecipeWarning:
    """Something that does not stop the recipe but is probably a mistake.

    Attributes:
        what: what it is, and what to do about it.
        where: a recipe key.
    """

    what: str
    where: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class RecipeError(WorkbenchError):
    """The recipe or the command line asks for something impossible."""


class DataError(WorkbenchError):
    """The data does not fit the recipe."""


class FileError(WorkbenchError):
    """A file was refused, or cannot be read or written."""

    exit_code = ExitCode.FILE


class TrainingError(WorkbenchError):
    """Training or a check was started without error, and failed."""

    exit_code = ExitCode.FAILED


class OutOfMemoryError(WorkbenchError):
    """Something does not fit into memory, known beforehand or found while it ran."""

    exit_code = ExitCode.FAILED


def out_of_memory(error: BaseException, where: str = "") -> OutOfMemoryError | None:
    """The same in plain words, if a lack of memory is at the bottom of an error, as Python or TensorFlow says it."""
    cause: BaseException | None = error
    seen: set[int] = (
        set()
    )  # an error raised again `from` an earlier one can be in a ring of causes and contexts
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, OutOfMemoryError):
            return cause
        if isinstance(cause, MemoryError) or type(cause).__name__ == "ResourceExhaustedError":
            first = str(cause).partition("\n")[0].strip().rstrip(".")
            wanted = f" ({first})" if first.startswith("Unable to allocate") else ""
            return OutOfMemoryError(
                f"memory ran out{wanted}.",
                where=where,
                hint="A smaller batch_size or model needs less, and so does less data; `data.stream: true` does not "
                "hold a file's rows in memory.",
            )
        cause = cause.__cause__ or cause.__context__
    return None


def near(path: str | os.PathLike[str]) -> str:
    """A path as a user would type it here: relative, if it is inside the working directory."""
    here = os.path.join(os.getcwd(), "")
    return os.fspath(path).removeprefix(here) or os.fspath(path)


def without_path(text: str | Exception, path: str | os.PathLike[str]) -> str:
    """The message of the system or a library about a file, for an error that names the file itself."""
    forms = {os.fspath(path), os.path.abspath(path)}
    if isinstance(text, OSError) and text.strerror and text.filename in (None, *forms):
        return text.strerror
    names = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return re.sub(rf"(?<![\w./-])(['\"]?)(?:{names})\1(?![\w/-]|\.\w)", "the file", str(text))


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """`Did you mean 'MyDense'?` for the nearest known name, or nothing where none is near."""
    names = list(known)
    by_folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(wrong.casefold(), by_folded, n=1, cutoff=0.6)
    return f"Did you mean '{by_folded[near[0]]}'?" if near else ""
