"""How long the Runs screen needs for many runs: to list them, to list them again, to sort and to select.

    python -m tests.benchmarks.many_runs            2,000 runs, all of them made from one small training

The folders are real ones, copied; the app is the real one, without a terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from workbench.storage.runs import list_runs
from workbench.tui.app import KwbApp
from workbench.tui.screens.runs.listing import RunLister, chosen
from workbench.tui.screens.runs.screen import RunsScreen
from workbench.tui.screens.runs.table import RunsTable

RECIPE = """kwb: 1
name: many
data: {use: diabetes, split: {validation: 0.2, test: 0.1}}
model: {sequential: [{use: Dense, units: 8}, {use: Dense, units: 1}]}
train: {loss: mse, epochs: 20, batch_size: 32}
"""


def make(folder: Path, count: int) -> Path:
    """A folder of runs that differ in batch size and loss."""
    (folder / "many.yaml").write_text(RECIPE)
    command = [sys.executable, "-c", "from workbench.cli import command; command()", "--batch", "many.yaml"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    runs = folder / "saved" / "runs"
    (first,) = runs.iterdir()
    events = (first / "events.jsonl").read_text()
    for number in range(1, count):
        copy = runs / f"many-{number:05}"
        (copy / "checkpoints").mkdir(parents=True)
        for name in ("recipe.yaml", "environment.json"):
            shutil.copy(first / name, copy)
        changed = events.replace('"batch_size": 32', f'"batch_size": {8 << number % 5}')
        (copy / "events.jsonl").write_text(changed.replace('"loss": 2', f'"loss": {1 + number % 9}'))
    return runs


def timed(what: str, action: Callable[[], object]) -> None:
    began = time.perf_counter()
    action()
    print(f"{what:<44} {time.perf_counter() - began:7.3f} s")


async def in_the_app() -> None:
    app = KwbApp(mode="runs")
    began = time.perf_counter()
    async with app.run_test(size=(120, 40)) as pilot:
        while not (
            isinstance(app.screen, RunsScreen) and app.screen.query(RunsTable) and app.screen.selection.runs
        ):
            await pilot.pause(0.005)
        await pilot.pause()
        print(f"{'the app: started, and all in its table':<44} {time.perf_counter() - began:7.3f} s")
        for key, what in (
            ("s", "the app: sorted"),
            ("s", "the app: sorted again"),
            ("s", "the app: and again"),
        ):
            began = time.perf_counter()
            await pilot.press(key)
            await pilot.pause()
            print(f"{what:<44} {time.perf_counter() - began:7.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as name:
        runs = make(Path(name), count)
        lister = RunLister(runs)
        timed(f"{count:,} runs listed", lister.refresh)
        timed("listed again, nothing changed", lister.refresh)
        timed("kwb runs", lambda: list_runs(runs))
        found = lister.refresh()
        timed("sorted by val_loss", lambda: chosen(found, "", "-val_loss"))
        timed(
            "selected by batch_size<64 status:done, first",
            lambda: chosen(found, "batch_size<64 status:done", "newest"),
        )
        timed("selected again", lambda: chosen(found, "batch_size<64 status:done", "newest"))
        os.chdir(name)
        asyncio.run(in_the_app())


if __name__ == "__main__":
    main()
