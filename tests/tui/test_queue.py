"""The queue in the app: what is started while another training runs waits, begins in its turn, and is never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList

from tests import coroutines
from tests.tui.conftest import OpenApp, settle, shown
from tests.worker.conftest import recipe
from workbench.queue.entries import TrainingOrder
from workbench.queue.store import QueueState, TrainingQueue
from workbench.recipe.editing import Editor
from workbench.storage.ownership import ask_to_stop, owner
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import list_runs
from workbench.tui.app import KwbApp
from workbench.tui.context import TrainingState
from workbench.tui.widgets.dialogs import ConfirmDialog
from workbench.tui.widgets.queue_dialog import QueueDialog

pytestmark = pytest.mark.slow


async def until(condition: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Several trainings at once take long on a busy machine."""
    return await coroutines.until(condition, seconds)


def open_text(app: KwbApp, name: str, folder: Path, epochs: int = 2) -> None:
    app.set_editor(
        Editor(recipe(epochs=epochs).replace("name: small", f"name: {name}"), name=name, folder=folder)
    )


def order(name: str, folder: Path, epochs: int = 2) -> TrainingOrder:
    return TrainingOrder(name, recipe(epochs=epochs).replace("name: small", f"name: {name}"), folder)


def queue_of(folder: Path) -> TrainingQueue:
    return TrainingQueue(folder / "saved" / "queue")


def runs_of(folder: Path) -> dict[str, str]:
    return {run.folder.name.split("-")[0]: run.status for run in list_runs(folder / "saved" / "runs")}


async def running(app: KwbApp) -> None:
    await until(lambda: app.training and app.training.state is TrainingState.RUNNING)


async def one_waits(app: KwbApp, folder: Path) -> None:
    """`first` is trained without end, and `second` waits."""
    for name in ("first", "second"):
        open_text(app, name, folder, epochs=1_000_000)
        app.action_train()
    await running(app)
    await until(lambda: len(app.queue.rows) == 1)


