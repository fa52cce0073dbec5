"""The contract in a plugin author's own tests, a test for each check of each entry:

    from workbench.plugin import parametrize_checks

    @parametrize_checks("acme")
    def test_contract(check):
        check()

The ids are `acme.Gate-from_config` and the like, so that `pytest -k Gate` or `-k from_config` selects. Unlike
`kwb check`, they run in pytest's own process, where a debugger reaches them and a crash ends them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workbench.catalog import Entry, single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.check.choosing import choose_entries
from workbench.check.contract import Check, checks_of, with_needs
from workbench.check.results import Result, Status
from workbench.process import import_keras

if TYPE_CHECKING:
    from workbench.check.running import EntryRun


def parametrize_checks(
    *names: str, plugin_files: Sequence[Path] = (), argument: str = "check"
) -> pytest.MarkDecorator:
    """Parametrize a test by all checks of entries.

    Args:
        names: plugins, entries or plugin files, as in `kwb check`.
        plugin_files: plugin files whose entries are named.
        argument: the test's argument; called, it makes its check, and fails, skips or xfails the test by it.

    Raises:
        WorkbenchError: there is nothing of such a name, or its plugin is broken.
    """
    catalog = Catalog(discover(plugin_files, scan=single_file.scan))
    entries = choose_entries(names, catalog)
    kinds: dict[str, set[str]] = {}
    for entry in entries:
        kinds.setdefault(entry.qualified_name, set()).add(entry.kind.value)
    parameters = []
    for entry in entries:
        runs = _Runs(entry, catalog)
        several = len(kinds[entry.qualified_name]) > 1
        label = f"{entry.qualified_name}-{entry.kind}" if several else entry.qualified_name
        for check in checks_of(entry.kind):
            parameters.append(pytest.param(EntryCheck(check, runs), id=f"{label}-{check.id}"))
    return pytest.mark.parametrize(argument, parameters)


class _Runs:
    """The checks of one entry that were made so far; keras is imported for the first."""

    def __init__(self, entry: Entry, catalog: Catalog) -> None:
        self.entry = entry
        self._catalog = catalog
        self._results: dict[str, Result] = {}

    @cached_property
    def _run(self) -> EntryRun:
        import_keras()
        from workbench.check.running import EntryRun

        return EntryRun(self.entry, self._catalog)

    def result(self, check: Check) -> Result:
        for result in self._run.run(with_needs([check.id])):
            self._results[result.check] = result
        return self._results[check.id]


@dataclass(frozen=True)
class EntryCheck:
    """One check of one entry."""

    check: Check
    _runs: _Runs

    def __call__(self) -> None:
        """Make it, and those that it needs, if they are not made yet."""
        __tracebackhide__ = True
        result = self._runs.result(self.check)
        end = _ENDS.get(result.status)
        if end is not None:
            end(f"{result.explanation}\n{result.traceback}" if result.traceback else result.explanation)


def _fail(text: str) -> None:
    __tracebackhide__ = True
    pytest.fail(text, pytrace=False)


_ENDS: dict[Status, Callable[[str], object]] = {
    Status.FAILED: _fail,
    Status.XFAIL: pytest.xfail,
    Status.SKIPPED: pytest.skip,
    Status.NOT_APPLICABLE: lambda text: pytest.skip(f"not applicable: {text}"),
}
