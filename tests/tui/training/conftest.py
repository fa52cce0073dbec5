"""Runs to look at, which `tests.tui.training.record` made: one that finished, one that failed, one that was killed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.loaded_kwb import Process
from workbench import events
from workbench.storage.event_stream import EventLog, read_events
from workbench.storage.ownership import own
from workbench.storage.run_folder import RunFolder

ENDLESS = (
    "residual-regressor",
    "--set",
    "train.epochs=100000",
    "--set",
    "train.callbacks=[]",
    "--set",
    "save=[]",
)

RECORDED = Path(__file__).with_name("recorded")


def batch(folder: Path, *arguments: str) -> Process:
    """`kwb --batch`, started in a folder."""
    return Process(["--batch", *arguments], folder, os.environ | {"TERM": "dumb"}, piped=False)


def run_in(folder: Path) -> RunFolder | None:
    """The one run below a folder, if it has begun."""
    found = list((folder / "saved" / "runs").glob("*/recipe.yaml"))
    return RunFolder(found[0].parent) if found else None


def wait_for_epochs(folder: Path, process: Process, epochs: int) -> RunFolder:
    """Until the run of a folder has ended so many epochs."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        run = run_in(folder)
        if run and sum(isinstance(event, events.Epoch) for event, *_ in read_events(run.events)) >= epochs:
            return run
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    raise AssertionError(f"no {epochs} epochs in time")


@pytest.fixture
def finished() -> RunFolder:
    return RunFolder(RECORDED / "finished")


@pytest.fixture
def failed() -> RunFolder:
    """Its learning rate is such that a layer finds a value that is not finite."""
    return RunFolder(RECORDED / "failed")


@pytest.fixture
def killed() -> RunFolder:
    """A run whose process was killed in mid-training."""
    return RunFolder(RECORDED / "killed")


@contextmanager
def endless(folder: Path, *arguments: str) -> Iterator[Process]:
    """A run that goes on until it is stopped."""
    process = batch(folder, *ENDLESS, *arguments)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


Placed = Callable[..., RunFolder]


@pytest.fixture
def placed(working_directory: Path) -> Placed:
    """`placed(run, "name")`: a copy of a run in the working directory, all that differs between runs made equal."""

    def place(run: RunFolder, name: str, *, until_epoch: int | None = None) -> RunFolder:
        copy = RunFolder(working_directory / "saved" / "runs" / name)
        shutil.copytree(run.path, copy.path)
        copy.events.unlink()
        copy.lock.unlink(missing_ok=True)
        with EventLog(copy) as log:
            for number, (event, _, _) in enumerate(read_events(run.events)):
                if until_epoch is not None and isinstance(event, events.Epoch) and event.epoch > until_epoch:
                    break
                if isinstance(event, events.Step):  # how many there are depends on the machine
                    continue
                log.append(_timeless(event, copy), 1_760_000_000.0 + number)
        return copy

    return place


@pytest.fixture
def three(placed, finished, failed):
    """Three runs in the working directory: two that are done, one that failed."""
    return [
        placed(finished, "price-one"),
        placed(finished, "price-two", until_epoch=4),
        placed(failed, "failing"),
    ]


def _timeless(event: events.Event, run: RunFolder) -> events.Event:
    match event:
        case events.RunStarted():
            return replace(event, folder=f"saved/runs/{run.name}")
        case events.EngineChosen():
            return replace(event, engine="chunk", candidates={"chunk": 1000.0}, reason="measured")
        case events.Epoch():
            return replace(event, seconds=0.01, steps_per_second=1000.0)
        case events.Saved():
            return replace(event, path=f"saved/runs/{run.name}/{Path(event.path).name}")
        case events.Finished():
            return replace(event, seconds=2.0)
        case _:
            return event


@pytest.fixture
def owned() -> Iterator[Callable[[RunFolder], None]]:
    """`owned(run)`: this process works on the run until the test ends."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda run: stack.enter_context(own(run))
