"""How long from saving a layer's file to what the Check screen says of it: python -m tests.benchmarks.saving_a_layer

In the real app, driven without a terminal: a plugin file with one small layer is checked, and then saved again and
again, broken and mended in turns. Prints, in seconds to the first result and to all of them:

    saved    from the save, in the app
    forked   the checks alone, in a child of the fork server, as the app makes them
    cold     the checks alone, in a process that loads TensorFlow itself, as `kwb check` does

Then the checks that take longest, and the memory of the app and of its fork server before the saves and after them.
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
from dataclasses import dataclass
from pathlib import Path

import psutil

from workbench.check.results import Result
from workbench.check.supervising import Order, follow_checks
from workbench.children import Start, start_alone
from workbench.spawning import CAN_FORK, ForkServer
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


Times = list[tuple[float, float]]  # to the first result, and to all


@dataclass(frozen=True)
class Measured:
    """What was measured; `checks` are the seconds of each check, `memory` bytes before and after."""

    times: dict[str, Times]
    checks: dict[str, float]
    memory: dict[str, tuple[int, int]]


async def measure(folder: Path, saves: int, others: int) -> Measured:
    """Save so many times, and make the checks alone so many times."""
    path = folder / "gate.py"
    path.write_text(LAYER)
    fork_server = ForkServer(folder / "state" / "fork_server.log") if CAN_FORK else None
    app = KwbApp(
        settings=Settings(animations=False),
        state=AppState(folder / "state" / "state.json"),
        working_directory=folder,
        log_folder=folder / "state",
        plugin_files=[path],
        fork_server=fork_server,
    )
    processes = {"app": psutil.Process()} | (
        {"fork server": psutil.Process(fork_server.pid)} if fork_server else {}
    )
    async with app.run_test(size=(120, 40)):
        await _until(lambda: any(entry.plugin == "gate" for entry in app.catalog.entries), "the plugin file")
        begin_check(app, CheckTarget("plugin", "gate"))
        await _until(lambda: isinstance(app.screen, CheckScreen), "the check screen")
        screen = app.screen
        assert isinstance(screen, CheckScreen)
        await _until(lambda: not screen.live and screen.states.entries, "the first checks")
        times: dict[str, Times] = {"saved": [], "forked": [], "cold": []}
        await _saved(screen, path, broken=True, number=-1)  # loads what is loaded once
        before = {name: process.memory_info().rss for name, process in processes.items()}
        for number in range(saves):
            await asyncio.sleep(0.37)  # at any moment between two looks at the file
            times["saved"].append(await _saved(screen, path, broken=number % 2 == 1, number=number))
        memory = {name: (before[name], process.memory_info().rss) for name, process in processes.items()}
        path.write_text(LAYER)
        order = Order(tuple(screen.states.entries.values()), plugin_files=[path])
        for _ in range(others):
            forked, checks = await asyncio.to_thread(_alone, order, app.worker.start_child())
            times["forked"].append(forked)
            times["cold"].append((await asyncio.to_thread(_alone, order, start_alone))[0])
        app.queue.close()
        await app.worker.close()
        if fork_server:
            fork_server.close()
    return Measured(times, checks, memory)


def _alone(order: Order, start: Start) -> tuple[tuple[float, float], dict[str, float]]:
    """Seconds to the first result and to all, and those of each check."""
    moments, checks = [], {}
    began = last = time.perf_counter()
    for report in follow_checks(order, start=start):
        now = time.perf_counter()
        if isinstance(report, Result):
            moments.append(now - began)
            checks[report.check] = now - last
        last = now
    return (moments[0], moments[-1]), checks


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--saves", type=int, default=10)
    parser.add_argument("--others", type=int, default=3, help="how often the checks are made alone")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kwb-saving-"))
    try:
        measured = asyncio.run(measure(folder, options.saves, options.others))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    medians = {}
    for name, found in measured.times.items():
        first, every = zip(*found, strict=True)
        medians[name] = statistics.median(first), statistics.median(every)
        print(
            f"{name:<7} first {medians[name][0]:.2f} s (worst {max(first):.2f}), "
            f"all {medians[name][1]:.2f} s (worst {max(every):.2f}), {len(found)} times"
        )
    ratios = [cold / forked for cold, forked in zip(medians["cold"], medians["forked"], strict=True)]
    print(f"cold / forked: first {ratios[0]:.1f}, all {ratios[1]:.1f}")
    longest = sorted(measured.checks.items(), key=lambda item: -item[1])[:6]
    print("longest:", ", ".join(f"{name} {seconds * 1e3:.0f} ms" for name, seconds in longest))
    for name, (before, after) in measured.memory.items():
        print(f"memory of the {name}: {before / 2**20:.0f} MB before, {after / 2**20:.0f} MB after")
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
