"""Two processes with one core each beside one process with one core, for models of several sizes.

    python -m tests.benchmarks.processes [--model NAME ...] [--processes 2] [--epochs 4] [--rounds 1] [--json]

For each model: steps per second of one process, with the engine that several have (`chunk`) and with the one that
`auto` chooses for it alone; those of several processes; their ratio; the share of the time for adding up; and
what was expected before the first step. Each process has a core (`taskset`); the first epoch is not counted.
Only on a quiet machine do the numbers mean anything, so the load is printed with them. Target: a ratio of at least 1.6
for a model whose step takes 50 ms, and an expectation that is right.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

TARGET_RATIO = 1.6
RIGHT = 0.2  # of the ratio, that an expectation may be away from it
ROWS = 4096  # at least; and so many steps an epoch, for each epoch costs calls of their own:
STEPS = 32


@dataclass(frozen=True)
class Sized:
    """A model of a size.

    Attributes:
        model: as in a recipe.
        batch_size: rows of a step.
        shape: of a row.
    """

    model: str
    batch_size: int
    shape: tuple[int, ...] = (64,)


def dense(*units: int) -> str:
    layers = [f"{{use: Dense, units: {each}, activation: relu}}" for each in units]
    return f"{{sequential: [{', '.join([*layers, '{use: Dense, units: 1}'])}]}}"


def convolution(*filters: int) -> str:
    layers = [f"{{use: Conv2D, filters: {each}, kernel_size: 3, activation: relu}}" for each in filters]
    last = "{use: GlobalAveragePooling2D}, {use: Dense, units: 1}"
    return f"{{sequential: [{', '.join(layers)}, {last}]}}"


MODELS = {
    "small": Sized(dense(32), 32),
    "middle": Sized(dense(256, 256), 512),
    "large": Sized(dense(1024, 1024), 1024),
    "large batch": Sized(dense(512, 512), 2048),
    "larger batch": Sized(dense(512, 512), 5120),
    "convolutions": Sized(convolution(16, 32), 128, (24, 24, 3)),
    "large convolutions": Sized(convolution(16, 32), 512, (24, 24, 3)),
}


@dataclass(frozen=True)
class MeasuredProcesses:
    """What came out for a model.

    Attributes:
        one: steps per second of one process with the engine that several have.
        one_auto: the same with the engine that is chosen for one.
        engine: that engine.
        several: steps per second of several.
        adding_up: the share of their time for adding up gradients.
        expected: how many times as fast as one they were expected to be.
        load: of the machine, before and after.
    """

    one: float
    one_auto: float
    engine: str
    several: float
    adding_up: float
    expected: float
    load: tuple[float, float]

    @property
    def ratio(self) -> float:
        return self.several / self.one

    def as_record(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": self.ratio, "ratio_auto": self.several / self.one_auto}


def write(folder: Path, sized: Sized, epochs: int) -> None:
    """The recipe and its data."""
    random = np.random.default_rng(0)
    rows = max(ROWS, STEPS * sized.batch_size)
    x = random.normal(size=(rows, *sized.shape)).astype("float32")
    y = x.reshape(rows, -1)[:, :8].sum(axis=1, keepdims=True)
    np.savez(folder / "rows.npz", x=x, y=y)
    (folder / "r.yaml").write_text(
        "kwb: 1\nname: r\ndata: {use: npz, path: rows.npz, targets: [y]}\n"
        f"model: {sized.model}\ntrain: {{epochs: {epochs}, batch_size: {sized.batch_size}, loss: mse, watch: none}}\n"
    )


def train(folder: Path, cores: int, *arguments: str) -> list[dict[str, Any]]:
    """The events of a training on so many cores."""
    command = [sys.executable, "-c", "from workbench.cli import command; command()"]
    allowed = ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))
    done = subprocess.run(
        ["taskset", "-c", allowed, *command, "--batch", "r.yaml", "--json", *arguments],
        cwd=folder, capture_output=True, text=True, env={**os.environ, "KWB_STATE_DIR": str(folder / "state")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def speed(happened: list[dict[str, Any]]) -> float:
    """Steps per second, without the first epoch."""
    found = [each["steps_per_second"] for each in happened if each["event"] == "epoch"]
    return median(found[1:])


def compare(sized: Sized, processes: int, epochs: int) -> MeasuredProcesses:
    """Train a model by one process, and by several."""
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, sized, epochs)
        one = train(folder, 1, "--set", "train.engine=chunk")
        alone = train(folder, 1)
        several = train(folder, processes, "--workers", str(processes))
    measured = [each for each in several if each["event"] == "processes"]
    chosen = [each["engine"] for each in alone if each["event"] == "engine_chosen"]
    return MeasuredProcesses(
        speed(one), speed(alone), chosen[-1], speed(several), measured[-1]["adding_up"],
        measured[-1]["expected_speed_up"], (before, os.getloadavg()[0]),
    )  # fmt: skip


def best(found: list[MeasuredProcesses]) -> MeasuredProcesses:
    """Of several rounds the one that was disturbed least: in which one process was fastest."""
    return max(found, key=lambda each: each.one + each.several)


def line(name: str, found: MeasuredProcesses) -> str:
    right = "right" if abs(found.expected - found.ratio) <= RIGHT * found.ratio else "wrong"
    return (
        f"{name:<20}{1000 / found.one:9.2f} ms {found.one:9.1f} {found.several:9.1f} {found.ratio:7.2f} "
        f"{found.expected:9.2f} {right:<6}{100 * found.adding_up:6.0f} % {found.one_auto:9.1f} {found.engine:<10} "
        f"{found.load[0]:.1f} to {found.load[1]:.1f}"
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", action="append", choices=MODELS, help="only this one; may be given again")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=1, help="each model, so many times")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if len(os.sched_getaffinity(0)) < options.processes:
        parser.error(f"there is not a core for each of {options.processes} processes.")
    results: dict[str, MeasuredProcesses] = {}
    if not options.json:
        print(
            f"{'model':<20}{'a step':>12} {'one':>9} {options.processes:>9} {'ratio':>7} {'expected':>9} {'':<6}"
            f"{'sums':>8} {'one, auto':>9} {'engine':<10} load"
        )
    for name in options.model or MODELS:
        rounds = [compare(MODELS[name], options.processes, options.epochs) for _ in range(options.rounds)]
        results[name] = best(rounds)
        if not options.json:
            print(line(name, results[name]), flush=True)
    if options.json:
        print(json.dumps({name: found.as_record() for name, found in results.items()}))
        return
    slow = {name: found for name, found in results.items() if found.one <= 20.0}
    for name, found in slow.items():
        met = "met" if found.ratio >= TARGET_RATIO else "not met"
        print(f"{name}: ratio {found.ratio:.2f}, target {TARGET_RATIO:g} {met}")


if __name__ == "__main__":
    main()
