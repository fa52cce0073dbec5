"""Starting the app from the command line: a terminal is needed, and if it goes away nothing is lost."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.main_job.test_interrupt import HANGS_UP
from workbench.errors import WorkbenchError
from workbench.storage.ownership import ask_to_stop, owner
from workbench.storage.runs import list_runs, summary_of

LONG = """
kwb: 1
name: long
data: {use: diabetes, split: {validation: 0.2}}
model: {sequential: [{use: Dense, units: 4}, {use: Dense, units: 1}]}
train: {epochs: 1000000, loss: mse, engine: plain}
"""


@pytest.mark.parametrize("arguments", [[], ["digits"], ["watch", "nothing"]])
def test_without_a_terminal_it_says_what_to_do_instead(arguments: list[str]) -> None:
    code = "from workbench.cli import command; command()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert "kwb --batch RECIPE" in done.stderr
    assert "Traceback" not in done.stderr


class PseudoTerminal:
    """`kwb` in a terminal that can fall silent. It is not the controlling one, so that no signal comes by itself."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        code = f"{HANGS_UP}from workbench.cli import command; command()"
        directories = {"KWB_STATE_DIR": str(folder / "state"), "KWB_CONFIG_DIR": str(folder / "config")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], cwd=folder, stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, env=os.environ | directories | {"TERM": "xterm-256color"},
        )  # fmt: skip
        os.close(slave)
        self.written = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._closing = False
        self._reader.start()

    def _read(self) -> None:
        while not self._closing:
            if select.select([self._master], [], [], 0.05)[0]:
                with suppress(OSError):
                    self.written += os.read(self._master, 65536)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def vanish(self) -> None:
        self._closing = True
        self._reader.join()
        os.close(self._master)


def _until(condition: Callable[[], object], what: str, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_it_can_be_left_while_a_file_does_not_come(tmp_path: Path) -> None:
    """As on a mount that is gone: here a named pipe into which nobody writes."""
    os.mkfifo(tmp_path / "gone.yaml")
    terminal = PseudoTerminal(tmp_path, "gone.yaml")
    try:
        _until(lambda: b"residual-regressor" in terminal.written, "the recipes are shown")
        terminal.press("q")  # kept: it may be for the recipe that is to come
        _until(lambda: b"gives up." in terminal.written, "what is waited for is said")
        terminal.press("\x1b")
        terminal.press("q")
        assert terminal.process.wait(30) == 0
        _until(lambda: b"\x1b[?1049l" in terminal.written, "the shell's screen is back")
    finally:
        terminal.vanish()
        terminal.process.kill()
        terminal.process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["silence", "hang-up", "terminate"])
def test_a_terminal_that_goes_away_or_a_signal_loses_nothing(tmp_path: Path, how: str) -> None:
    (tmp_path / "long.yaml").write_text(LONG)
    terminal = PseudoTerminal(tmp_path, "long.yaml")
    runs_folder = tmp_path / "saved" / "runs"
    try:
        _until(lambda: b"Dense" in terminal.written, "the recipe is shown")
        terminal.press("t")
        _until(lambda: any(run.epoch > 2 for run in list_runs(runs_folder)), "the training is under way")
        (run,) = list_runs(runs_folder)
        if how == "silence":
            terminal.vanish()
        else:
            os.kill(terminal.process.pid, signal.SIGHUP if how == "hang-up" else signal.SIGTERM)
        assert terminal.process.wait(30) == (143 if how == "terminate" else 129)
        if how == "terminate":
            _until(
                lambda: f"kwb watch {run.folder.name}".encode() in terminal.written, "it says what goes on"
            )
        before = summary_of(run.folder).epoch
        _until(lambda: summary_of(run.folder).epoch > before + 2, "the training goes on")
        ask_to_stop(run.folder)
        _until(lambda: owner(run.folder) is None, "the training ends")
        assert summary_of(run.folder).status == "stopped"
        assert run.folder.model.is_file()
    finally:
        terminal._closing = True
        terminal.process.kill()
        terminal.process.wait()
        with suppress(WorkbenchError):
            ask_to_stop(list_runs(runs_folder)[0].folder)
