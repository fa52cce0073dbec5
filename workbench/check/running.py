"""Run the checks of one entry, each after those it depends on, and turn every outcome into a result."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import keras

import workbench
from workbench.catalog import Entry
from workbench.catalog.lookup import Catalog
from workbench.check import (
    behaving,
    calling,
    constructing,
    dtypes,
    masks,
    other_kinds,
    placing,
    storing,
    training,
    weights,
)
from workbench.check.contract import BY_ID, Check, checks_of
from workbench.check.finding import NoInput
from workbench.check.results import (
    GOOD,
    CheckFailed,
    CheckWarning,
    NotApplicable,
    Result,
    Skipped,
    Status,
    error_text,
    judged,
)
from workbench.check.source import method_place
from workbench.check.subject import CheckedEntry
from workbench.errors import WorkbenchError
from workbench.origin import Origin, origin_of

Ends = Callable[[CheckedEntry], str | None]

# What each check does: it returns (at most a remark) where all is well, and raises where not.
CHECKS: dict[str, Ends] = {
    **constructing.CHECKS,
    **calling.CHECKS,
    **behaving.CHECKS,
    **dtypes.CHECKS,
    **masks.CHECKS,
    **placing.CHECKS,
    **training.CHECKS,
    **weights.CHECKS,
    **storing.CHECKS,
    **other_kinds.CHECKS,
}


class EntryRun:
    """The checks of one entry.

    Args:
        entry: what is checked.
        catalog: where the things that its example names are looked up.
        known: how checks ended that another process has made already.
        on_begin: called for each check before it is made.
        subject: what is checked, where it is not the entry by its example.
    """

    def __init__(
        self,
        entry: Entry,
        catalog: Catalog,
        *,
        known: Mapping[str, Status] | None = None,
        on_begin: Callable[[Check], None] = lambda check: None,
        subject: CheckedEntry | None = None,
    ) -> None:
        self.entry = entry
        self._subject = subject or CheckedEntry(entry, catalog)
        self._ended: dict[str, Status] = dict(known or {})
        self._on_begin = on_begin

    def run(self, ids: frozenset[str]) -> Iterator[Result]:
        """Make the checks of these ids that are the kind's, but those already known."""
        for check in checks_of(self.entry.kind):
            if check.id in ids and check.id not in self._ended:
                yield self._made(check)

    def _made(self, check: Check) -> Result:
        lacking = self._lacking(check)
        if lacking:
            result = replace(
                judged(self.entry, check.id, Status.SKIPPED, f"it needs {lacking}."), follows=True
            )
        else:
            self._on_begin(check)
            result = _made(self.entry, self._subject, check)
        self._ended[check.id] = result.status
        return result

    def _lacking(self, check: Check) -> str:
        """The check that keeps another from being made, with how it ended."""
        for name in check.needs:
            if name not in self._ended:
                raise ValueError(f"'{check.id}' is asked for without '{name}', which it needs")
            if self._ended[name] not in GOOD:
                return f"'{name}', which {_ENDED[self._ended[name]]}"
        return ""


_ENDED = {
    Status.FAILED: "failed",
    Status.SKIPPED: "was skipped",
}


def _made(entry: Entry, subject: CheckedEntry, check: Check) -> Result:
    policy = keras.config.dtype_policy()
    keras.utils.set_random_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            detail = CHECKS[check.id](subject) or ""
        return judged(entry, check.id, Status.PASSED, detail)
    except CheckWarning as warning:
        result = judged(entry, check.id, Status.WARNING, str(warning), warning.hint)
        return _with_code(result, None, subject, check)
    except NotApplicable as reason:
        return judged(entry, check.id, Status.NOT_APPLICABLE, f"{reason}.")
    except Skipped as reason:
        return judged(entry, check.id, Status.SKIPPED, f"{reason}.")
    except NoInput as reason:  # `call` says more
        return judged(entry, check.id, Status.SKIPPED, f"no input was found that it accepts: {reason}")
    except KeyboardInterrupt:
        raise
    except WorkbenchError as error:
        trace = "" if isinstance(error, CheckFailed) and error.__cause__ is None else _trace(error)
        result = judged(entry, check.id, Status.FAILED, error.what, error.hint, trace)
        return _with_code(result, error.origin, subject, check)
    except BaseException as error:  # plugin code: SystemExit included
        if _is_own(error):
            words = (
                f"kwb itself failed in this check, which says nothing about the entry: {error_text(error)}"
            )
            return judged(entry, check.id, Status.SKIPPED, f"{words}. Please report it.", trace=_trace(error))
        result = judged(entry, check.id, Status.FAILED, f"{error_text(error)}.", trace=_trace(error))
        return _with_code(result, origin_of(error), subject, check)
    finally:
        keras.config.set_dtype_policy(policy)


def _with_code(result: Result, origin: Origin | None, subject: CheckedEntry, check: Check) -> Result:
    """A failure with its position in the user's code: the line that raised, else the method that it is about."""
    if result.status not in (Status.FAILED, Status.WARNING):  # an announced failure needs none
        return result
    if origin is not None:
        return replace(result, code=origin.lines)
    try:
        place = method_place(subject.target, check.method)
    except Exception:  # the target itself may be what cannot be had
        place = None
    return replace(result, code=place.lines) if place else result


def _is_own(error: BaseException) -> bool:
    """True for an exception that no code but kwb's had a part in."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    return (
        isinstance(error, Exception)
        and bool(files)
        and all(Path(file).is_relative_to(_OURS) for file in files)
    )


_OURS = Path(workbench.__file__).parent


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def missing() -> set[str]:
    """Checks of the contract that nothing makes, and the other way round; a test holds this empty."""
    return set(BY_ID) ^ set(CHECKS)
