"""Where the time goes until the first epoch of a training has ended: python -m tests.benchmarks.startup [RECIPE ...]

Each recipe is trained by `kwb --batch RECIPE --json` in a process of its own: the first time, and once more when what
was measured and tried is known. Prints, in seconds,

    first epoch             from the start of the program to the end of the first epoch
    finished                from the start of the program to its end
    start and first epoch   the first epoch without the parts: TensorFlow's loading above all, and the epoch itself
    the parts               what each took until the engine was chosen: the `timing` of the event `engine_chosen`
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECIPES = ("residual-regressor", "reconstructing-regressor", "custom-stack", "multi-inputs")
COMMAND = [sys.executable, "-c", "from workbench.cli import command; command()"]


@dataclass(frozen=True)
class Start:
    """The beginning of one training, in seconds.

    Args:
        first_epoch, finished: from the start of the program.
        timing: of each part, as its event has it.
        engine: the one that was chosen.
    """

    first_epoch: float
    finished: float
    timing: dict[str, float]
    engine: str

    @property
    def rest(self) -> float:
        """What is left of the time to the first epoch's end: the start of the program, and the epoch itself."""
        return self.first_epoch - sum(self.timing.values())


def started(recipe: str, folder: Path, state: Path) -> Start:
    """Train a recipe to its end."""
    seen: dict[str, tuple[float, dict[str, Any]]] = {}
    began = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, "--batch", recipe, "--json"],
        cwd=folder,
        env=os.environ | {"KWB_STATE_DIR": str(state)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        seen.setdefault(event["event"], (time.perf_counter() - began, event))
    process.wait()
    if "engine_chosen" not in seen or "epoch" not in seen:
        raise SystemExit(f"{recipe}: {seen.get('failed', (0.0, {}))[1].get('what', 'it was not trained')}")
    chosen = seen["engine_chosen"][1]
    return Start(seen["epoch"][0], time.perf_counter() - began, chosen["timing"], chosen["engine"])


def shown(name: str, start: Start) -> str:
    parts = ", ".join(f"{part} {seconds:.2f}" for part, seconds in start.timing.items() if seconds >= 0.005)
    return (
        f"{name:<8}first epoch {start.first_epoch:5.2f}  finished {start.finished:5.2f}  "
        f"start and first epoch {start.rest:5.2f}  {start.engine}: {parts}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", default=RECIPES, metavar="RECIPE")
    for recipe in parser.parse_args().recipes:
        print(recipe)
        with tempfile.TemporaryDirectory(prefix="kwb-startup-") as folder:
            state = Path(folder) / ".state"
            for name in ("first", "again"):
                print(f"  {shown(name, started(recipe, Path(folder), state))}", flush=True)
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
