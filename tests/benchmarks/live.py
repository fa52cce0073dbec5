"""Measures the terminal app while it shows a training at full speed: python -m tests.benchmarks.live

Trains residual-regressor on 16,512 × 8 numbers twice, alone (`kwb --batch`) and in the app with four charts live, in
a real pseudo-terminal, one after the other and in turns. Prints, and writes as JSON where asked:

    key_to_paint_ms   from a key written to the terminal to what it shows read from it: median and 99 of 100
    app_cpu           the app's share of one core while it trains (its child not counted)
    idle_cpu          the same once the training is over
    training_ratio    steps a second in the app against those of `--batch`
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from tests.benchmarks.terminal import KWB, Terminal
from workbench import events
from workbench.storage.event_stream import read_events
from workbench.storage.run_folder import RunFolder

RECIPE = """
kwb: 1
name: live
seed: 1
data: {{use: npz, path: live.npz, inputs: {{x: x}}, targets: [y], split: {{validation: 0.1}}}}
model: {{use: ResidualRegressor, output_dim: 1}}
train:
  epochs: {epochs}
  batch_size: 32
  loss: mse
  metrics: [mae, mse, RootMeanSquaredError]
"""
KEYS = (
    ("e", "val_mae"),  # another pane
    ("c", "━━ training"),
    ("s", "smooth 0.6"),
    ("s", "smooth 0.9"),
    ("s", "smooth 0.99"),
    ("s", None),
    ("f", "frozen"),
    ("0", None),
)
"""Keys, and what the terminal shows when they are answered."""
STEPS = -(-int(16_512 * 0.9) // 32)


def speed_of(run: RunFolder) -> float:
    """Steps a second of the steady part, validation and events included."""
    moments = [moment for event, moment, _ in read_events(run.events) if isinstance(event, events.Epoch)]
    return STEPS * (len(moments) - 3) / (moments[-1] - moments[2])


def only_run(folder: Path) -> RunFolder:
    (path,) = (folder / "saved" / "runs").iterdir()
    return RunFolder(path)


def prepare(folder: Path, epochs: int) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(16_512, 8)).astype("float32")
    y = (x @ generator.normal(size=(8, 1)) + np.sin(3 * x[:, :1])).astype("float32")
    folder.mkdir(parents=True)
    np.savez(folder / "live.npz", x=x, y=y)
    (folder / "live.yaml").write_text(RECIPE.format(epochs=epochs))


def alone(folder: Path, epochs: int) -> float:
    prepare(folder, epochs)
    with open(os.devnull, "w") as nothing:
        subprocess.run([*KWB, "--batch", "live.yaml"], cwd=folder, check=True, stdout=nothing, stderr=nothing)
    return speed_of(only_run(folder))


def in_the_app(folder: Path, presses: int) -> dict[str, float]:
    prepare(folder, epochs=1_000_000)  # until it is stopped
    terminal = Terminal(folder, "live.yaml")
    try:
        terminal.until("live.yaml")
        terminal.idle_for(5.0)  # until nothing of the start is left to do
        terminal.press("\x1b[15~")  # F5 trains the open recipe, whatever has the focus
        terminal.until("root_mean_squared_error")
        terminal.idle_for(2.0)
        app = psutil.Process(terminal.process.pid)
        cpu, began = _cpu(app), time.perf_counter()
        terminal.idle_for(8.0)
        share = (_cpu(app) - cpu) / (time.perf_counter() - began)
        waits = []
        while len(waits) < presses:
            for key, shows in KEYS:
                terminal.idle_for(0.15 + 0.1 * random.random())  # at any place between two frames
                pressed = time.perf_counter()
                terminal.press(key)
                if shows:
                    waits.append(terminal.until(shows) - pressed)
        terminal.press("x")
        terminal.until("finished")
        terminal.idle_for(3.0)
        cpu, began = _cpu(app), time.perf_counter()
        terminal.idle_for(10.0)
        idle = (_cpu(app) - cpu) / (time.perf_counter() - began)
    finally:
        terminal.close()
    waits.sort()
    return {
        "key_to_paint_ms_median": statistics.median(waits) * 1e3,
        "key_to_paint_ms_p99": waits[int(len(waits) * 0.99)] * 1e3,
        "app_cpu": share,
        "idle_cpu": idle,
        "steps_per_second": speed_of(only_run(folder)),
    }


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=600, help="of the training without the app")
    parser.add_argument("--presses", type=int, default=200)
    parser.add_argument("--turns", type=int, default=3, help="how often both are run, in turns")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kwb-live-"))
    rows: list[dict[str, float]] = []
    try:
        for turn in range(options.turns):
            batch = alone(folder / f"alone-{turn}", options.epochs)
            row = in_the_app(folder / f"app-{turn}", options.presses)
            rows.append(
                row | {"batch_steps_per_second": batch, "training_ratio": row["steps_per_second"] / batch}
            )
            print("  ".join(f"{name} {value:.4g}" for name, value in rows[-1].items()), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    print("\nmedian of", len(rows))
    for name, value in result.items():
        print(f"  {name:<26} {value:10.4g}")
    if options.json:
        options.json.write_text(json.dumps({"turns": rows, "median": result}, indent=2) + "\n")


if __name__ == "__main__":
    main()
