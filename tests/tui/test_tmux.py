"""The real program in a real terminal (tmux): from nothing to a live curve with two keys, and out again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.storage.runs import list_runs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

PATIENCE = 90.0  # seconds; on a busy machine TensorFlow alone takes long to load


class Terminal:
    """A tmux server of its own with one window."""

    def __init__(self, folder: Path, command: str, size: tuple[int, int] = (120, 40)) -> None:
        self._tmux = ["tmux", "-f", "/dev/null", "-S", str(folder / "tmux.sock")]
        environment = {
            "KWB_STATE_DIR": str(folder / "state"),
            "KWB_CONFIG_DIR": str(folder / "config"),
            "TERM": "screen-256color",
        }
        working_directory = folder / "working_directory"
        working_directory.mkdir(exist_ok=True)
        set_variables = [part for name, value in environment.items() for part in ("-e", f"{name}={value}")]
        width, height = map(str, size)
        self._run(
            "new-session", "-d", "-x", width, "-y", height, "-c", str(working_directory), *set_variables,
            # COLUMNS and LINES of who runs the tests would say another size than the window has
            f"unset COLUMNS LINES; {command}; echo LEFT WITH $?; sleep 600",
        )  # fmt: skip
        self._run("set-option", "-g", "set-clipboard", "on")

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def press(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    @property
    def screen(self) -> str:
        return self._run("capture-pane", "-p")

    def do(self, *arguments: str) -> None:
        """Give tmux a command."""
        self._run(*arguments)

    def buffer(self) -> str:
        """tmux's newest buffer; "" while there is none."""
        done = subprocess.run([*self._tmux, "show-buffer"], capture_output=True, text=True, timeout=20)
        return done.stdout

    def clipboard(self) -> str:
        return self._run("show-buffer")

    def until(self, condition: Callable[[str], object], what: str) -> str:
        """Wait until the screen shows something; give the screen."""
        end = time.monotonic() + PATIENCE
        while not condition(screen := self.screen):
            assert time.monotonic() < end, f"no {what}:\n{screen}"
            time.sleep(0.05)
        return screen

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, timeout=20)


Open = Callable[..., Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Open]:
    """`terminal("ARGUMENTS")` runs kwb in tmux."""
    opened: list[Terminal] = []

    def run(arguments: str = "", size: tuple[int, int] = (120, 40)) -> Terminal:
        code = "from workbench.cli import command; command()"
        opened.append(Terminal(tmp_path, f"{sys.executable} -c '{code}' {arguments}", size))
        return opened[-1]

    yield run
    for each in opened:
        each.close()


def draws_a_curve(screen: str) -> bool:
    """Whether braille dots, of which the charts' curves are made, are to be seen."""
    return any(0x2801 <= ord(glyph) <= 0x28FF for glyph in screen)


def test_from_nothing_to_a_live_curve_and_out(terminal: Open, tmp_path: Path) -> None:
    began = time.monotonic()
    kwb = terminal()
    kwb.until(lambda screen: "residual-regressor" in screen, "list of recipes")
    listed = time.monotonic() - began
    kwb.press("Enter")  # opens it
    kwb.until(lambda screen: "2 Assemble" in screen and "Built in" not in screen, "open recipe")
    kwb.press("F5")  # trains it
    kwb.until(draws_a_curve, "curve")
    curve = time.monotonic() - began
    print(f"listed after {listed:.2f} s, first curve after {curve:.2f} s, load {os.getloadavg()[0]:.1f}")
    kwb.until(lambda screen: "✓ trained" in screen, "end of the training")
    (run,) = list_runs(tmp_path / "working_directory" / "saved" / "runs")
    assert run.status == "done"

    kwb.press("q")
    kwb.until(lambda screen: "LEFT WITH 0" in screen, "end of the app")
    assert draws_a_curve(kwb.screen) is False  # the shell's screen is as it was


def test_copies_over_the_terminal_and_leaves_from_a_text_field(terminal: Open) -> None:
    kwb = terminal(size=(80, 24))
    kwb.until(lambda screen: "residual-regressor" in screen, "list of recipes")
    kwb.press("y")
    kwb.until(lambda screen: "copied 1 line" in screen, "word of the copy")
    assert kwb.clipboard() == "residual-regressor"  # OSC 52 has reached tmux
    kwb.press("/", "q", "C-q")
    kwb.until(lambda screen: "LEFT WITH 0" in screen, "end of the app")


def test_leaving_lets_the_training_run_on_and_watch_shows_it(terminal: Open, tmp_path: Path) -> None:
    kwb = terminal("digits")
    kwb.until(lambda screen: "digits" in screen.splitlines()[0], "open recipe")
    kwb.press("F5")
    kwb.until(lambda screen: "▶ training" in screen, "training")
    kwb.press("q")
    kwb.until(lambda screen: "is being trained" in screen, "question")
    kwb.press("d")
    screen = kwb.until(lambda screen: "LEFT WITH 0" in screen, "end of the app")
    assert "kwb watch digits-" in screen
    runs = tmp_path / "working_directory" / "saved" / "runs"
    end = time.monotonic() + 240
    while list_runs(runs)[0].status != "done":
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_run_that_there_is_not_is_reported_without_an_app(terminal: Open) -> None:
    kwb = terminal("watch nothing")
    screen = kwb.until(lambda screen: "LEFT WITH 3" in screen, "end")
    assert "there is no run 'nothing'" in screen


def test_copies_into_a_tmux_that_takes_nothing_from_programs(terminal: Open, tmp_path: Path) -> None:
    """tmux's own setting, `set-clipboard external`: OSC 52 from a program inside is dropped."""
    kwb = terminal("residual-regressor", size=(80, 24))
    kwb.do("set-option", "-g", "set-clipboard", "external")
    kwb.until(lambda screen: "optimizer" in screen, "rows of the recipe")
    kwb.press("End")
    kwb.press("y")
    kwb.until(lambda screen: "copied" in screen, "word of the copy")
    end = time.monotonic() + PATIENCE
    while not (copied := kwb.buffer()):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert "\t" not in copied
    assert "save" in copied or copied.startswith("- ")  # the YAML of the row
