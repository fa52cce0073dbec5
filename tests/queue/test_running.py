"""`kwb queue` in processes of its own: it trains what waits, and loses nothing whatever ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.whole import part
from tests.worker.conftest import recipe
from workbench.queue.store import QueueState, TrainingQueue
from workbench.storage.ownership import ask_to_stop, owner
from workbench.storage.runs import list_runs, summary_of

pytestmark = pytest.mark.slow


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from workbench.cli import command; command()", *arguments],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kwb(folder: Path, *arguments: str, code: int = 0) -> str:
    process = start(folder, *arguments)
    out, errors = process.communicate(timeout=300)
    assert process.returncode == code, (out, errors)
    return out + errors if code else out


def recipe_file(folder: Path, name: str, **changes: Any) -> str:
    path = folder / f"{name}.yaml"
    path.write_text(recipe(**changes).replace("name: small", f"name: {name}"))
    return path.name


def until_running(folder: Path, name: str, epoch: int = 1) -> Path:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for run in list_runs(folder / "saved" / "runs"):
            if run.folder.name.startswith(name) and run.epoch >= epoch and owner(run.folder):
                return run.folder.path
        time.sleep(0.05)
    raise AssertionError(f"{name} does not train")


def test_trains_in_order_and_keeps_what_failed(tmp_path: Path) -> None:
    first, second = recipe_file(tmp_path, "first"), recipe_file(tmp_path, "second", epochs=3)
    broken = tmp_path / "broken.yaml"
    broken.write_text(recipe().replace("diabetes", "no-such-data").replace("name: small", "name: broken"))
    kwb(tmp_path, "queue", "add", first, broken.name)
    kwb(tmp_path, "queue", "add", second, "--set", "train.epochs=2")
    (tmp_path / first).write_text("not: a recipe")  # what is edited later does not count
    kwb(tmp_path, "queue", "move", "3", "first")
    lines = [json.loads(line) for line in kwb(tmp_path, "queue", "run", "--json", code=1).splitlines()]
    assert [(line["name"], line["state"]) for line in lines] == [
        ("second", "training"), ("second", "done"), ("first", "training"), ("first", "done"), ("broken", "failed")
    ]  # fmt: skip
    assert "no-such-data" in lines[-1]["error"]["what"]
    assert {run.folder.name.split("-")[0]: run.epoch for run in list_runs(tmp_path / "saved/runs")} == {
        "first": 2, "second": 2
    }  # fmt: skip
    (row,) = json.loads(kwb(tmp_path, "queue", "--json"))
    assert (row["number"], row["name"], row["state"]) == (2, "broken", "failed")
    assert "no-such-data" in row["error"]
    assert kwb(tmp_path, "queue", "run") == ""  # it is not tried again by itself
    kwb(tmp_path, "queue", "again", "2")
    kwb(tmp_path, "queue", "run", code=1)
    kwb(tmp_path, "queue", "remove", "2")
    assert json.loads(kwb(tmp_path, "queue", "--json")) == []


def test_bad_input_is_said_before_anything_waits(tmp_path: Path) -> None:
    good = recipe_file(tmp_path, "good")
    assert "no recipe file" in kwb(tmp_path, "queue", "add", good, "nothing", code=2)
    assert "train.epochs" in kwb(tmp_path, "queue", "add", good, "--set", "train.epochs=x", code=2)
    assert "no training 4" in kwb(tmp_path, "queue", "remove", "4", code=2)
    kwb(tmp_path, "queue", "add", good)
    assert "PLACE" in kwb(tmp_path, "queue", "move", "1", "sideways", code=2)
    (tmp_path / "saved/queue/queue.json").write_text("{")
    assert "queue.json" in kwb(tmp_path, "queue", code=3)


@pytest.mark.parametrize("number", part("search", [signal.SIGINT, signal.SIGKILL], [signal.SIGKILL]))
def test_goes_on_where_it_was_ended(tmp_path: Path, number: signal.Signals) -> None:
    """The run that was cut off is the one that goes on, and ends as one that was never disturbed."""
    epochs = 300
    name = recipe_file(tmp_path, "long", epochs=epochs, engine="steps")
    text = (tmp_path / name).read_text()
    (tmp_path / name).write_text(text.replace("epochs:", "checkpoint_seconds: 0.2, epochs:"))
    kwb(tmp_path, "queue", "add", name)
    process = start(tmp_path, "queue", "run")
    run = until_running(tmp_path, "long", epoch=3)
    end = time.monotonic() + 60
    while not os.listdir(run / "checkpoints"):
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    if number == signal.SIGINT:
        assert process.returncode == 130, errors
        assert "`kwb queue run` goes on" in errors
    queue = TrainingQueue(tmp_path / "saved/queue")
    (row,) = queue.rows()
    assert row.training.run == str(run)
    end = time.monotonic() + 60
    while queue.rows()[0].state is not QueueState.WAITING:  # its own process saves and ends
        assert time.monotonic() < end
        time.sleep(0.1)
    cut_off = list_runs(tmp_path / "saved/runs")[0]
    assert cut_off.epoch < epochs
    kwb(tmp_path, "queue", "run")
    (ended,) = list_runs(tmp_path / "saved/runs")
    assert (ended.folder.path, ended.status, ended.epoch) == (run, "done", epochs)
    assert queue.rows() == []
    kwb(tmp_path, "--batch", name, "--set", "train.checkpoint_seconds=3600")
    undisturbed = list_runs(tmp_path / "saved/runs")[0]
    assert undisturbed.folder.path != run
    assert ended.logs == undisturbed.logs


def test_two_runners_beside_each_other_and_one_that_is_stopped_from_outside(tmp_path: Path) -> None:
    names = [recipe_file(tmp_path, f"r{number}", epochs=400, engine="steps") for number in range(2)]
    names.append(recipe_file(tmp_path, "r2", epochs=2))
    kwb(tmp_path, "queue", "add", *names)
    runners = [start(tmp_path, "queue", "run", "--json") for _ in range(2)]
    first = until_running(tmp_path, "r0")
    until_running(tmp_path, "r1")
    ask_to_stop(list_runs(tmp_path / "saved/runs")[-1].folder)  # `kwb stop`: that one, not the queue
    done: list[tuple[str, str]] = []
    for runner in runners:
        out, errors = runner.communicate(timeout=300)
        assert runner.returncode == 0, errors
        lines = [json.loads(line) for line in out.splitlines()]
        done += [(line["name"], line["state"]) for line in lines if line["state"] != "training"]
    assert sorted(name for name, _ in done) == ["r0", "r1", "r2"]
    assert sorted(state for _, state in done) == ["done", "done", "stopped"]
    assert len(list_runs(tmp_path / "saved/runs")) == 3
    assert first.exists()


def test_waits_for_a_run_and_goes_on_with_one(tmp_path: Path) -> None:
    """`--after` is how the app hands the queue over; `add RUN` is how a run that was stopped gets its turn."""
    name = recipe_file(tmp_path, "before", epochs=1_000_000, engine="steps")
    alone = start(tmp_path, "--batch", name)
    run = until_running(tmp_path, "before")
    assert "is being trained" in kwb(tmp_path, "queue", "add", run.name, code=2)
    kwb(tmp_path, "queue", "add", recipe_file(tmp_path, "later"))
    waiting = start(tmp_path, "queue", "run", "--after", run.name)
    time.sleep(4)
    assert [each.folder.path for each in list_runs(tmp_path / "saved/runs")] == [run]
    kwb(tmp_path, "stop", run.name)
    out, errors = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, errors
    assert "later: done" in out
    alone.communicate(timeout=60)
    before = summary_of(list_runs(tmp_path / "saved/runs")[-1].folder)
    assert before.epoch < 1_000_000
    kwb(tmp_path, "queue", "add", run.name, "--set", f"train.epochs={before.epoch + 5}")
    kwb(tmp_path, "queue", "run")
    assert summary_of(before.folder).epoch == before.epoch + 5
    assert "the run is done" in kwb(tmp_path, "queue", "add", run.name, code=2)
    assert "the seed that it began with" in kwb(tmp_path, "queue", "add", run.name, "--set", "seed=9", code=2)
    kwb(tmp_path, "queue", "add", run.name, "--set", f"train.epochs={before.epoch + 8}")  # done, and for more
    kwb(tmp_path, "queue", "run")
    assert summary_of(before.folder).epoch == before.epoch + 8
    assert json.loads(kwb(tmp_path, "queue", "--json")) == []
