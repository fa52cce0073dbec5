"""The service of children and trainings, with real children: warm, busy, killed, taken by a training, given back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.coroutines import until
from tests.fork_server import shared_fork_server
from tests.worker.conftest import recipe
from workbench import events
from workbench.errors import WorkbenchError
from workbench.spawning import CAN_FORK, ForkServer
from workbench.storage.event_stream import read_events
from workbench.storage.run_folder import RunFolder
from workbench.tui.context import TrainingState, WorkerState
from workbench.tui.messages import SharedMessage, TrainingEvents, WorkerChanged
from workbench.tui.services.training import Training
from workbench.tui.services.workers import WorkerService
from workbench.worker.client import WorkerDied


@dataclass(frozen=True)
class Open:
    text: str
    folder: Path
    name: str = "small"


@asynccontextmanager
async def service(
    folder: Path, fork_server: ForkServer | None = None
) -> AsyncIterator[tuple[WorkerService, list[SharedMessage]]]:
    posted: list[SharedMessage] = []
    made = WorkerService(
        posted.append,
        log_folder=folder / "logs",
        working_directory=folder,
        runs_folder=folder / "saved/runs",
        fork_server=fork_server or shared_fork_server(),
    )
    try:
        yield made, posted
    finally:
        await made.close()


def states(posted: list[SharedMessage]) -> list[str]:
    return [str(message.state) for message in posted if isinstance(message, WorkerChanged)]


def kinds(posted: list[SharedMessage]) -> set[str]:
    """The kinds of events that came from a training."""
    batches = [message.batch for message in posted if isinstance(message, TrainingEvents)]
    return {event.kind for batch in batches for event, _ in batch}


@pytest.mark.slow
@pytest.mark.parametrize("forks", [True, False])
async def test_the_child_is_warm_and_busy_and_a_training_begins_at_once(
    forks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forked where that can be done; elsewhere the training takes the warm child and gives it back."""
    if forks and not CAN_FORK:
        pytest.skip("children cannot be forked here")
    monkeypatch.setattr("workbench.tui.services.workers.CAN_FORK", forks)
    if not forks:
        monkeypatch.setattr("tests.tui.test_services.shared_fork_server", lambda: None)
    async with service(tmp_path) as (workers, posted):
        workers.warm_up()
        await until(lambda: workers.state is WorkerState.READY, 60)
        first = workers.versions["pid"]
        rows = await workers.call("examine", text=recipe())
        assert rows["parameters"] == 49
        assert states(posted) == ["starting", "ready", "busy", "ready"]

        training = workers.train(Open(recipe(epochs=30), tmp_path))
        await asyncio.wait_for(training.ended.wait(), 60)
        assert training.state is TrainingState.FINISHED
        assert training.worker is not None
        assert (training.worker.pid != first) is forks
        await until(lambda: workers.state is WorkerState.READY)
        assert (await workers.call("examine", text=recipe())) == rows
        assert workers.versions["pid"] == first  # and no other was started for assembling

        reported = [
            event for message in posted if isinstance(message, TrainingEvents) for event, _ in message.batch
        ]
        assert reported == [event for event, _, _ in read_events(RunFolder(training.run_folder).events)]
        assert [event.epoch for event in reported if isinstance(event, events.Epoch)] == list(range(1, 31))
        batches = [message for message in posted if isinstance(message, TrainingEvents)]
        assert len(batches) < len(reported)


@pytest.mark.slow
async def test_while_one_trains_another_assembles(tmp_path: Path) -> None:
    async with service(tmp_path) as (workers, _):
        training = workers.train(Open(recipe(epochs=1_000_000), tmp_path))
        await until(lambda: training.state is TrainingState.RUNNING, 60)
        assert workers.state is WorkerState.OFF  # nothing is started that nobody wants
        assert (await workers.call("examine", text=recipe()))["parameters"] == 49
        assert workers.versions["pid"] != training.worker.pid

        await training.control("pause")
        await until(lambda: training.state is TrainingState.PAUSED)
        await training.control("resume")
        await until(lambda: training.state is TrainingState.RUNNING)
        await training.control("stop")
        assert training.state is TrainingState.STOPPING
        await asyncio.wait_for(training.ended.wait(), 60)
        assert training.state is TrainingState.FINISHED
        assert training.run_folder is not None
        assert (training.run_folder / "model.keras").is_file()
        with pytest.raises(WorkbenchError, match="nothing is being trained"):
            await training.control("pause")


