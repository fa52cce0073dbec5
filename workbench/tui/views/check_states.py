"""The checks of entries as far as they are known: a state for each entry and check. Plain Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from workbench.catalog import Entry
from workbench.check.contract import CONTRACT, Check, checks_of
from workbench.check.results import Result, Status
from workbench.check.supervising import CheckBegun, Key

WAITING, RUNNING = "waiting", "running"
"""What a check is before it has a `Status`."""

STATE_WORDS = {
    "failed": "failed",
    "xfail": "failed, as announced",
    "warning": "passed, with a warning",
    "skipped": "skipped",
    "running": "running",
    "waiting": "waiting",
    "passed": "passed",
    "not_applicable": "not applicable",
}
"""How each state is said, those first that need a look most."""

_WORST = tuple(STATE_WORDS)


def key_of(entry: Entry) -> Key:
    """What an entry is known by: its kind and its qualified name."""
    return entry.kind.value, entry.qualified_name


class CheckStates:
    """The states of all checks of some entries.

    Args:
        entries: what is checked.

    Attributes:
        entries: by key.
        checks: those that are made on any of them, in the order of the contract.
        counts: how many checks are in each state.
    """

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self.entries: dict[Key, Entry] = {key_of(entry): entry for entry in entries}
        kinds = {entry.kind for entry in entries}
        self.checks: tuple[Check, ...] = tuple(check for check in CONTRACT if check.kinds & kinds)
        self._states: dict[Key, dict[str, str]] = {
            key: {check.id: WAITING for check in checks_of(entry.kind)} for key, entry in self.entries.items()
        }
        self._results: dict[tuple[Key, str], Result] = {}
        self.counts: Counter[str] = Counter()
        for states in self._states.values():
            self.counts.update(states.values())

    def state(self, key: Key, check: str) -> str:
        """The state of a check; "" where it is not made on this kind of entry."""
        return self._states.get(key, {}).get(check, "")

    def result(self, key: Key, check: str) -> Result | None:
        """The result of a check, once it has one."""
        return self._results.get((key, check))

    def worst(self, key: Key) -> str:
        """The state of an entry: that of its check which needs a look most."""
        states = set(self._states[key].values())
        return next((state for state in _WORST if state in states), WAITING)

    def take(self, report: CheckBegun | Result) -> None:
        """A check has begun, or ended."""
        key = (report.kind, report.entry)
        if isinstance(report, Result):
            self._results[key, report.check] = report
            self._set(key, report.check, report.status.value)
        else:
            self._set(key, report.check, RUNNING)

    def forget(self, wanted: Iterable[tuple[Key, str]]) -> None:
        """These checks are to be made again."""
        for key, check in wanted:
            self._results.pop((key, check), None)
            self._set(key, check, WAITING)

    def end(self) -> None:
        """Nothing runs any more: what has begun and has no result waits."""
        for key, states in self._states.items():
            for check, state in states.items():
                if state == RUNNING:
                    self._set(key, check, WAITING)

    def in_state(self, *states: str) -> list[tuple[Key, str]]:
        """The checks in these states."""
        return [
            (key, check)
            for key, of_entry in self._states.items()
            for check, state in of_entry.items()
            if state in states
        ]

    def known(self) -> Mapping[Key, Mapping[str, Status]]:
        """How the checks ended that have ended."""
        return {
            key: {check: Status(state) for check, state in states.items() if state not in (WAITING, RUNNING)}
            for key, states in self._states.items()
        }

    def completed_by(self, older: CheckStates) -> CheckStates:
        """A copy of what is known; of checks without a result, that of an older time."""
        copied = CheckStates(list(self.entries.values()) or list(older.entries.values()))
        for place in [(key, check) for key, states in copied._states.items() for check in states]:
            if (result := self.result(*place) or older.result(*place)) is not None:
                copied.take(result)
        return copied

    def turned(self, before: CheckStates) -> tuple[list[str], list[str]]:
        """The checks that fail now and did not, and those that failed and do not any more: `Gate: call`."""
        worse, better = [], []
        for (key, check), result in self._results.items():
            old = before.result(key, check)
            if old is None or (old.status is Status.FAILED) == (result.status is Status.FAILED):
                continue
            if result.status is Status.FAILED:
                worse.append(f"{self.entries[key].name}: {check}")
            elif result.status is not Status.SKIPPED:
                better.append(f"{self.entries[key].name}: {check}")
        return worse, better

    def _set(self, key: Key, check: str, state: str) -> None:
        states = self._states.get(key, {})
        if check in states:
            self.counts[states[check]] -= 1
            self.counts[state] += 1
            states[check] = state
