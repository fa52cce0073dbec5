"""The check screen in a real terminal: from the catalog, and after the file was edited."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.tui.checking.conftest import FORGOTTEN, GATE, KEPT
from tests.tui.test_tmux import Open, terminal
from tests.worker.conftest import recipe

__all__ = ["terminal"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_layer_is_checked_broken_and_mended(terminal: Open, tmp_path: Path, size: tuple[int, int]) -> None:
    folder = tmp_path / "working_directory"
    folder.mkdir()
    gate = folder / "gate.py"
    gate.write_text(GATE.replace(KEPT, FORGOTTEN))
    text = recipe().replace("    - {use: Dense, units: 4", "    - {use: Gate}\n    - {use: Dense, units: 4")
    (folder / "gated.yaml").write_text(text)
    kwb = terminal("gated.yaml --plugin gate.py", size=size)
    kwb.until(lambda screen: "a stack of layers" in screen and "✓" in screen, "the rows")
    kwb.press("Home", "Down", "k")
    screen = kwb.until(lambda screen: "✗ layer gate.Gate" in screen, "the end")
    assert "✗ 1 failed" in screen
    kwb.press("n")
    screen = kwb.until(lambda screen: "✗ failed  config_keeps_arguments" in screen, "what failed")
    assert "gate.py:15 in get_config" in screen
    assert "Hint:" in screen
    assert "def get_config(self):" in screen
    gate.write_text(GATE)  # waited for are states that stay: the checks are made within a second or two
    screen = kwb.until(
        lambda screen: "✓ layer gate.Gate" in screen, "the end of the checks of what was saved"
    )
    assert "mended: Gate" in screen
    assert screen.rstrip().endswith("F1 Help q Leave")
    kwb.press("q")
    kwb.until(lambda screen: "LEFT WITH 0" in screen, "the end of kwb")
