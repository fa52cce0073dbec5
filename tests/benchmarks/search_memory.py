"""Whether the memory of a search grows: a real one of many tiny trials.

    python -m tests.benchmarks.search_memory [TRIALS]

Prints the resident memory of the agent and of the process that it forks trainings from, after a tenth of the trials and
after all of them. The target is at most 20 MiB more, over 200 trials.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.search.bases import RECIPE, recipe

MIB = 1 << 20
OVER = {"train.optimizer.learning_rate": {"from": 0.001, "to": 0.1, "log": True}}


def main(trials: int) -> None:
    train = {**RECIPE["train"], "epochs": 1, "batch_size": 128}
    text = recipe(search={"over": OVER, "method": "random", "trials": trials}, train=train)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "r.yaml").write_text(text)
        code = "from workbench.cli import command; command()"
        process = subprocess.Popen(
            [sys.executable, "-c", code, "search", "r.yaml", "--workers", "2", "--json"],
            cwd=folder, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        began, over = time.perf_counter(), 0
        first: dict[str, float] = {}
        memory: dict[str, float] = {}
        for line in process.stdout:
            if json.loads(line).get("state") != "done":
                continue
            over += 1
            if over in (max(1, trials // 10), trials - 2):  # before the agent ends
                memory = _memory(process.pid)
                shown = ", ".join(f"{name} {value:.1f} MiB" for name, value in memory.items())
                print(f"after {over} trials ({time.perf_counter() - began:.0f} s): {shown}", flush=True)
                first = first or memory
        assert process.wait() == 0
        print(*(f"{name}: {memory[name] - first[name]:+.1f} MiB" for name in first), sep=", ")


def _memory(pid: int) -> dict[str, float]:
    """Of the agent, and of its one lasting child; trainings are children of that one."""
    agent = psutil.Process(pid)
    (forks,) = agent.children()
    return {"agent": agent.memory_info().rss / MIB, "fork server": forks.memory_info().rss / MIB}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
