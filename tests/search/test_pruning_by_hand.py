"""Trials that a person prunes: what comes next by the journal, and real trainings."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.search.agents import finish, start
from tests.search.bases import recipe
from tests.search.test_scheduling import Case, begun, made
from tests.search.undisturbed import undisturbed
from tests.whole import part
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError
from workbench.search import state as records
from workbench.search.journal import Journal
from workbench.search.opening import open_search
from workbench.search.pruning_by_hand import prune_by_hand
from workbench.search.scheduling import Assignment
from workbench.search.state import Record, TrialState
from workbench.storage.run_folder import RunFolder

EPOCHS = 500  # so many that a person has the time to prune it


def pruned_by_hand() -> list[Record]:
    stopped = records.ended("me", 0, 0, TrialState.PRUNED, value=1.0, epoch=3)
    return [*begun(0), records.run_made("me", 0, 0, "saved/runs/x"), records.by_hand(0, 0, True), stopped]


def test_it_counts_and_goes_on_only_when_it_may() -> None:
    case = Case(made(trials=2), *pruned_by_hand())
    assert case.state.trials[0].state is TrialState.PRUNED
    assert case.next() == Assignment(1, 0)
    assert case.next([(1, 0)]) is None
    case.state.add([records.ended("me", 1, 0, TrialState.DONE, value=2.0, epoch=6)])
    assert case.scheduler.finished(case.state)
    case.state.add([records.by_hand(0, 0, False)])
    assert not case.scheduler.finished(case.state)
    assert case.next() == Assignment(0, 0, "saved/runs/x", fence=2)


def test_who_asks_for_more_lets_it_go_on() -> None:
    asked = {"kind": "recipe", "text": "x", "name": "r.yaml", "folder": ".", "overrides": ["search.trials=9"]}
    case = Case(made(trials=2), *pruned_by_hand(), asked)
    assert not case.state.trials[0].repetitions[0].pruned_by_hand
    assert case.next() == Assignment(0, 0, "saved/runs/x", fence=2)


def test_its_other_repetitions_wait_too() -> None:
    case = Case(made(trials=1), *begun(0, repetitions=3), *(records.by_hand(0, at, True) for at in range(3)))
    case.state.add([records.ended("me", 0, 0, TrialState.PRUNED, value=1.0, epoch=3)])
    assert case.next() is None
    assert case.scheduler.finished(case.state)
    case.state.add([records.by_hand(0, at, False) for at in range(3)])
    assert case.next() == Assignment(0, 0, fence=2)


def test_what_cannot_be_pruned_says_why(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    done = records.ended("me", 0, 0, TrialState.DONE, value=1.0, epoch=6)
    journal.update(lambda _: [*begun(0), done, *begun(1)])
    with pytest.raises(RecipeError, match="trial 0 is done"):
        prune_by_hand(journal, 0, pruned=True)
    with pytest.raises(RecipeError, match="there is no trial 2"):
        prune_by_hand(journal, 2, pruned=True)
    with pytest.raises(RecipeError, match="trial 1 was not pruned by hand"):
        prune_by_hand(journal, 1, pruned=False)
    prune_by_hand(journal, 1, pruned=True)
    assert Journal(journal.path).read().trials[1].repetitions[0].pruned_by_hand
    with pytest.raises(RecipeError, match="trial 1 is running"):
        prune_by_hand(journal, 1, pruned=True)
    prune_by_hand(journal, 1, pruned=False)
    assert not journal.read().trials[1].repetitions[0].pruned_by_hand


def until(condition: Callable[[], Any], seconds: float = 300.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "not in time"
        time.sleep(0.1)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("killed", part("search", [False, True], [True]))
def test_a_trial_that_trains_is_pruned_and_goes_on_bit_for_bit(
    tmp_path: Path, catalog: Catalog, killed: bool
) -> None:
    """The process that trains it may be killed before it has heard of it."""
    adam = {"use": "Adam", "learning_rate": 0.01}
    train = {"epochs": EPOCHS, "optimizer": adam, "loss": "mse", "engine": "chunk", "checkpoint_seconds": 0.5}
    search = {"over": {"model.sequential[0].units": [4, 16]}, "method": "grid", "trials": 1}
    (tmp_path / "r.yaml").write_text(recipe(search=search, train=train))
    journal = Journal(tmp_path / "saved" / "searches" / "small" / "journal.jsonl")
    beat = "leases.BEAT = 1000" if killed else "leases.BEAT = 0.3"
    agent = start(tmp_path, "", "search", "r.yaml", "--workers", "1", constants=beat)
    until(lambda: (trials := journal.read().trials) and trials[0].repetitions[0].run)
    run = RunFolder(Path(journal.state.trials[0].repetitions[0].run))
    until(lambda: any(run.checkpoints.iterdir()))
    prune_by_hand(Journal(journal.path), 0, pruned=True)
    if killed:
        agent.kill()
        agent.communicate()
        finish(start(tmp_path, "", "search", "small", "--workers", "1"))
    else:
        finish(agent)
    first = journal.read().trials[0]
    assert first.state is TrialState.PRUNED
    assert first.repetitions[0].epoch < EPOCHS
    assert any(run.checkpoints.iterdir())
    finish(start(tmp_path, "", "search", "small", "--workers", "1"))  # nothing goes on by itself
    assert journal.read().trials[0].repetitions == first.repetitions
    out, _ = finish(start(tmp_path, "", "search", "small", "--go-on", "0", "--json"))
    assert json.loads(out) == {"trial": 0, "state": "pruned", "pruned_by_hand": False}
    finish(start(tmp_path, "", "search", "small", "--workers", "1"))
    first = journal.read().trials[0]
    known = first.repetitions[0]
    assert (first.state, known.epoch, known.run) == (TrialState.DONE, EPOCHS, str(run.path))
    opened = open_search("small", catalog, root=tmp_path / "saved" / "searches")
    assert [first.value] == undisturbed(opened, catalog, [0], tmp_path / "alone")


@pytest.mark.slow
def test_the_command_line_says_what_it_did(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "saved" / "searches" / "small" / "journal.jsonl")
    text = recipe(search={"over": {"model.sequential[0].units": [4, 16]}})
    asked = {"kind": "recipe", "text": text, "name": "r.yaml", "folder": str(tmp_path), "overrides": []}
    trials = [records.new_trial({"model.sequential[0].units": 4}, 1), records.begun("me", 0, 0)]
    journal.update(lambda _: [asked, *trials])
    out, _ = finish(start(tmp_path, "", "search", "small", "--prune", "0"))
    assert out == "trial 0 stops after its batch, saved, and counts as pruned\n"
    assert journal.read().trials[0].repetitions[0].pruned_by_hand
    _, errors = finish(start(tmp_path, "", "search", "small", "--prune", "7"), code=2)
    assert "there is no trial 7" in errors
    _, errors = finish(start(tmp_path, "", "search", "small", "--prune", "0", "--best"), code=2)
    assert "at a time" in errors
