"""How fast kwb trains, beside stock Keras, PyTorch and JAX on the same machine in the same run.

    python -m tests.benchmarks                      everything; about half an hour on two cores
    python -m tests.benchmarks --quick              a few minutes; ratios are rough
    python -m tests.benchmarks --workload mlp --column plain --column kwb

Each cell is measured in a process of its own, the cells of a workload one after the other. PyTorch, JAX and
matplotlib are used where they are installed (`pip install -e .[bench]`).
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tests.benchmarks import report
from tests.benchmarks.cell import COLUMNS
from tests.benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).parents[2]


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option(
    "--workload", "workloads", multiple=True, type=click.Choice(list(WORKLOADS)), help="Only this one."
)
@click.option("--column", "columns", multiple=True, type=click.Choice(list(COLUMNS)), help="Only this one.")
@click.option("--epochs", default=20, show_default=True, type=click.IntRange(min=3))
@click.option("--quick", is_flag=True, help="A quarter of the rows, and at most 5 epochs.")
@click.option(
    "--out",
    default=ROOT / "saved" / "benchmarks",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the JSON file and the plot.  [default: saved/benchmarks]",
)
def main(workloads: tuple[str, ...], columns: tuple[str, ...], epochs: int, quick: bool, out: Path) -> None:
    console = Console()
    chosen = [name for name in COLUMNS if name in columns or not columns]
    epochs = min(epochs, 5) if quick else epochs
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for name, workload in WORKLOADS.items():
        if workloads and name not in workloads:
            continue
        rows = workload.rows // 4 if quick else workload.rows
        results[name] = {}
        for column in chosen:
            with console.status(f"{name}: {column}"):
                results[name][column] = measure(name, column, rows, epochs)
        console.print(report.table(name, f"{workload.summary}, batch {workload.batch_size}", results[name]))
    out.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    about = {
        "epochs": epochs,
        "quick": quick,
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }
    report.write_json(out / f"{stamp}.json", results, about)
    console.print(f"Wrote {out / f'{stamp}.json'}")
    if report.plot(out / f"{stamp}.png", results, chosen, console):
        console.print(f"Wrote {out / f'{stamp}.png'}")


def measure(workload: str, column: str, rows: int, epochs: int) -> dict[str, Any]:
    """One cell; where it could not be measured, only a `note` that says why."""
    command = [sys.executable, "-m", "tests.benchmarks.cell", workload, column, str(rows), str(epochs)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        lines = ran.stderr.strip().splitlines() or [f"ended with {ran.returncode}"]
        return {"note": f"failed: {lines[-1]}"}
    measured: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])
    return {"note": f"{measured['missing']} is not installed"} if "missing" in measured else measured


if __name__ == "__main__":
    main()
