"""How long from nothing to a live curve: python -m tests.benchmarks.first_curve

In a real pseudo-terminal: `kwb`, Enter on the first built-in recipe, F5 to train it, until the first dots of a curve
have been written. Each once more with the app left alone before F5 until its children are ready. Prints in seconds

    cold    from the start of the program to the curve
    warm    from F5 to the curve
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from tests.benchmarks.terminal import Terminal

RECIPE = "residual-regressor"
OPEN = "a model class"  # of the rows of the open recipe
READY = 8.0  # seconds after which the app's children have loaded TensorFlow, with some to spare


def has_curve(text: str) -> bool:
    """Whether a text has dots of a braille curve."""
    return any(0x2801 <= ord(glyph) <= 0x28FF for glyph in text)


def seconds_to_curve(folder: Path, *, warm: bool) -> float:
    """Seconds to the first curve, from the start of the program or, once it is warm, from the key that trains."""
    folder.mkdir(parents=True)
    began = time.perf_counter()
    terminal = Terminal(folder)
    try:
        terminal.until(RECIPE)
        terminal.press("\r")
        terminal.until(OPEN)
        if warm:
            terminal.idle_for(READY)
            began = time.perf_counter()
        terminal.press("\x1b[15~")  # F5
        return terminal.until(has_curve) - began
    finally:
        terminal.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    folder = Path(tempfile.mkdtemp(prefix="kwb-first-curve-"))
    try:
        for name, warm in (("cold", False), ("warm", True)):
            times = sorted(seconds_to_curve(folder / f"{name}-{run}", warm=warm) for run in range(runs))
            print(f"{name}  median {statistics.median(times):.2f} s ({times[0]:.2f} to {times[-1]:.2f})")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
