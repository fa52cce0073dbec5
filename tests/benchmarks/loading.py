"""How long from a file to the first training step: kwb beside pandas and Keras by hand, in the same run.

    python -m tests.benchmarks.loading [--rows 1000000] [--runs 3] [--json]

A table of 20 columns as csv and as parquet; a process for each measurement, in turns, so that a busy machine treats
both alike. Each reads the file, splits it, scales the inputs by the training rows and trains one step of one model.
What is counted is the processor time of the process after the imports, and the wall clock beside it. Target: a ratio
of at most 1 for both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
COLUMNS = 20
KINDS = ("csv", "parquet")
TARGET_RATIO = 1.0


def write(folder: Path, rows: int) -> None:
    """The same table in both kinds of file."""
    import pandas as pd

    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{at}": random.normal(size=rows).round(5) for at in range(COLUMNS - 3)})
    frame["whole"], frame["few"] = random.integers(0, 1000, rows), random.integers(0, 5, rows)
    frame["y"] = (2 * frame["x0"] + frame["x1"]).round(5)
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet", index=False)


def by_kwb(file: Path) -> tuple[np.ndarray, np.ndarray]:
    from workbench.catalog.discovery import discover
    from workbench.catalog.lookup import Catalog
    from workbench.data.loading import load
    from workbench.recipe.schema import Data

    section = {
        "use": file.suffix[1:],
        "path": str(file),
        "targets": "y",
        "scale": "standard",
        "stream": False,
    }
    data = Data.model_validate({**section, "split": {"validation": 0.2}})
    prepared = load(data, Catalog(discover()), folder=file.parent, seed=0)
    return prepared.train.inputs["features"], prepared.train.targets["y"]


def by_pandas(file: Path) -> tuple[np.ndarray, np.ndarray]:
    import pandas as pd

    frame = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    target = frame.pop("y").to_numpy(np.float32)[:, None]
    order = np.random.default_rng(0).permutation(len(frame))
    train = order[: int(len(order) * 0.8 + 0.5)]
    own = frame.iloc[train]
    frame = (frame - own.mean()) / own.std(ddof=0)
    inputs = frame.to_numpy(np.float32)
    validation = order[len(train) :]
    inputs[validation], target[validation]
    return inputs[train], target[train]


def measure_here(way: str, file: Path) -> dict[str, float]:
    """In a process of its own: the seconds to the first step, and the sum of the training inputs."""
    import keras
    import pandas  # noqa: F401 (imports are not what is measured)
    import pyarrow.csv
    import pyarrow.dataset  # noqa: F401

    import kwb_datasets.parquet
    import kwb_datasets.text  # noqa: F401
    import workbench.data.in_memory  # noqa: F401

    model = keras.Sequential(
        [keras.Input((COLUMNS - 1,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(1)]
    )
    model.compile("adam", "mse")
    started, busy = time.perf_counter(), time.process_time()
    inputs, targets = (by_kwb if way == "kwb" else by_pandas)(file)
    model.train_on_batch(inputs[:32], targets[:32])
    wall, busy = time.perf_counter() - started, time.process_time() - busy
    return {"seconds": busy, "wall": wall, "sum": float(np.square(inputs, dtype=np.float64).sum())}


def measure(way: str, file: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.loading", "--cell", way, str(file)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, float] = json.loads(ran.stdout.strip().splitlines()[-1])
    return found


def compare(rows: int, runs: int) -> dict[str, Any]:
    """For each kind of file the medians of both, and their ratio."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), rows)
        for kind in KINDS:
            found: dict[str, list[dict[str, float]]] = {"kwb": [], "pandas": []}
            for _ in range(runs):
                for way, measured in found.items():
                    measured.append(measure(way, Path(name) / f"t.{kind}"))
            medians = {
                way: {
                    key: statistics.median(each[key] for each in measured)
                    for key in ("seconds", "wall", "sum")
                }
                for way, measured in found.items()
            }
            ratio = medians["kwb"]["seconds"] / medians["pandas"]["seconds"]
            results[kind] = {
                **medians,
                "ratio": ratio,
                "wall_ratio": medians["kwb"]["wall"] / medians["pandas"]["wall"],
            }
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cell", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cell:
        print(json.dumps(measure_here(options.cell[0], Path(options.cell[1]))))
        return
    results = compare(options.rows, options.runs)
    if options.json:
        print(json.dumps(results))
        return
    for kind, found in results.items():
        times = ", ".join(
            f"{way} {found[way]['seconds']:.2f} s ({found[way]['wall']:.2f} s)" for way in ("kwb", "pandas")
        )
        met = "met" if found["ratio"] <= TARGET_RATIO else "not met"
        print(
            f"{kind}: {times}; ratio {found['ratio']:.2f} ({found['wall_ratio']:.2f}), target {TARGET_RATIO:g} {met}"
        )


if __name__ == "__main__":
    main()
