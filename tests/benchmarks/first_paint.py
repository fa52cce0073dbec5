"""How long from the command to the first painted screen, in a real pseudo-terminal.

    python -m tests.benchmarks.first_paint [--runs 10] [--json]

Three programs, started in turns so that a busy machine treats them alike: `kwb`; a bare Textual app that composes the
same kinds of widgets and does nothing; and a Python that imports nothing. The time is from the start of the process
until the last widget of the first screen (the footer) has been written to the terminal. Targets: a median of 350 ms
at most, and at most 1.25 times the bare app.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

SIZE = (40, 120)  # rows, columns
PATIENCE = 20.0  # seconds
TARGET, TARGET_RATIO = 0.350, 1.25

# An installed program has its byte code beside it; a checkout writes it at the first start, unless it is switched off.
_NOT_PASSED_ON = ("PYTHONDONTWRITEBYTECODE", "NO_COLOR")

BARE = """
from textual.app import App
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Input, OptionList, Static

class Head(Widget):
    DEFAULT_CSS = "Head { dock: top; height: 1; }"
    def render(self):
        return "bare"

class Home(Screen):
    AUTO_FOCUS = "OptionList"
    BINDINGS = [("t", "x", "Train"), ("n", "x", "New"), ("q", "app.quit", "Leave")]
    def compose(self):
        yield Head()
        with Horizontal():
            with Vertical():
                yield Input()
                yield OptionList("one", "two", "three")
            with VerticalScroll():
                yield Static("title")
                yield Static("text")
        yield Footer()

class Bare(App):
    MODES = {"home": Home}
    DEFAULT_MODE = "home"

Bare().run()
"""


def seconds_until(command: list[str], mark: bytes, environment: dict[str, str]) -> tuple[float, float]:
    """Start a program in a pseudo-terminal and time it until it has written `mark`.

    Returns:
        seconds by the clock, and seconds of processor time, which say more on a busy machine.

    Raises:
        RuntimeError: it never does.
    """
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        os.execvpe(command[0], command, environment)
    written = b""
    try:
        while mark not in written:
            left = PATIENCE - (time.perf_counter() - began)
            ready, _, _ = select.select([terminal], [], [], max(left, 0))
            if not ready:
                raise RuntimeError(f"{command[0]} did not write {mark!r}: {written[-500:]!r}")
            try:
                written += os.read(terminal, 65536)
            except OSError:
                raise RuntimeError(f"{command[0]} ended without {mark!r}: {written[-500:]!r}") from None
        taken = time.perf_counter() - began
    finally:
        os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        _, _, used = os.wait4(pid, 0)
    return taken, used.ru_utime + used.ru_stime


def measure(runs: int) -> dict[str, list[tuple[float, float]]]:
    """The times of each program."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON} | {
            "KWB_STATE_DIR": f"{folder}/state",
            "KWB_CONFIG_DIR": f"{folder}/config",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }
        kwb = shutil.which("kwb", path=str(Path(sys.executable).parent)) or "kwb"
        programs = {
            "kwb": ([sys.executable, kwb], b"Leave"),
            "bare": ([sys.executable, str(bare)], b"Leave"),
            "python": ([sys.executable, "-c", "print('up')"], b"up"),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
        for turn in range(runs + 1):
            for name, (command, mark) in programs.items():
                taken = seconds_until(command, mark, environment)
                if turn:  # the first turn fills the disk cache
                    times[name].append(taken)
        return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    times = measure(options.runs)
    medians = {
        name: [statistics.median(each) for each in zip(*taken, strict=True)] for name, taken in times.items()
    }
    ratio, cpu_ratio = (kwb / bare for kwb, bare in zip(medians["kwb"], medians["bare"], strict=True))
    if options.json:
        ratios = {"clock": ratio, "processor": cpu_ratio}
        print(
            json.dumps({"medians": medians, "ratios": ratios, "seconds": times, "load": os.getloadavg()[0]})
        )
        return
    for name, (clock, processor) in medians.items():
        spread = [taken for taken, _ in times[name]]
        print(
            f"{name:<8} median {clock * 1000:5.0f} ms ({min(spread) * 1000:.0f} to {max(spread) * 1000:.0f}), "
            f"processor {processor * 1000:5.0f} ms"
        )
    print(f"ratio to the bare app {ratio:.2f} by the clock, {cpu_ratio:.2f} by the processor", end="; ")
    print(f"targets: {TARGET * 1000:.0f} ms, {TARGET_RATIO}")
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
