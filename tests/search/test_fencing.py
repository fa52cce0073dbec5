"""An agent that was frozen does not write into a run that another one has taken over."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.search.agents import finish, start
from tests.search.bases import RECIPE, recipe
from tests.whole import part
from workbench.catalog.lookup import Catalog
from workbench.errors import FileError
from workbench.search.journal import Journal
from workbench.search.opening import open_search
from workbench.search.state import TrialState
from workbench.storage import fencing
from workbench.storage.ownership import own
from workbench.storage.run_folder import RunFolder
from workbench.training.session import Session

EPOCHS = {"agent": 80, "all": 40}  # one that was not frozen must still train when it is taken over


def until(reached: Callable[[], Any], *processes: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not reached():
        for process in processes:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def events_of(run: Path) -> list[dict[str, Any]]:
    lines = (run / "events.jsonl").read_bytes().split(b"\n")
    return [json.loads(line) for line in lines[:-1]]


def agent(folder: Path, boot: str, *arguments: str) -> subprocess.Popen[str]:
    """An agent that the others take for one of another machine."""
    constants = (
        "leases.BEAT, leases.GIVE_UP, leases.LEASE = 0.3, 2.0, 3.0; "
        f"leases._boot = lambda: {boot!r}; leases._runs = None"
    )
    return start(folder, "", "search", *arguments, "--workers", "1", constants=constants)


@pytest.mark.slow
@pytest.mark.parametrize("frozen", part("search", ["agent", "all"], ["agent"]))
def test_a_frozen_agent(tmp_path: Path, catalog: Catalog, frozen: str) -> None:
    """Its training ends, whether it was frozen too or went on; nothing of it is in the run of the other one."""
    train = {**RECIPE["train"], "engine": "plain", "epochs": EPOCHS[frozen], "checkpoint_seconds": 1.0}
    train["batch_size"] = 4
    over = {"train.optimizer.learning_rate": {"from": 0.001, "to": 0.1, "log": True}}
    (tmp_path / "r.yaml").write_text(
        recipe(search={"over": over, "method": "random", "trials": 1}, train=train)
    )
    path = tmp_path / "saved" / "searches" / "small" / "journal.jsonl"
    journal = Journal(path)
    first = agent(tmp_path, "one", "r.yaml")
    until(lambda: journal.read().trials, first)
    second = agent(tmp_path, "two", "small")
    until(
        lambda: len(journal.read().agents) == 2 and journal.state.trials[0].repetitions[0].run, first, second
    )
    run = RunFolder(Path(journal.state.trials[0].repetitions[0].run))
    until(lambda: list(run.checkpoints.glob("0*")), first, second)
    (child,) = (each for each in psutil.Process(first.pid).children(recursive=True) if _trains(run, each.pid))
    with path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # so that it is not frozen while it has the journal's lock
        for pid in (first.pid, *([child.pid] if frozen == "all" else [])):
            os.kill(pid, signal.SIGSTOP)
    until(lambda: len(starts := _starts(run)) == 2 and starts[1] < len(events_of(run.path)) - 8, second)
    assert fencing.number_of(run) == 2
    if frozen == "all":
        assert child.is_running()
        os.kill(child.pid, signal.SIGCONT)
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, second)
    os.kill(first.pid, signal.SIGCONT)
    finish(second)
    finish(first)
    state = journal.read()
    (trial,) = state.trials
    assert (trial.state, trial.repetitions[0].deaths) == (TrialState.DONE, 0)
    assert list((tmp_path / "saved" / "runs").iterdir()) == [run.path]
    _same(run, _undisturbed(tmp_path, catalog), EPOCHS[frozen])


def _trains(run: RunFolder, pid: int) -> bool:
    return f"process {pid} " in run.lock.read_text()


def _starts(run: RunFolder) -> list[int]:
    return [place for place, each in enumerate(events_of(run.path)) if each["event"] == "run_started"]


def _undisturbed(folder: Path, catalog: Catalog) -> RunFolder:
    opened = open_search("small", catalog, root=folder / "saved" / "searches")
    document = opened.base.trial(0, opened.journal.read().trials[0].settings)
    Session(document, catalog, lambda *_: None, runs_folder=folder / "alone").run()
    (made,) = (folder / "alone").iterdir()
    return RunFolder(made)


def _same(run: RunFolder, alone: RunFolder, epochs: int) -> None:
    """What both runs came to is the same, and after the takeover nothing of the first process is in the stream."""
    start = _starts(run)[1]
    mine, its = events_of(run.path), events_of(alone.path)
    logs = {each["epoch"]: each["logs"] for each in its if each["event"] == "epoch"}
    before = {each["epoch"]: each["logs"] for each in mine[:start] if each["event"] == "epoch"}
    after = [(each["epoch"], each["logs"]) for each in mine[start:] if each["event"] == "epoch"]
    assert [epoch for epoch, _ in after] == [*range(after[0][0], epochs + 1)]
    assert after[0][0] <= len(before) + 1
    assert mine[start]["resumed_from"]
    assert before | dict(after) == logs
    assert [each["event"] for each in mine].count("finished") == 1
    names = [{path.name for path in each.path.iterdir()} - {".fence"} for each in (run, alone)]
    assert names[0] == names[1]
    for folder in (run, alone):
        assert not [
            *folder.path.rglob("*.new"),
            *folder.path.rglob("*.writing-*"),
            *folder.path.rglob(".*tmp-*"),
        ]
    mine_kept, its_kept = (
        (each.checkpoints / sorted(os.listdir(each.checkpoints))[-1]) for each in (run, alone)
    )
    with np.load(mine_kept / "variables.npz") as ours, np.load(its_kept / "variables.npz") as theirs:
        assert sorted(ours.files) == sorted(theirs.files)
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours.files)


def test_a_process_with_a_smaller_number_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench import atomic

    monkeypatch.setattr(atomic, "_checks", [])
    monkeypatch.setattr(fencing, "LOOK_EVERY", 3600.0)
    run = RunFolder(tmp_path)

    def end() -> None:
        raise FileError("superseded")

    fencing.hold(run, 1, end)
    atomic.write_bytes(tmp_path / "a", b"1")
    fencing.raise_fence(run, 2)
    with pytest.raises(FileError, match="superseded"):
        atomic.write_bytes(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []
    fencing.raise_fence(run, 1)  # one that comes late lowers nothing
    assert fencing.number_of(run) == 2


def test_the_lock_of_a_process_outside_of_a_search_is_not_broken(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    fencing.raise_fence(run, 1, "process 1 on elsewhere")
    fencing.raise_fence(run, 2)
    assert fencing.break_lock(run)
    with own(run):
        assert not fencing.break_lock(run)
        fencing.raise_fence(run, 1, fencing.this_process())
        assert fencing.break_lock(run)
        with own(run):  # another file has the name of the lock now
            pass
