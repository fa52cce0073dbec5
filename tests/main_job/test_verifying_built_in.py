"""Every built-in recipe, trained once more in a fresh process, is equal to the bit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.whole import part
from workbench.storage.run_folder import RunFolder
from workbench.verifying import Verifier

from .conftest import BUILT_IN, Run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", part("numbers", [*BUILT_IN, "gan"], ["multi-inputs", "vae", "gan"]))
def test_a_built_in_recipe_is_equal_in_a_fresh_process(
    built_in_runs: Callable[[str], Run], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = built_in_runs(name)
    monkeypatch.chdir(run.folder)
    found = Verifier(RunFolder(run.folder / run.of("run_started")[0]["folder"])).verify()
    assert found.status == "equal", found.lines()
    assert found.until is not None
    assert found.until >= (1, 0)
    assert not found.changes
