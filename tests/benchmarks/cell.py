"""Measure one cell in a process of its own: `python -m tests.benchmarks.cell WORKLOAD COLUMN ROWS EPOCHS`.

Prints one JSON line: what was measured, or `missing`, the name of a package that is not installed.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import asdict

COLUMNS = {
    "plain": "tests.benchmarks.keras_cells:plain",
    "steps-per-execution": "tests.benchmarks.keras_cells:steps_per_execution",
    "kwb": "tests.benchmarks.keras_cells:kwb",
    "kwb-watching": "tests.benchmarks.keras_cells:kwb_watching",
    "torch": "tests.benchmarks.torch_cells:eager",
    "jax": "tests.benchmarks.jax_cells:scan",
}
"""Every column of the benchmark, and the function that measures a cell of it."""

OPTIONAL = {"torch", "jax"}


def main(workload: str, column: str, rows: str, epochs: str) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    module, _, function = COLUMNS[column].partition(":")
    try:
        cell = getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        print(json.dumps({"missing": error.name}))
        return
    print(json.dumps(asdict(cell(workload, int(rows), int(epochs)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
