"""How long from saving a layer's file to what the Check screen says of it: python -m tests.benchmarks.saving_a_layer

In the real app, driven without a terminal: a plugin file with one small layer is checked and then saved again and
again, broken and mended in turns. Prints in seconds

    first    from the save to the first result of the new code
    all      from the save to all results
    cold     the checks alone, of a process that loads TensorFlow itself (as `kwb check` does)
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from workbench.check.results import Result
from workbench.check.supervising import Order, follow_checks
from workbench.tui.actions.begin_check import begin_check
from workbench.tui.app import KwbApp
from workbench.tui.context import CheckTarget
from workbench.tui.screens.check.screen import CheckScreen
from workbench.tui.settings import Settings
from workbench.tui.state import AppState

LAYER = '''\
import keras


class Gate(keras.Layer):
    """Lets a share of each input through."""

    def __init__(self, strength=0.5, **kwargs):
        super().__init__(**kwargs)
        self.strength = strength

    def build(self, shape):
        self.shares = self.add_weight(shape=(shape[-1],), name="shares", initializer="ones")

    def call(self, x):
        return x * self.shares * self.strength

    def get_config(self):
        return {**super().get_config(), "strength": self.strength}
'''
KEPT, FORGOTTEN = '"strength": self.strength', '"strength": 0.5'
BROKEN = ("config_keeps_arguments",)
LONGEST = 120.0  # seconds that one save may take


async def _until(holds: Callable[[], object], what: str) -> float:
    """When something holds. Raises TimeoutError."""
    end = time.perf_counter() + LONGEST
    while not holds():
        if time.perf_counter() > end:
            raise TimeoutError(f"{what} did not come")
        await asyncio.sleep(0.005)
    return time.perf_counter()


def _failed(screen: CheckScreen) -> tuple[str, ...]:
    return tuple(check for _, check in screen.states.in_state("failed"))


async def _saved(screen: CheckScreen, path: Path, *, broken: bool, number: int) -> tuple[float, float]:
    """Save the layer; the seconds to the first result, and to all."""
    text = LAYER.replace(KEPT, FORGOTTEN) if broken else LAYER
    path.write_text(f"{text}# save {number}\n")
    began = time.perf_counter()
    await _until(lambda: screen.live, "a check of what was saved")
    first = await _until(
        lambda: (
            sum(screen.states.counts.values())
            > screen.states.counts["waiting"] + screen.states.counts["running"]
        ),
        "a result",
    )
    done = await _until(lambda: not screen.live, "the end of the checks")
    assert _failed(screen) == (BROKEN if broken else ()), _failed(screen)
    return first - began, done - began


async def measure(folder: Path, saves: int) -> list[tuple[float, float]]:
    """Seconds to the first result and to all, of each save."""
    path = folder / "gate.py"
    path.write_text(LAYER)
    app = KwbApp(
        settings=Settings(animations=False),
        state=AppState(folder / "state" / "state.json"),
        working_directory=folder,
        log_folder=folder / "state",
        plugin_files=[path],
    )
    async with app.run_test(size=(120, 40)):
        await _until(lambda: any(entry.plugin == "gate" for entry in app.catalog.entries), "the plugin file")
        begin_check(app, CheckTarget("plugin", "gate"))
        await _until(lambda: isinstance(app.screen, CheckScreen), "the check screen")
        screen = app.screen
        assert isinstance(screen, CheckScreen)
        await _until(lambda: not screen.live and screen.states.entries, "the first checks")
        times = []
        for number in range(saves):
            await asyncio.sleep(0.37)  # at any moment between two looks at the file
            times.append(await _saved(screen, path, broken=number % 2 == 0, number=number))
        cold = [_cold(Order(tuple(screen.states.entries.values()), plugin_files=[path]))]
        app.queue.close()
        await app.worker.close()
    return times, cold


def _cold(order: Order) -> tuple[float, float]:
    """Seconds to the first result and to all, of a process that loads TensorFlow itself."""
    began = time.perf_counter()
    moments = [time.perf_counter() for report in follow_checks(order) if isinstance(report, Result)]
    return moments[0] - began, moments[-1] - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--saves", type=int, default=10)
    saves = parser.parse_args().saves
    folder = Path(tempfile.mkdtemp(prefix="kwb-saving-"))
    try:
        times, cold = asyncio.run(measure(folder, saves))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name, found in (("first", [f for f, _ in times]), ("all", [d for _, d in times])):
        print(f"{name:5} median {statistics.median(found):.2f} s, worst {max(found):.2f} s")
    print("cold ", cold)
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
