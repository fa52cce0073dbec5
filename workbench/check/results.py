"""The result of a check, also where the entry declares that the check is expected to fail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workbench.catalog import Entry
from workbench.errors import WorkbenchError
from workbench.sentence import short_message


class Status(StrEnum):
    """The outcome of a check."""

    PASSED = "passed"
    FAILED = "failed"
    XFAIL = "xfail"  # failed, as the entry's author says it does
    WARNING = "warning"  # it passed, with something to know
    SKIPPED = "skipped"  # it could not be found out
    NOT_APPLICABLE = "not_applicable"  # there is nothing to find out


# After these, what needs a check can be looked at; its author knows of an announced failure and its consequences.
GOOD = frozenset({Status.PASSED, Status.WARNING, Status.NOT_APPLICABLE, Status.XFAIL})


@dataclass(frozen=True)
class Result:
    """One check of one entry.

    Attributes:
        kind: the entry's kind: a plugin may have a loss and a metric of one name.
        entry: its qualified name.
        check: the check's id.
        detail: what was found, in the user's terms; empty where all is well.
        hint: what to do about it.
        traceback: of the exception behind a failure, for `--debug`.
        follows: True if it only follows from a failure that is reported elsewhere.
        code: where in the user's code an exception came from: the place, then the line of code.
    """

    kind: str
    entry: str
    check: str
    status: Status
    detail: str = ""
    hint: str = ""
    traceback: str = ""
    follows: bool = False
    code: Sequence[str] = ()

    @property
    def explanation(self) -> str:
        """Detail and hint in one text."""
        return f"{self.detail} {self.hint}".strip()

    def as_record(self) -> dict[str, Any]:
        """The row that `kwb check --json` prints."""
        record: dict[str, Any] = {
            "kind": self.kind,
            "entry": self.entry,
            "check": self.check,
            "status": self.status.value,
            "detail": self.explanation,
        }
        code = {"code": "\n".join(self.code)} if self.code else {}
        return record | code | ({"traceback": self.traceback} if self.traceback else {})


class CheckFailed(WorkbenchError):
    """The entry does not pass a check."""


class CheckWarning(Exception):
    """The entry passes a check, and there is something that its author should know.

    Attributes:
        hint: what to do where it is not meant so.
    """

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint


class Skipped(Exception):
    """A check cannot be made here; the text says why."""


class NotApplicable(Exception):
    """The check does not apply to the entry; the text says why."""


_LONGEST = 300  # characters of a message: TensorFlow lists every kernel that it has


def error_text(error: BaseException) -> str:
    """An exception in a sentence, and no longer than one can be read."""
    text = short_message(error)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(' ', 1)[0]} ..."


def judged(
    entry: Entry, check: str, status: Status, detail: str = "", hint: str = "", trace: str = ""
) -> Result:
    """A result, with the author's expectation taken into account.

    A failure that the author announced is an `xfail`; announced and not there, it is a failure: the announcement
    would hide the next one.
    """
    reason = entry.expected_failures.get(check)
    if reason is not None and status in (Status.FAILED, Status.WARNING):
        status, detail, hint, trace = Status.XFAIL, f"{reason} ({detail.rstrip('.')})", "", ""
    elif reason is not None and status is Status.PASSED:
        status = Status.FAILED
        detail = f"it passes, though it is announced to fail ({reason})."
        hint = f"Take '{check}' out of the entry's expected_failures."
    return Result(entry.kind.value, entry.qualified_name, check, status, detail, hint, trace)


def summary(results: Iterable[Result]) -> dict[str, int]:
    """How many results there are of each status, and of how many entries."""
    results = list(results)
    counts = {status.value: sum(result.status is status for result in results) for status in Status}
    return {"entries": len({(result.kind, result.entry) for result in results}), **counts}


def as_record(results: Iterable[Result]) -> dict[str, Any]:
    """All of it, as `kwb check --json` prints it."""
    results = list(results)
    return {"results": [result.as_record() for result in results], "summary": summary(results)}
