"""What is known of a training, as events come. Nothing but the events and the value that comes out."""

from __future__ import annotations

import math

import pytest

from workbench import events
from workbench.errors import TrainingError
from workbench.tui.views.training_view import MOST_MESSAGES, Stage, TrainingView
from workbench.worker.client import WorkerDied

RECIPE = {"name": "price", "train": {"epochs": 10, "optimizer": {"use": "Adam", "learning_rate": 0.001}}}
STARTED = events.RunStarted("saved/runs/price-1", RECIPE, {})
ASSEMBLED = events.Assembled(({"path": "dense", "class": "Dense"},), 330, 300)
CHOSEN = events.EngineChosen("chunk", {"chunk": 900.0, "plain": 500.0}, "1.8 times plain")


def epoch(
    number: int, epochs: int = 10, seconds: float = 2.0, rate: float = 1e-3, **logs: float
) -> events.Epoch:
    return events.Epoch(number, epochs, logs or {"loss": 1.0 / number}, seconds, 50.0, rate)


def step(number: int, at: int, of: int = 100, loss: float = 1.0) -> events.Step:
    return events.Step(number, at, of, {"loss": loss}, 50.0)


def taken(*happened: events.Event, view: TrainingView | None = None) -> TrainingView:
    view = view or TrainingView()
    for moment, event in enumerate(happened):
        view = view.take(event, 100.0 + moment)
    return view


def test_the_stages_of_a_training_in_their_order() -> None:
    view = TrainingView()
    assert view.stage is Stage.NOTHING
    view = view.warming("price")
    assert view.stage is Stage.WARMING
    assert view.name == "price"
    view = view.assembling()
    stages = []
    for event in (
        STARTED,
        ASSEMBLED,
        CHOSEN,
        step(1, 5),
        epoch(1),
        epoch(10),
        events.Finished("done", {}, {}, 3.0),
    ):
        view = view.take(event, 1.0)
        stages.append(view.stage)
    assert stages == [
        Stage.ASSEMBLING, Stage.MEASURING, Stage.RUNNING, Stage.RUNNING, Stage.RUNNING, Stage.SAVING, Stage.FINISHED,
    ]  # fmt: skip


def test_taking_an_event_leaves_the_view_before_as_it_was() -> None:
    before = taken(STARTED, ASSEMBLED, CHOSEN, epoch(1))
    kept = (before.done, before.logs, before.stage)
    before.take(epoch(2, loss=9.0), 200.0)
    assert (before.done, before.logs, before.stage) == kept


def test_the_recipe_tells_the_epochs_before_the_first_has_ended() -> None:
    view = taken(STARTED)
    assert (view.epochs, view.name, view.folder, view.place) == (
        10,
        "price",
        "saved/runs/price-1",
        "10 epochs",
    )


@pytest.mark.parametrize(
    ("happened", "progress"),
    [
        ((STARTED,), 0.0),
        ((STARTED, step(1, 50)), 0.05),
        ((STARTED, step(1, 50), epoch(1)), 0.1),
        ((STARTED, step(1, 50), epoch(1), step(2, 50)), 0.15),
        ((STARTED, epoch(9), epoch(10)), 1.0),
    ],
)
def test_progress_counts_the_steps_of_the_running_epoch(
    happened: tuple[events.Event, ...], progress: float
) -> None:
    assert taken(*happened).progress == pytest.approx(progress)


def test_the_time_left_is_that_of_the_epochs_to_come() -> None:
    assert taken(STARTED).seconds_left is None
    in_first = taken(STARTED, step(1, 50))  # 100 steps at 50 a second: an epoch takes 2 s
    assert in_first.seconds_left == pytest.approx(19.0)
    assert taken(STARTED, epoch(1), epoch(2), view=in_first).seconds_left == pytest.approx(16.0)


def test_an_epoch_that_takes_longer_now_moves_the_time_left() -> None:
    view = taken(STARTED, *(epoch(n) for n in range(1, 6)))
    assert view.seconds_left == pytest.approx(10.0)
    assert taken(epoch(6, seconds=20.0), view=view).seconds_left > 4 * 5


def test_the_best_epoch_is_that_of_the_lowest_validation_loss() -> None:
    view = taken(STARTED, epoch(1, loss=3.0, val_loss=5.0), epoch(2, loss=2.0, val_loss=4.0),
                 epoch(3, loss=1.0, val_loss=4.5), epoch(4, loss=0.5, val_loss=math.nan))  # fmt: skip
    assert view.best == (2, 4.0)
    assert view.monitored == "val_loss"
    assert taken(STARTED, epoch(1, loss=3.0), epoch(2, loss=2.0)).best == (2, 2.0)


