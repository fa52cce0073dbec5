"""Best values of runs over their epochs, against pandas; runs that grow or are resumed; filters, orders, groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench import events
from workbench.storage.event_stream import EventLog, EventReader
from workbench.storage.extremes import RunExtremes, uses_extremes, with_extremes
from workbench.storage.run_values import choose_runs, group_runs, names_of, resolve_name, sort_runs, value_of
from workbench.storage.runs import create_run, list_runs, more_is_better

RANDOM = np.random.default_rng(5)
LOGS = ("loss", "val_loss", "accuracy", "val_accuracy", "max_error")


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, pd.DataFrame]:
    """Four runs below `tmp_path`: of each the table of its logs, some of them not finite."""
    made = {}
    for number in range(4):
        table = pd.DataFrame(RANDOM.normal(size=(9 + number, len(LOGS))), columns=list(LOGS))
        table.loc[3, "val_loss"] = np.nan
        table.loc[4, "loss"] = -np.inf
        run = create_run(tmp_path, f"r{number}", recipe="kwb: 1\n", environment={})
        with EventLog(run) as log:
            recipe = {"name": "r", "train": {"batch_size": 16 * (1 + number % 2)}}
            log.append(events.RunStarted(str(run.path), recipe, {}), 1_760_000_000.0 + number)
            for at, row in table.iterrows():
                log.append(events.Step(int(at) + 1, 1, 9, {"loss": -100.0, "epoch": 1.0}, 10.0))
                logs = {name: float(value) for name, value in row.items()}
                log.append(events.Epoch(int(at) + 1, 20, logs, 1.0, 10.0, 0.1))
        made[run.name] = table.replace([np.inf, -np.inf], np.nan)
    return made


def test_best_lowest_and_highest_are_those_of_pandas(runs, tmp_path: Path) -> None:
    for run in with_extremes(list_runs(tmp_path)):
        table = runs[run.folder.name]
        for name in LOGS:
            assert value_of(run, f"lowest_{name}") == table[name].min()
            assert value_of(run, f"highest_{name}") == table[name].max()
        assert value_of(run, "best_loss") == table["loss"].min()
        assert value_of(run, "best_val_loss") == table["val_loss"].min()
        assert value_of(run, "best_max_error") == table["max_error"].min()
        assert value_of(run, "best_accuracy") == table["accuracy"].max()
        assert value_of(run, "best_val_accuracy") == table["val_accuracy"].max()
        assert value_of(run, "best_nothing") is None


def test_filters_orders_and_groups_take_the_best(runs, tmp_path: Path) -> None:
    plain = list_runs(tmp_path)
    assert "best_val_loss" in names_of(plain)  # also while they are not read yet
    assert resolve_name("highest_accuracy", plain) == "highest_accuracy"
    found = with_extremes(plain)
    best = pd.Series({name: table["val_loss"].min() for name, table in runs.items()})
    assert [run.folder.name for run in sort_runs(found, "best_val_loss")] == list(best.sort_values().index)
    middle = float(best.median())
    assert {run.folder.name for run in choose_runs(found, f"best_val_loss<{middle}")} == set(
        best[best < middle].index
    )
    for group in group_runs(found, "train.batch_size"):
        own = best[[run.folder.name for run in group.runs]]
        mean, spread, count = group.numbers["best_val_loss"]
        assert (mean, spread, count) == pytest.approx((own.mean(), own.std(ddof=1), 2))


def test_a_run_that_grows_and_is_resumed(tmp_path: Path) -> None:
    run = create_run(tmp_path, "r", recipe="kwb: 1\n", environment={})
    extremes = RunExtremes(run)
    extremes.catch_up()
    assert extremes.found == {}

    def write(*values: tuple[int, float]) -> None:
        with EventLog(run) as log:
            for epoch, loss in values:
                log.append(events.Epoch(epoch, 9, {"loss": loss}, 1.0, 10.0, 0.1))

    write((1, 3.0), (2, 2.0), (3, 0.5))
    extremes.catch_up()
    assert extremes.found == {"loss": (0.5, 3.0)}
    write((4, 4.0))
    extremes.catch_up()
    assert extremes.found == {"loss": (0.5, 4.0)}
    write((3, 1.5))  # what was reached in the epochs that were lost does not count
    extremes.catch_up()
    assert extremes.found == {"loss": (1.5, 3.0)}
    other = RunExtremes(run)
    other.catch_up()
    assert other.found == extremes.found


def test_a_reader_of_one_kind_skips_the_others(runs, tmp_path: Path) -> None:
    run = list_runs(tmp_path)[0].folder
    every = EventReader(run.events).read_new()
    epochs = EventReader(run.events).read_new(kind="epoch")
    assert epochs == [each for each in every if isinstance(each[0], events.Epoch)]
    assert len(epochs) < len(every)


def test_what_asks_for_extremes_and_which_way_is_better() -> None:
    assert uses_extremes("lr<0.1 best_val_loss<3")
    assert uses_extremes("", "-highest_loss")
    assert not uses_extremes("lr<0.1 val_loss<3", "-loss", "the_best_one")
    assert [more_is_better(name) for name in ("val_accuracy", "auc", "loss", "val_mae")] == [
        True,
        True,
        False,
        False,
    ]
