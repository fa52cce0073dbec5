"""What is typed arrives, in the real program in a real terminal, on a busy machine.

KWB_WHOLE=typing pytest tests/tui/test_typing_tmux.py    with all speeds and eight busy processes; CI takes two of each.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.tui.test_tmux import PATIENCE, Open, Terminal, terminal
from tests.tui.test_typing import ALPHABET, RECIPE
from tests.whole import whole

__all__ = ["terminal"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

WHOLE = whole("typing")
GAPS = (0.0, 0.005, 0.02, 0.06, 0.15) if WHOLE else (0.0, 0.06)  # seconds between keys; 0: all in one packet


@pytest.fixture
def busy() -> Iterator[None]:
    """Other programs that want the processor as much as kwb does."""
    command = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(command) for _ in range(8 if WHOLE else 2)]
    yield
    for other in others:
        other.kill()
        other.wait()


def opened(terminal: Open, folder: Path, size: tuple[int, int] = (120, 40)) -> Terminal:
    """kwb with the recipe, its rows shown. The file is there before the program has come so far as to read it."""
    (folder / "working_directory").mkdir()
    (folder / "working_directory" / "mine.yaml").write_text(RECIPE)
    (folder / "working_directory" / "other.yaml").write_text(RECIPE.replace("name: mine", "name: other"))
    kwb = terminal("mine.yaml", size)
    # The recipes screen shows the file's text as well, and an Escape there would give the opening up.
    kwb.until(lambda screen: "a stack of layers" in screen, "open recipe")
    return kwb


def send(kwb: Terminal, keys: Sequence[str], gap: float) -> None:
    """Type keys with a pause after each, or all of them in one packet."""
    if not gap:
        kwb.press(*keys)
    for key in keys if gap else ():
        kwb.press(key)
        time.sleep(gap)


def until_saved(kwb: Terminal, folder: Path, wanted: str) -> None:
    path, end = folder / "working_directory" / "mine.yaml", time.monotonic() + PATIENCE
    while (text := path.read_text()) != wanted:
        assert time.monotonic() < end, f"{text}\n{kwb.screen}"
        time.sleep(0.05)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=str)
def test_the_text_and_the_forms(terminal: Open, tmp_path: Path, busy: None, size: tuple[int, int]) -> None:
    kwb = opened(terminal, tmp_path, size)
    text = RECIPE
    for number, gap in enumerate(GAPS):
        # into the recipe's text: the word is put before its first letter
        keys = [
            "Escape",
            "v",
            *["PageUp"] * 3,
            "Home",
            "#",
            *ALPHABET,
            *["BSpace"] * 6,
            "Enter",
            "Escape",
            "s",
        ]
        send(kwb, keys, gap)
        text = f"#{ALPHABET[:-6]}\n{text}"
        until_saved(kwb, tmp_path, text)
        # into two forms, one right after the other
        rate = f"0.0{number + 2}"
        keys = [
            "Escape",
            "Home",
            *["Down"] * 3,
            "Enter",
            *f"12{number}",
            "Escape",
            "Down",
            "Enter",
            *rate,
            "Escape",
            "s",
        ]
        send(kwb, keys, gap)
        before = text
        for line in before.splitlines():
            if line.startswith("  epochs:"):
                text = text.replace(line, f"  epochs: 12{number}")
            if line.startswith("  optimizer:"):
                text = text.replace(line, f"  optimizer: {{use: Adam, learning_rate: {rate}}}")
        assert text != before
        until_saved(kwb, tmp_path, text)


def test_keys_that_go_somewhere_and_what_follows_them(terminal: Open, tmp_path: Path, busy: None) -> None:
    kwb = opened(terminal, tmp_path)
    for gap in GAPS:
        # screens that have not been made yet, and a filter
        send(kwb, ["2", "3", "5", "4", "6", "1", "/", *ALPHABET], gap)
        kwb.until(lambda screen: ALPHABET in screen and "Nothing contains that text" in screen, "filter")
        # escape and the next key, also in one packet
        send(kwb, ["Escape", "5", "2"], gap)
        kwb.until(lambda screen: "a stack of layers" in screen and ALPHABET not in screen, "rows")
    # what is opened is what is trained, not what was open before
    send(kwb, ["1", "/", *"other", "Enter", "Enter", "F5"], 0.0)
    kwb.until(lambda screen: "learned" in screen.splitlines()[0], "training")
    runs = [run.name for run in (tmp_path / "working_directory" / "saved" / "runs").iterdir()]
    assert len(runs) == 1
    assert runs[0].startswith("other-")
