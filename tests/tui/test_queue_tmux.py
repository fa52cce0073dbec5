"""The queue in a real terminal: keys in one burst, another terminal beside the app, and a connection that breaks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.tui.test_tmux import Open, terminal
from tests.worker.conftest import recipe
from workbench.queue.store import TrainingQueue
from workbench.storage.ownership import ask_to_stop
from workbench.storage.runs import list_runs

__all__ = ["terminal"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


def wait_for(condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def write(folder: Path, name: str, epochs: int) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(recipe(epochs=epochs).replace("name: small", f"name: {name}"))


def statuses(folder: Path) -> dict[str, str]:
    return {run.folder.name.split("-")[0]: run.status for run in list_runs(folder / "saved" / "runs")}


@pytest.mark.parametrize("size", [(80, 24)])
def test_order_and_another_terminal(terminal: Open, tmp_path: Path, size: tuple[int, int]) -> None:
    folder = tmp_path / "working_directory"
    for name, epochs in (("endless", 1_000_000), ("aa", 2), ("bb", 2)):
        write(folder, name, epochs)
    kwb = terminal("endless.yaml", size=size)
    kwb.until(lambda screen: "units" in screen, "the open recipe")
    kwb.press("F5")
    kwb.until(lambda screen: "loss" in screen and "▶" in screen.splitlines()[0], "the training")
    beside = [sys.executable, "-c", "from workbench.cli import command; command()", "queue", "add"]
    subprocess.run([*beside, "aa.yaml", "bb.yaml"], cwd=folder, check=True, timeout=60)
    kwb.press("Q")
    kwb.until(lambda screen: "waiting    1 aa" in screen and "waiting    2 bb" in screen, "what waits")
    kwb.press("Down", "Down", "K")  # in one burst
    wait_for(lambda: [row.training.name for row in TrainingQueue(folder / "saved/queue").rows()] == ["bb", "aa"],
             "the order")  # fmt: skip
    screen = kwb.until(lambda screen: screen.find("2 bb") < screen.find("1 aa"), "the order")
    assert "h Hold" in screen
    kwb.press("Escape")
    kwb.until(lambda screen: "What waits begins" not in screen, "the end of the dialog")
    kwb.press("4", "x")
    wait_for(lambda: statuses(folder).get("aa") == "done", "both are trained")
    done = [run.folder.name.split("-")[0] for run in list_runs(folder / "saved" / "runs")]
    assert done == ["aa", "bb", "endless"]  # the newest first
    kwb.press("Q")
    kwb.until(lambda screen: "Nothing waits" in screen, "an empty queue")
    kwb.press("Escape")
    kwb.press("q")
    kwb.until(lambda screen: "LEFT WITH 0" in screen, "end of the app")


def test_a_connection_that_breaks_ends_neither_the_training_nor_the_queue(
    terminal: Open, tmp_path: Path
) -> None:
    folder = tmp_path / "working_directory"
    write(folder, "endless", 1_000_000)
    write(folder, "next", 2)
    kwb = terminal("endless.yaml")
    kwb.until(lambda screen: "units" in screen, "the open recipe")
    kwb.press("F5")
    kwb.until(lambda screen: "loss" in screen and "▶" in screen.splitlines()[0], "the training")
    kwb.press("1")
    kwb.until(lambda screen: "next" in screen, "the recipes")
    kwb.press("/", *"next.yaml", "Enter")
    kwb.until(lambda screen: "next" in screen, "the recipe")
    kwb.press("t")
    wait_for(lambda: len(TrainingQueue(folder / "saved/queue").rows()) == 1, "one waits")
    (app,) = (
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if process.info["cwd"] == str(folder) and process.info["cmdline"][-1:] == ["endless.yaml"]
        and process.info["cmdline"][0] == sys.executable
    )  # fmt: skip
    os.kill(app.pid, signal.SIGHUP)
    kwb.until(lambda screen: "LEFT WITH 129" in screen, "end of the app")
    time.sleep(3)
    assert statuses(folder) == {"endless": "running"}
    ask_to_stop(list_runs(folder / "saved" / "runs")[0].folder)
    wait_for(lambda: statuses(folder) == {"endless": "stopped", "next": "done"}, "the queue goes on")
