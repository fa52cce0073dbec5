"""Signals to the app, in a real terminal: it is left as it was found, and what was edited is kept."""

from __future__ import annotations

import json
import os
import signal
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.terminal import Terminal

RECIPE = """\
kwb: 1
name: small
data: {use: diabetes}
model: {sequential: [{use: Dense, units: 4}, {use: Dense, units: 1}]}
train: {epochs: 2, loss: mse}
"""
# The other screen is left, the mouse and pasting are the terminal's again, the cursor is seen.
RESTORED = (b"\x1b[?1049l", b"\x1b[?1000l", b"\x1b[?1003l", b"\x1b[?2004l", b"\x1b[?25h")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """The app with a recipe that has edits which are not saved: they were kept when it ended the last time."""
    path = tmp_path / "small.yaml"
    path.write_text(RECIPE)
    edited = {"text": RECIPE + "seed: 7\n", "name": "small", "path": str(path), "folder": str(tmp_path)}
    (tmp_path / ".state").mkdir()
    (tmp_path / ".state" / "unsaved-1.json").write_text(json.dumps(edited))
    terminal = Terminal([], tmp_path)
    try:
        terminal.until_shown(
            "Undo (u) gives what the file says"
        )  # the notice's second line: the first one wraps
        yield terminal
    finally:
        terminal.close()


def is_restored(terminal: Terminal, since: int = 0) -> None:
    written = terminal.written[since:]
    for sequence in RESTORED:
        on = sequence.replace(b"l", b"h") if sequence != RESTORED[-1] else b"\x1b[?25l"
        assert written.rfind(sequence) > written.rfind(on), sequence
    assert termios.tcgetattr(terminal.secondary) == terminal.modes


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_app_and_loses_nothing(terminal: Terminal, tmp_path: Path, number: int) -> None:
    assert termios.tcgetattr(terminal.secondary) != terminal.modes
    kept = tmp_path / ".state" / f"unsaved-{terminal.process.pid}.json"
    edited = kept.read_text()
    kept.unlink()
    os.kill(terminal.process.pid, number)
    assert terminal.wait() == 128 + number
    is_restored(terminal)
    assert json.loads(kept.read_text())["text"] == json.loads(edited)["text"]
    assert json.loads((tmp_path / ".state" / "state.json").read_text())


def test_it_can_be_stopped_and_continued(terminal: Terminal) -> None:
    os.kill(terminal.process.pid, signal.SIGTSTP)
    terminal.until(
        lambda: "T" in Path(f"/proc/{terminal.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
    )
    terminal.read()
    is_restored(terminal)
    before = len(terminal.written)
    os.kill(terminal.process.pid, signal.SIGCONT)
    terminal.until(lambda: b"\x1b[?1049h" in terminal.written[before:])
    terminal.press("q")
    terminal.until_shown("changes that are not saved")
    terminal.press("w")
    assert terminal.wait() == 0
    is_restored(terminal, before)