@pytest.fixture(params=[(80, 24), (120, 40)], ids=["80x24", "120x40"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    return request.param


async def test_the_second_waits_and_begins_when_the_first_is_stopped(
    open_app: OpenApp, working_directory: Path, size: tuple[int, int]
) -> None:
    async with open_app(size=size) as pilot:
        app = pilot.app
        open_text(app, "first", working_directory, epochs=1_000_000)
        await pilot.press("2", "t")
        await running(app)
        open_text(app, "second", working_directory)
        await pilot.press("t", "t")  # twice: two trainings
        await until(lambda: len(app.queue.rows) == 2)
        assert app.training.name == "first"  # what is looked at stays
        assert "+2" in shown(app).splitlines()[0]
        app.editor.set("train.epochs", 9)  # what is edited later does not count
        await pilot.press("4")
        await pilot.press("x")
        await until(lambda: runs_of(working_directory).get("second") == "done")
        await until(lambda: not app.queue.rows)
        assert app.training.name == "second"  # what has begun is shown
        await until(lambda: len(list_runs(working_directory / "saved/runs")) == 3)
        done = [run for run in list_runs(working_directory / "saved/runs") if run.status == "done"]
        assert [run.epoch for run in done] == [2, 2]
        assert queue_of(working_directory).rows() == []


async def test_order_now_hold_and_remove_by_key(
    open_app: OpenApp, working_directory: Path, size: tuple[int, int]
) -> None:
    async with open_app(size=size) as pilot:
        app = pilot.app
        open_text(app, "first", working_directory, epochs=1_000_000)
        app.action_train()
        await running(app)
        for name in ("aa", "bb", "cc"):
            queue_of(working_directory).add(order(name, working_directory))  # from another terminal
        await pilot.press("Q")
        await until(lambda: isinstance(app.screen, QueueDialog) and "cc" in shown(app))
        for name in ("first", "aa", "bb", "cc", "by this app"):
            assert name in shown(app)
        await pilot.press("h")  # held: whatever ends, nothing begins
        await until(lambda: "Held" in shown(app))
        await pilot.press("down", "down", "down", "K", "K")
        await until(lambda: [row.training.name for row in app.queue.rows] == ["cc", "aa", "bb"])
        await pilot.press("J")
        await until(lambda: [row.training.name for row in app.queue.rows] == ["aa", "cc", "bb"])
        await pilot.press("x")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("k")
        await until(lambda: isinstance(app.screen, QueueDialog))
        await pilot.press("x")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("r")
        await until(lambda: [row.training.name for row in app.queue.rows] == ["aa", "bb"])
        rows = app.screen.query_one(OptionList)
        rows.highlighted = 2
        await pilot.press("n")  # now, beside the one that runs
        await until(lambda: runs_of(working_directory).get("bb") == "done")
        assert app.training.name == "first"
        assert app.training.state.live
        await until(lambda: [row.training.name for row in app.queue.rows] == ["aa"])
        await app.training.control("stop")
        await app.training.ended.wait()
        await settle(pilot)
        assert app.worker.live == []
        assert "aa" not in runs_of(working_directory)
        await pilot.press("h")
        await until(lambda: runs_of(working_directory).get("aa") == "done")
        await until(lambda: "Nothing waits" in shown(app))
        await pilot.press("escape")
        await until(lambda: not isinstance(app.screen, QueueDialog))


async def test_several_at_once_and_each_can_be_looked_at(open_app: OpenApp, working_directory: Path) -> None:
    async with open_app() as pilot:
        app = pilot.app
        await one_waits(app, working_directory)
        await pilot.press("Q")
        await until(lambda: isinstance(app.screen, QueueDialog) and "second" in shown(app))
        await pilot.press("plus")
        await until(lambda: len(app.worker.live) == 2)
        await until(lambda: all(each.state is TrainingState.RUNNING for each in app.worker.live))
        assert app.training.name == "first"
        await pilot.press("down", "enter")
        await until(lambda: app.current_mode == "train" and app.training.name == "second")
        await until(lambda: "second" in shown(app) and "epoch" in shown(app).lower())
        assert app.screen.record.view.name == "second"
        await pilot.press("x")  # the keys are for the one that is shown
        await until(lambda: len(app.worker.live) == 1)
        assert app.worker.live[0].name == "first"
        await pilot.press("5")
        await until(lambda: "first" in shown(app))
        await pilot.press("q")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(lambda: not app.is_running)
    assert runs_of(working_directory) == {"first": "stopped", "second": "stopped"}
    assert queue_of(working_directory).rows() == []


async def test_one_that_fails_stays_with_its_reason_and_the_next_begins(
    open_app: OpenApp, working_directory: Path
) -> None:
    async with open_app() as pilot:
        app = pilot.app
        bad = order("bad", working_directory)
        queue_of(working_directory).add(
            TrainingOrder("bad", bad.text.replace("loss: mse", "loss: no_such_loss"), working_directory)
        )
        queue_of(working_directory).add(order("good", working_directory))
        app.queue.hold(False)
        await until(lambda: runs_of(working_directory).get("good") == "done")
        await until(lambda: [row.state for row in app.queue.rows] == [QueueState.FAILED])
        await pilot.press("Q")
        await until(lambda: "no_such_loss" in shown(app))
        await pilot.press("a")  # once more: it fails once more, and is not lost
        await until(lambda: any("'bad' failed" in str(error) for _, error in app.notices[-2:]))
        await until(lambda: [row.state for row in app.queue.rows] == [QueueState.FAILED])


async def test_what_waits_from_the_last_time_waits_for_the_users_word(
    open_app: OpenApp, working_directory: Path
) -> None:
    queue_of(working_directory).add(order("left", working_directory))
    async with open_app() as pilot:
        app = pilot.app
        await until(lambda: any("a training waits" in str(error) for _, error in app.notices))
        assert "1 waiting" in shown(app).splitlines()[0]
        assert app.worker.live == []
        open_text(app, "mine", working_directory)
        app.action_train()  # there is room
        await until(lambda: runs_of(working_directory).get("mine") == "done")
        assert "left" not in runs_of(working_directory)
        await pilot.press("Q", "enter")  # one that waits opens as a recipe of its own
        await until(lambda: app.editor.name == "left" and app.current_mode == "assemble")
        await pilot.press("Q")
        await until(lambda: isinstance(app.screen, QueueDialog))
        await pilot.press("h")
        await until(lambda: runs_of(working_directory).get("left") == "done")


async def test_left_with_the_queue_all_of_it_is_trained_without_the_app(
    open_app: OpenApp, working_directory: Path
) -> None:
    async with open_app() as pilot:
        app = pilot.app
        open_text(app, "first", working_directory, epochs=1_000_000)
        app.action_train()
        await running(app)
        open_text(app, "second", working_directory)
        app.action_train()
        await until(lambda: len(app.queue.rows) == 1)
        await pilot.press("q")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        assert "1 more in the queue" in shown(app)
        await pilot.press("q")
        await until(lambda: not app.is_running)
        run = RunFolder(app.training.run_folder)
        assert app.last_words == [f"kwb queue run --workers 1 --after {run.name}", f"kwb watch {run.name}"]
    assert owner(run)
    await asyncio.sleep(3)
    assert "second" not in runs_of(working_directory)
    ask_to_stop(run)
    await until(lambda: runs_of(working_directory).get("second") == "done")
    await until(lambda: queue_of(working_directory).rows() == [])


async def test_left_without_it_the_queue_stays_on_disk(open_app: OpenApp, working_directory: Path) -> None:
    async with open_app() as pilot:
        app = pilot.app
        await one_waits(app, working_directory)
        await pilot.press("q")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(lambda: not app.is_running)
    (row,) = queue_of(working_directory).rows()
    assert (row.training.name, row.state) == ("second", QueueState.WAITING)
    assert runs_of(working_directory) == {"first": "stopped"}


@pytest.mark.parametrize(("key", "status"), [("s", "stopped"), ("d", "running")])
async def test_left_while_one_from_the_queue_trains_it_is_no_more_in_the_queue(
    open_app: OpenApp, working_directory: Path, key: str, status: str
) -> None:
    """The next start must not train again what the user has stopped, or what goes on by itself."""
    queue_of(working_directory).add(order("mine", working_directory, epochs=1_000_000))
    async with open_app() as pilot:
        app = pilot.app
        app.queue.hold(False)
        await running(app)
        await until(lambda: app.queue.rows[0].training.run)
        await pilot.press("q")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press(key)
        await until(lambda: not app.is_running)
        assert queue_of(working_directory).rows() == []
    assert runs_of(working_directory) == {"mine": status}
    if status == "running":
        ask_to_stop(RunFolder(app.training.run_folder))
        await until(lambda: runs_of(working_directory) == {"mine": "stopped"})


async def test_a_stopped_run_that_is_resumed_while_another_trains_waits_too(
    open_app: OpenApp, working_directory: Path
) -> None:
    async with open_app() as pilot:
        app = pilot.app
        open_text(app, "first", working_directory, epochs=1_000_000)
        app.action_train()
        await running(app)
        await app.training.control("stop")
        await app.training.ended.wait()
        stopped = RunFolder(app.training.run_folder)
        before = list_runs(working_directory / "saved/runs")[0].epoch
        open_text(app, "second", working_directory, epochs=1_000_000)
        app.action_train()
        await running(app)
        await pilot.press("5")
        await until(lambda: "first" in shown(app))
        await pilot.press("end", "u")
        await until(lambda: [row.training.run for row in app.queue.rows] == [str(stopped.path)])
        second = app.training
        await second.control("stop")
        await until(lambda: app.training is not second and app.training.state is TrainingState.RUNNING)
        assert app.training.run_folder == stopped.path
        await until(lambda: list_runs(working_directory / "saved/runs")[-1].epoch > before)
        await app.training.control("stop")
        await app.training.ended.wait()


async def test_a_damaged_queue_is_reported_and_training_goes_on_without_it(
    open_app: OpenApp, working_directory: Path
) -> None:
    folder = working_directory / "saved" / "queue"
    folder.mkdir(parents=True)
    (folder / "queue.json").write_text("{")
    async with open_app() as pilot:
        app = pilot.app
        await until(lambda: any("the queue cannot be read" in str(error) for _, error in app.notices))
        open_text(app, "first", working_directory)
        app.action_train()
        await until(lambda: runs_of(working_directory).get("first") == "done")
        await pilot.press("Q")
        await until(lambda: isinstance(app.screen, QueueDialog))
        await pilot.press("escape")
    assert (folder / "queue.json").read_text() == "{"
