"""The pytest plugin of kwb: the marker `kwb_checks`, which makes the checks of a plugin's entries tests.

    @pytest.mark.kwb_checks("acme")
    def test_contract(check):
        check()

It is the same as `workbench.plugin.parametrize_checks`, without an import. pytest loads this module at the start of
every run in an environment that kwb is installed in, also for projects that have nothing to do with kwb. So it imports
nothing of kwb until a test has the marker, and changes nothing for tests without it.
"""

from __future__ import annotations

import pytest

MARKER = "kwb_checks"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, for `--strict-markers` and `pytest --markers`."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(*names, plugin_files=(), argument='check'): run the test once for each check of these "
        "plugins, entries or plugin files, as `kwb check` names them.",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each check of each entry.

    Raises:
        pytest.UsageError: kwb knows no plugin, entry or file of such a name, or its plugin is broken.
    """
    for marker in metafunc.definition.iter_markers(MARKER):
        from workbench.check.pytest_helpers import parametrize_checks
        from workbench.errors import WorkbenchError

        try:
            checks = parametrize_checks(*marker.args, **marker.kwargs)
        except WorkbenchError as error:
            raise pytest.UsageError(f"{metafunc.definition.nodeid}: {error}") from error
        metafunc.parametrize(*checks.mark.args, **checks.mark.kwargs)
