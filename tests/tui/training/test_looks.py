"""How the train screen and the runs screen look, in each state. Renew with: pytest --snapshot-update."""

from __future__ import annotations

import time

import pytest

from tests.coroutines import until
from tests.tui.conftest import settle
from workbench import events
from workbench.storage.event_stream import EventLog
from workbench.tui.views.training_view import Stage

SIZES = [(80, 24), (120, 40), (60, 20)]


@pytest.fixture(autouse=True)
def _one_time_zone(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(stage: Stage):
    """Wait for a stage before the keys are pressed and the picture is taken."""

    async def before(pilot) -> None:
        await until(lambda: pilot.app.screen.record.view.stage is stage, 30, f"stage {stage}")
        await until(lambda: not pilot.app.screen._frame_pending)
        await settle(pilot)

    return before


@pytest.mark.parametrize("size", SIZES)
def test_nothing_to_train(looks_as_before, size) -> None:
    assert looks_as_before(mode="train", size=size)


@pytest.mark.parametrize("size", SIZES)
def test_training(looks_as_before, placed, owned, finished, size) -> None:
    run = placed(finished, "training", until_epoch=5)
    owned(run)
    assert looks_as_before(watch=run.path, size=size, before=at(Stage.RUNNING))


@pytest.mark.parametrize("size", SIZES)
def test_several_processes(looks_as_before, placed, owned, finished, size) -> None:
    run = placed(finished, "together", until_epoch=5)
    owned(run)
    with EventLog(run) as log:
        found = events.Processes(
            4, 123_456.0, 0.123, (0.01, 0.01, 0.02, 0.01), (900_000_000,) * 4, 3, 2.41, 2.8
        )
        log.append(found, 1_760_000_100.0)
    assert looks_as_before(watch=run.path, size=size, before=at(Stage.RUNNING))


@pytest.mark.parametrize("size", SIZES)
def test_paused(looks_as_before, placed, owned, finished, size) -> None:
    run = placed(finished, "paused", until_epoch=5)
    owned(run)
    with EventLog(run) as log:
        log.append(events.Step(6, 3, 10, {"loss": 3300.0, "mae": 46.0}, 1000.0), 1_760_000_100.0)
        log.append(events.Paused(6, 3), 1_760_000_100.0)
    assert looks_as_before(watch=run.path, size=size, before=at(Stage.PAUSED))


@pytest.mark.parametrize("size", SIZES)
def test_finished(looks_as_before, placed, finished, size) -> None:
    assert looks_as_before(
        "left", watch=placed(finished, "finished").path, size=size, before=at(Stage.FINISHED)
    )


@pytest.mark.parametrize("size", SIZES)
def test_failed(looks_as_before, placed, failed, size) -> None:
    assert looks_as_before(watch=placed(failed, "failed").path, size=size, before=at(Stage.FAILED))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_cut_off(looks_as_before, placed, killed, size) -> None:
    run = placed(killed, "killed", until_epoch=9)
    with EventLog(run) as log:
        log.append(events.Checkpoint("checkpoints/1", "generation", 9, 10, "0" * 64), 1_760_000_100.0)
    assert looks_as_before(watch=run.path, size=size, before=at(Stage.LOST))


@pytest.mark.parametrize("key", ["i", "e", "o"])
def test_the_other_panes(looks_as_before, placed, finished, key) -> None:
    assert looks_as_before(key, watch=placed(finished, "panes").path, before=at(Stage.FINISHED))


@pytest.mark.parametrize("size", SIZES)
def test_the_inside_of_the_model(looks_as_before, placed, owned, finished, size) -> None:
    assert looks_as_before(
        "i", watch=_inside(placed, owned, finished).path, size=size, before=at(Stage.RUNNING)
    )


@pytest.mark.parametrize("size", SIZES)
def test_the_weights(looks_as_before, placed, owned, finished, size) -> None:
    assert looks_as_before(
        "w", watch=_inside(placed, owned, finished).path, size=size, before=at(Stage.RUNNING)
    )


def _inside(placed, owned, finished):
    run = placed(finished, "inside", until_epoch=5)
    owned(run)
    edges = [x / 8 - 1 for x in range(17)]
    with EventLog(run) as log:
        for epoch in range(1, 6):
            log.append(
                events.Internals(
                    epoch,
                    losses={"main": 5.0 / epoch, "reconstruct": 0.5 + epoch / 10},
                    gradients={"global": 9.0 / epoch, "hidden1": 3.0 / epoch, "hidden2": 2.0 / epoch},
                    dead={"hidden1": 0.1, "hidden2": 0.02 * epoch},
                    histograms={
                        f"hidden{n}/kernel": {"edges": edges, "counts": [8 - abs(7 - x) for x in range(16)]}
                        for n in range(6)
                    },
                ),
                1_760_000_050.0 + epoch,
            )
    return run


# ---------------------------------------------------------------------- runs


@pytest.mark.parametrize("size", SIZES)
def test_no_runs(looks_as_before, size) -> None:
    async def hide_the_folder(pilot) -> None:
        from textual.widgets import Static

        empty = pilot.app.screen.query_one("#empty", Static)
        empty.update(str(empty.visual).replace(str(pilot.app.runs_folder), "saved/runs"))

    assert looks_as_before(mode="runs", size=size, before=hide_the_folder)


@pytest.mark.parametrize("size", SIZES)
def test_runs_marked(looks_as_before, placed, finished, failed, size) -> None:
    _three(placed, finished, failed)
    assert looks_as_before("s", "down", "space", "space", mode="runs", size=size)


def test_the_difference(looks_as_before, placed, finished, failed) -> None:
    _three(placed, finished, failed)
    assert looks_as_before("s", "space", "space", "d", mode="runs", size=(120, 40))


def test_asked_before_deleting(looks_as_before, placed, finished, failed) -> None:
    _three(placed, finished, failed)
    assert looks_as_before("s", "x", mode="runs")


def _three(placed, finished, failed) -> None:
    for name, run, epochs in (
        ("price-one", finished, None),
        ("price-two", finished, 4),
        ("failing", failed, None),
    ):
        made = placed(run, name, until_epoch=epochs)
        made.environment.write_text("{}\n")  # it differs from machine to machine