@pytest.mark.slow
async def test_a_killed_child_is_reported_once_and_another_is_started(tmp_path: Path) -> None:
    async with service(tmp_path) as (workers, posted):
        workers.warm_up()
        await until(lambda: workers.state is WorkerState.READY, 60)
        first = workers.versions["pid"]
        os.kill(first, signal.SIGSTOP)  # so that the question is still open when it dies
        asked = asyncio.ensure_future(workers.call("examine", text=recipe()))
        await until(lambda: workers.state is WorkerState.BUSY)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(WorkerDied, match="killed from outside"):
            await asked
        await until(lambda: workers.state is WorkerState.READY, 60)
        assert workers.versions["pid"] != first
        assert "dead" in states(posted)
        assert (await workers.call("examine", text=recipe()))["parameters"] == 49

        training = workers.train(Open(recipe(epochs=1_000_000), tmp_path))
        await until(lambda: "epoch" in kinds(posted), 60)
        os.kill(training.worker.pid, signal.SIGKILL)
        await asyncio.wait_for(training.ended.wait(), 30)
        assert training.state is TrainingState.FAILED
        assert isinstance(training.error, WorkerDied)
        assert training.error.where.endswith(".log")
        await until(lambda: workers.state is WorkerState.READY, 60)


@pytest.mark.slow
async def test_a_recipe_that_fails_is_reported_as_the_trainings_error(tmp_path: Path) -> None:
    async with service(tmp_path) as (workers, _):
        training = workers.train(Open(recipe().replace("loss: mse", "loss: mze"), tmp_path))
        await asyncio.wait_for(training.ended.wait(), 60)
        assert training.state is TrainingState.FAILED
        assert "mze" in str(training.error)
        assert (await workers.call("examine", text=recipe()))["parameters"] == 49  # nothing else is the worse


@pytest.mark.slow
async def test_callers_that_give_up_or_come_together_share_one_child(tmp_path: Path) -> None:
    async with service(tmp_path) as (workers, posted):
        given_up = asyncio.ensure_future(workers.call("examine", text=recipe()))
        await asyncio.sleep(0)
        others = [asyncio.ensure_future(workers.call("examine", text=recipe())) for _ in range(2)]
        await asyncio.sleep(0.2)
        given_up.cancel()  # while the child is starting: a newer question took this one's place
        training = workers.train(Open(recipe(epochs=1_000_000), tmp_path))
        late = asyncio.ensure_future(workers.call("examine", text=recipe()))
        for reply in (*others, late):
            assert (await asyncio.wait_for(reply, 90))[
                "parameters"
            ] == 49  # none waits for the training's end
        await until(lambda: training.state is TrainingState.RUNNING, 60)
        assert states(posted).count("starting") <= 2
        await training.control("stop")
        await asyncio.wait_for(training.ended.wait(), 60)


async def test_a_child_that_cannot_start_is_dead_and_says_why(tmp_path: Path) -> None:
    posted: list[SharedMessage] = []
    workers = WorkerService(
        posted.append,
        log_folder=tmp_path / "logs",
        working_directory=tmp_path / "gone",
        runs_folder=tmp_path,
    )
    with pytest.raises(WorkbenchError, match="cannot be started"):
        await workers.call("examine", text=recipe())
    assert workers.state is WorkerState.DEAD
    await workers.close()


async def test_a_fork_server_that_was_killed_is_replaced(tmp_path: Path) -> None:
    fork_server = ForkServer(tmp_path / "fork_server.log")
    async with service(tmp_path, fork_server) as (workers, _):
        await workers.call("examine", text=recipe())
        first = workers.versions["pid"]
        fork_server.close()
        await until(lambda: not fork_server.alive)
        assert (await workers.call("examine", text=recipe()))["parameters"] == 49
        assert workers.versions["pid"] == first, "a child outlives it"
        await workers.restart()
        assert (await workers.call("examine", text=recipe()))["parameters"] == 49
        assert workers.versions["pid"] != first


async def test_events_come_in_batches_and_are_not_kept() -> None:
    batches: list[Any] = []
    training = Training("x", on_events=lambda _, batch: batches.append(list(batch)), on_change=lambda _: None)
    sent = [(events.Step(1, number, 1000, {"loss": 1.0}, 1.0), float(number)) for number in range(1000)]
    for event, moment in sent:
        training.take(event, moment)
    assert batches == []  # all in one turn of the loop
    await until(lambda: batches)
    assert batches == [sent]
    assert training.latest == 999.0
    kept = [value for value in vars(training).values() if isinstance(value, list)]
    assert kept == [[]] * len(kept)


async def test_a_change_of_state_comes_after_the_events_that_led_to_it() -> None:
    order: list[str] = []
    training = Training(
        "x",
        on_events=lambda _, batch: order.extend(event.kind for event, _ in batch),
        on_change=lambda changed: order.append(str(changed.state)),
    )
    training.take(events.RunStarted("/runs/x", {}, {}), 1.0)
    training.take(events.Paused(1, 2), 2.0)
    training.take(events.Resumed(1, 2), 3.0)
    training.take(events.Finished("done", {}, {}, 1.0), 4.0)
    training.change(TrainingState.FINISHED)
    assert order == [
        "run_started",
        "running",
        "paused",
        "paused",
        "resumed",
        "running",
        "finished",
        "finished",
    ]
    assert training.ended.is_set()
    assert training.run_folder == Path("/runs/x")
