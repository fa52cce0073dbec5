"""Tests that are run once more when they fail: those of the app and of trainings that wait, and no others.

They wait for processes, terminals and screens, and on a machine with too little time for all of them one may miss its
moment though the code is right. A test of numbers, files or checkpoints that fails once is a test that fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest


def rerun_once(config: pytest.Config, items: Iterable[pytest.Item], folder: Path) -> None:
    """Have the tests of a folder run a second time when they fail; those that pass then are listed at the end.

    Called by `pytest_collection_modifyitems` in the folder's conftest, which gets the tests of all folders.
    """
    if config.pluginmanager.hasplugin("rerunfailures"):  # else each is run once, as everywhere
        for item in items:
            if item.path.is_relative_to(folder):
                item.add_marker(pytest.mark.flaky(reruns=1))
