"""Journals of searches in the working directory, as `kwb search` writes them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.search.bases import OVER, RECIPE, recipe
from workbench import events
from workbench.search import state as records
from workbench.search.journal import Journal
from workbench.search.leases import describe_agent
from workbench.search.opening import SEARCHES
from workbench.search.state import TrialState
from workbench.storage.event_stream import EventLog
from workbench.storage.run_folder import RunFolder

MOMENT = 1_760_000_000.0

MakeSearch = Callable[..., Journal]
MakeRun = Callable[..., RunFolder]


@pytest.fixture
def place(working_directory: Path) -> Path:
    return working_directory


@pytest.fixture
def make_search(place: Path) -> MakeSearch:
    """Begin a search, or with `repeat` alone a repeat: `make_search("name", search={...})`."""

    def make(name: str, **sections: Any) -> Journal:
        sections = sections or {"search": {"over": OVER, "trials": 8, "prune": {"after": 2}}}
        journal = Journal(place / SEARCHES / name / "journal.jsonl")
        record = {"kind": "recipe", "text": recipe(**sections), "name": "small.yaml", "folder": str(place)}
        journal.update(lambda _: [{**record, "overrides": []}])
        return journal

    return make


@pytest.fixture
def make_run(place: Path) -> MakeRun:
    """A run of some epochs: `make_run("small-t0", [0.9, 0.8])`, by the values of `val_loss`."""

    def make(name: str, values: list[float], *, status: str = "") -> RunFolder:
        run = RunFolder(place / "saved" / "runs" / name)
        run.checkpoints.mkdir(parents=True)
        run.recipe.write_text(recipe(name=name))
        with EventLog(run) as log:
            log.append(events.RunStarted(str(run.path), {**RECIPE, "name": name}, {}), MOMENT)
            for number, value in enumerate(values, 1):
                logs = {"loss": value - 0.1, "val_loss": value}
                log.append(events.Epoch(number, 6, logs, 1.0, 10.0, 0.01), MOMENT + number)
            if status:
                log.append(events.Finished(status, {}, {}, 1.0), MOMENT + 10)
        return run

    return make


def still(journal: Journal) -> None:
    """Give the journal a time of change that is the same in every picture."""
    os.utime(journal.path, (MOMENT, MOMENT))


@pytest.fixture
def five(make_search: MakeSearch, make_run: MakeRun) -> Journal:
    """A search of eight trials on which this process works: two done, one pruned, failed, running each."""
    journal = make_search("small")
    agent, record = describe_agent(2)
    tried = [(0.01, 4), (0.03, 16), (0.1, 4), (0.002, 16), (0.05, 16)]
    keys = tuple(OVER)
    made = [record]
    for number, values in enumerate(tried):
        made += [records.new_trial(dict(zip(keys, values, strict=True)), 1), records.begun(agent, number, 0)]
    runs = [
        make_run("small-t0", [0.9, 0.7, 0.6], status="done"),
        make_run("small-t1", [0.8, 0.5, 0.55], status="done"),
        make_run("small-t2", [1.5, 1.4], status="stopped"),
        make_run("small-t3", []),
        make_run("small-t4", [0.7, 0.65]),
    ]
    made += [records.run_made(agent, number, 0, str(run.path)) for number, run in enumerate(runs)]
    made += [
        records.ended(agent, 0, 0, TrialState.DONE, epoch=3, value=0.6, logs={"val_loss": 0.6}),
        records.ended(agent, 1, 0, TrialState.DONE, epoch=3, value=0.5, logs={"val_loss": 0.55}),
        records.ended(agent, 2, 0, TrialState.PRUNED, epoch=2, value=1.4, logs={"val_loss": 1.4}),
        records.ended(agent, 3, 0, TrialState.FAILED, why="the loss is NaN after 12 steps."),
    ]
    journal.update(lambda _: made)
    still(journal)
    return journal


@pytest.fixture
def repeated(make_search: MakeSearch, make_run: MakeRun) -> Journal:
    """A repeat with three seeds, of which two are done and nobody works on the third."""
    journal = make_search("small-3-seeds", repeat={"seeds": 3})
    agent, record = describe_agent(1)
    made = [record, records.new_trial({}, 3)]
    for number, value in enumerate([0.5, 0.7]):
        run = make_run(f"small-t0-{number}", [value], status="done")
        logs = {"loss": value - 0.1, "val_loss": value}
        made += [records.begun(agent, 0, number), records.run_made(agent, 0, number, str(run.path))]
        made += [records.ended(agent, 0, number, TrialState.DONE, epoch=1, logs=logs)]
    made += [records.begun(agent, 0, 2), {"kind": "left", "agent": agent}]
    journal.update(lambda _: made)
    still(journal)
    return journal


@pytest.fixture(autouse=True)
def one_time_zone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
