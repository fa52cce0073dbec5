"""Larger trainings: kwb beside stock `fit` with the settings that a Keras expert would find, on the same rows.

    python -m tests.benchmarks.larger                     all four; about ten minutes on two cores
    python -m tests.benchmarks.larger --workload table --rows 1000000

The expert's data is cached where it fits into memory, shuffled and prefetched by tf.data. Which `steps_per_execution`
and `jit_compile` are best is found in short trials, which are not counted. Each training has a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
NAMES = ("transformer", "resnet", "embedding", "table")
SETTINGS = ((1, False), (16, False), (1, True), (16, True))
"""`steps_per_execution` and `jit_compile` of the expert's trials."""
TRIAL_STEPS = 16
TRIAL_SECONDS = 60.0  # one that takes longer is not the best


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option("--workload", "workloads", multiple=True, type=click.Choice(NAMES), help="Only this one.")
@click.option("--rows", type=int, help="Other rows than the workload has.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--cell", nargs=6, hidden=True)
def main(workloads: tuple[str, ...], rows: int | None, as_json: bool, cell: tuple[str, ...] | None) -> None:
    if cell:
        name, folder, own, epochs, count, jit = cell
        print(json.dumps(_cell(name, Path(folder), int(own), int(epochs), int(count), jit == "True")))
        return
    results = {}
    for name in workloads or NAMES:
        with tempfile.TemporaryDirectory() as folder:
            results[name] = compare(name, Path(folder), rows)
        if not as_json:
            Console().print(_table(name, results[name]))
    if as_json:
        print(json.dumps(results))
    elif len(results) > 1:
        speeds = [each["throughput"] for each in results.values()]
        Console().print(f"median of the throughput's ratios: {median(speeds):.2f}")


def compare(name: str, folder: Path, rows: int | None) -> dict[str, Any]:
    """Both measured, and the ratios of kwb to the expert."""
    about = _run("--cell", name, str(folder), str(rows or 0), "0", "0", "False")
    own, epochs, batch = about["rows"], about["epochs"], about["batch_size"]
    trials = {
        (count, jit): measure(name, folder, min(own, TRIAL_STEPS * batch), 3, count, jit, TRIAL_SECONDS)
        for count, jit in SETTINGS
    }
    best = max(trials, key=lambda each: trials[each].get("steps_per_second", 0.0))
    expert = measure(name, folder, own, epochs, *best)
    expert["note"] = f"steps_per_execution={best[0]}, jit_compile={best[1]}"
    kwb = measure(name, folder, own, epochs, 0, False)
    return {
        "summary": about["summary"],
        "expert": expert,
        "kwb": kwb,
        "throughput": kwb["steps_per_second"] / expert["steps_per_second"],
        "total": expert["total"] / kwb["total"],
        "memory": kwb["peak_memory"] / expert["peak_memory"],
    }


def measure(
    name: str, folder: Path, rows: int, epochs: int, count: int, jit: bool, seconds: float | None = None
) -> dict[str, Any]:
    """A training in a process of its own; `count` of 0 is kwb. Empty where it took longer than `seconds`."""
    try:
        return _run(
            "--cell", name, str(folder), str(rows), str(epochs), str(count), str(jit), seconds=seconds
        )
    except subprocess.TimeoutExpired:
        return {}


def _run(*arguments: str, seconds: float | None = None) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.larger", *arguments]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "2"} | os.environ
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=seconds
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])
    return found


def _cell(name: str, folder: Path, rows: int, epochs: int, count: int, jit: bool) -> dict[str, Any]:
    from tests.benchmarks.larger_workloads import LARGER

    workload = LARGER[name]
    if not epochs:
        workload.write(folder, rows or workload.rows)
        own = {"rows": rows or workload.rows, "epochs": workload.epochs}
        return own | {"batch_size": workload.batch_size, "summary": workload.summary}
    if not count:
        from tests.benchmarks.keras_cells import train_with_kwb
        from workbench.recipe.train_schema import Train

        training, x = workload.rows_of_kwb(folder, rows)
        watch = Train.model_fields["watch"].default
        return asdict(train_with_kwb(workload.model, training, x, workload.batch_size, epochs, watch))
    from tests.benchmarks.epoch_clock import EpochClock
    from tests.benchmarks.timing import Clock

    data = workload.dataset(folder, rows)
    model = workload.model(steps_per_execution=count, jit_compile=jit)
    clock = Clock()
    model.fit(data, epochs=epochs, verbose=0, callbacks=[EpochClock(clock)])
    return asdict(clock.measured(-(-rows // workload.batch_size)))


def _table(name: str, found: dict[str, Any]) -> Table:
    drawn = Table(title=f"{name}: {found['summary']}", title_justify="left", title_style="bold")
    for heading in ("", "steps/s", "first epoch", "total", "peak memory"):
        drawn.add_column(heading, justify="right" if heading else "left")
    drawn.add_column("note", overflow="fold")
    for column in ("expert", "kwb"):
        cell = found[column]
        drawn.add_row(
            column,
            f"{cell['steps_per_second']:,.1f}",
            f"{cell['first_epoch']:.2f} s",
            f"{cell['total']:.2f} s",
            f"{cell['peak_memory']:,.0f} MiB",
            cell["note"],
        )
    ratios = (found["throughput"], found["total"], found["memory"])
    speed, total, memory = (f"{each:.2f}" for each in ratios)
    drawn.add_row("ratio", speed, "", total, memory, "of kwb to the expert; the total's the other way round")
    return drawn


if __name__ == "__main__":
    main()