def test_paused_and_resumed() -> None:
    paused = taken(STARTED, ASSEMBLED, CHOSEN, step(2, 7), events.Paused(2, 9))
    assert paused.stage is Stage.PAUSED
    assert paused.place == "epoch 2/10 · step 9/100"
    assert paused.take(events.Resumed(2, 9), 1.0).stage is Stage.RUNNING


def test_who_waits_for_the_end_is_not_reported_that_it_runs() -> None:
    view = taken(STARTED, ASSEMBLED, CHOSEN, step(2, 7)).stopping()
    view = taken(step(2, 8), events.Resumed(2, 8), epoch(2), view=view)
    assert view.stage is Stage.STOPPING
    assert view.take(events.Finished("stopped", {}, {}, 1.0), 1.0).stage is Stage.FINISHED


def test_an_error_of_the_training_is_kept_with_the_log_of_its_process() -> None:
    view = taken(STARTED, ASSEMBLED, events.Failed({"what": "no memory", "where": "dense", "hint": "less"}))
    assert view.stage is Stage.FAILED
    assert view.error is not None
    assert (view.error.what, view.error.where, view.error.hint) == ("no memory", "dense", "less")
    view = view.died(WorkerDied("the training process crashed", log="last words"))
    assert view.error is not None
    assert (view.error.what, view.error.log) == ("no memory", "last words")


def test_a_recipe_that_cannot_be_trained_fails_without_a_run() -> None:
    view = TrainingView().warming("price").died(TrainingError("no layer 'Dens'", hint="Dense?"))
    assert view.stage is Stage.FAILED
    assert view.error is not None
    assert view.error.hint == "Dense?"


def test_a_process_that_is_gone_in_mid_training_leaves_what_is_kept() -> None:
    checkpoint = events.Checkpoint("c", "generation", 2, 7, "0" * 64)
    view = taken(STARTED, ASSEMBLED, CHOSEN, epoch(1), epoch(2), checkpoint, step(3, 4)).died()
    assert view.stage is Stage.LOST
    assert view.error is not None
    assert view.kept == "a checkpoint of epoch 2, step 7 and the history of 2 epochs"


def test_a_training_that_reported_its_end_did_not_die() -> None:
    finished = taken(STARTED, events.Finished("done", {}, {}, 1.0))
    assert finished.died() is finished


def test_a_resumed_run_goes_on_where_it_was() -> None:
    view = taken(STARTED, epoch(1), epoch(2), step(3, 4)).died()
    view = taken(events.RunStarted("saved/runs/price-1", RECIPE, {}, "checkpoints/2"), ASSEMBLED, view=view)
    assert view.stage is Stage.MEASURING
    assert view.error is None
    assert view.done == 2
    assert view.resumed_from == "checkpoints/2"
    assert view.started == 100.0


def test_messages_are_kept_in_bounded_number() -> None:
    view = taken(*(events.Message("info", str(n)) for n in range(MOST_MESSAGES + 50)))
    assert len(view.messages) == MOST_MESSAGES
    assert view.messages[-1].text == str(MOST_MESSAGES + 49)


def test_the_latest_values_are_of_the_batches_and_validation_of_the_last_epoch() -> None:
    view = taken(STARTED, epoch(1, loss=3.0, val_loss=5.0), step(2, 5, loss=2.5))
    assert dict(view.latest) == {"loss": 2.5, "val_loss": 5.0}


def test_a_file_saved_twice_is_reported_once() -> None:
    saved = events.Saved("a.keras", ".keras", 1, 1, "x")
    view = taken(
        STARTED, saved, events.Saved("b.h5", ".h5", 2, 1, "y"), events.Saved("a.keras", ".keras", 2, 1, "z")
    )
    assert [(one.path, one.epoch) for one in view.saved] == [("b.h5", 2), ("a.keras", 2)]


def test_how_several_processes_do_is_of_one_beginning_of_the_run() -> None:
    found = events.Processes(3, 9000.0, 0.1, (0.01, 0.01, 0.02), (10, 20, 30), 3)
    view = taken(STARTED, ASSEMBLED, CHOSEN, found)
    assert view.processes == found
    assert view.stage is Stage.RUNNING
    assert found.memory_of_all == 60
    assert events.Processes(2, memory=("a", None, 5)).memory_of_all == 5, "of a file that somebody else wrote"
    assert taken(STARTED, view=view).processes is None, "it goes on, maybe with others"
