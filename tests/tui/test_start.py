"""Starting the app from the command line: a terminal is needed, runs are found by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import FileError
from workbench.tui.settings import Settings
from workbench.tui.start import find_run


@pytest.mark.parametrize("arguments", [[], ["digits"], ["watch", "nothing"]])
def test_without_a_terminal_it_says_what_to_do_instead(arguments: list[str]) -> None:
    code = "import sys; from workbench.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert "kwb --batch RECIPE" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_is_found_by_path_by_name_and_by_the_beginning_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "saved" / "runs"
    names = ("prices-20250101-000000", "prices-20250102-000000", "price-20240101-000000")
    for age, name in enumerate(names):
        (root / name).mkdir(parents=True)
        (root / name / "recipe.yaml").write_text("")
        os.utime(root / name, (1_000_000 + age, 1_000_000 + age))
    settings = Settings()
    assert find_run(str(root / names[0]), settings) == root / names[0]
    assert find_run(f"saved/runs/{names[0]}", settings) == root / names[0]
    assert find_run(names[0], settings) == root / names[0]
    assert find_run("prices", settings) == root / names[1]  # the latest
    assert find_run("price", settings) == root / names[2]  # a whole name, not a part of another
    with pytest.raises(FileError, match="no run 'prizes'"):
        find_run("prizes", settings)
    with pytest.raises(FileError) as fault:
        find_run("prices-20250103-000000", settings)
    assert "Did you mean 'prices-2025010" in fault.value.hint
