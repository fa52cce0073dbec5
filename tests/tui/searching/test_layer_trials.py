"""A layer trial in the app: asked for at a line of the recipe, run by a process, its result shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.search.bases import RECIPE
from tests.tui.conftest import settle, shown, until
from tests.tui.searching.conftest import MakeRun, still
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import to_yaml
from workbench.search import state as records
from workbench.search.journal import Journal
from workbench.search.layer_trial import find_rivals, new_trial
from workbench.search.leases import describe_agent
from workbench.search.matching import Sizes, keep_sizes
from workbench.search.opening import base_of, begin
from workbench.search.state import TrialState
from workbench.tui.actions.layer_trial_dialog import LayerTrialDialog
from workbench.tui.screens.searches.trial_result import TrialResultDialog

SIZES = [(80, 24), (120, 40)]
TRAIN = {**RECIPE["train"], "epochs": 2}
STACK = {
    "sequential": [
        {"use": "Dense", "units": 8},
        {"use": "Dropout", "rate": 0.1},
        {"use": "Dense", "units": 1},
    ]
}


@pytest.fixture
def small(place: Path) -> Path:
    path = place / "small.yaml"
    path.write_text(to_yaml({**RECIPE, "model": STACK, "train": TRAIN}))
    return path


@pytest.fixture
def compared(place: Path, small: Path, make_run: MakeRun) -> Journal:
    """A trial of MyDense against Dense that is done: six seeds, with each of which MyDense is better."""
    catalog, name = Catalog(discover()), "small-MyDense-Dense"
    layers = {"use": "MyDense", "units": 8}, {"use": "Dense", "units": 8}
    rivals = find_rivals(*layers, str(small), catalog)
    opened = new_trial(rivals, *layers, 6, catalog, name=name, root=place / "saved" / "searches")
    begin(opened)
    keep_sizes(opened.folder, Sizes(layers, (97, 97), varied="units"))
    agent, record = describe_agent(1)
    made = [record]
    for number, layer in enumerate(layers):
        made.append(records.new_trial({"model.sequential[0]": layer}, 6))
        for seed in range(6):
            last = 0.5 + number / 5 + seed / 70
            run = make_run(f"small-t{number}-{seed}", [0.9 + seed / 50, last], status="done")
            made += [records.begun(agent, number, seed), records.run_made(agent, number, seed, str(run.path))]
            made.append(records.ended(agent, number, seed, TrialState.DONE, epoch=2, value=last, seconds=2.0))
    made.append({"kind": "left", "agent": agent})
    journal = journal_of(place, name)
    journal.update(lambda _: made)
    still(journal)
    return journal


def journal_of(place: Path, name: str) -> Journal:
    return Journal(place / "saved" / "searches" / name / "journal.jsonl")


def ended(journal: Journal) -> int:
    trials = journal.read().trials
    return sum(each.state is TrialState.DONE for trial in trials for each in trial.repetitions)


async def dialog_at(pilot: Any, row: str) -> LayerTrialDialog:
    """The dialog that `b` opens at a row of the recipe."""
    await until(lambda: pilot.app.screen.examination.total is not None, 60)
    rows = pilot.app.screen.rows
    rows.highlighted = [each.key for each in rows.rows].index(row)
    await pilot.press("b")
    await until(lambda: isinstance(pilot.app.screen, LayerTrialDialog))
    return pilot.app.screen


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_a_layer_of_the_recipe_is_compared(open_app, place, small, size) -> None:
    async with open_app(recipe=str(small), mode="assemble", size=size) as pilot:
        await dialog_at(pilot, "model.sequential[0]")
        text = shown(pilot.app)
        assert "Which layer is better at model.sequential[0] of small?" in text
        assert "Dense (units 8) stays as it is" in text
        await pilot.press("enter")  # nothing is typed
        assert "choose a layer" in shown(pilot.app)
        await pilot.press(*"MyDens")  # the list marks the one whose beginning it is
        await settle(pilot)
        assert "small-MyDense-Dense" in shown(pilot.app)
        await pilot.press("tab", "tab", "tab", "tab", "2", "enter")
        assert pilot.app.current_mode == "searches"
        journal = journal_of(place, "small-MyDense-Dense")
        await until(lambda: ended(journal) == 4, 180)
        await until(lambda: "the process of" in shown(pilot.app), 60)
        pilot.app.clear_notifications()
        await pilot.press("r")
        await until(lambda: isinstance(pilot.app.screen, TrialResultDialog))
        await until(lambda: "2 pairs cannot show a difference" in pilot.app.screen.copy_text(), 60)
        await settle(pilot)
        text = shown(pilot.app)
        assert "MyDense against Dense at model.sequential[0] of small" in text
        assert "No difference was shown in val_loss" in text
        assert "val_loss by epoch: mean ± standard deviation" in text
        sizes = json.loads((place / "saved/searches/small-MyDense-Dense/sizes.json").read_text())
        assert sizes["items"] == [{"use": "MyDense", "units": 8}, {"use": "Dense", "units": 8}]
        assert sizes["parameters"] == [10 * 8 + 8 + 8 + 1] * 2
        await pilot.press("escape")
        assert not pilot.app.screen.is_modal


@pytest.mark.slow
async def test_the_place_is_asked_for_on_the_searches_screen(open_app, place, small) -> None:
    async with open_app(recipe=str(small)) as pilot:
        await until(lambda: pilot.app.editor is not None)
        await pilot.press("7", "l")
        await until(lambda: "Which layer is compared" in shown(pilot.app))
        assert "model.sequential[1]" in shown(pilot.app)
        await pilot.press(*"model.sequential[2]", "enter")
        await until(lambda: isinstance(pilot.app.screen, LayerTrialDialog))
        await pilot.press(*"{use: Dense, units: 1, activation: relu}", "f5")
        journal = journal_of(place, "small-Dense-Dense")
        await until(lambda: ended(journal) >= 1, 180)
        base = base_of(journal.state.recipe, journal.state.recipe["overrides"])
        first, second = base.over["model.sequential[2]"]
        assert first == {"use": "Dense", "units": 1, "activation": "relu"}
        assert second == {"use": "Dense", "units": 1}  # as the recipe has it
        await settle(pilot)
        await pilot.press("o")
        await until(lambda: journal.read().left == set(journal.state.agents), 60)
        await until(lambda: "the process of" in shown(pilot.app), 60)
        await pilot.press("r")  # as far as it has come
        await until(lambda: "trainings are still to be done" in shown(pilot.app), 30)
        await pilot.press("q", "c")  # no question: there are two trials in any case
        before = ended(journal)
        await until(lambda: ended(journal) > before, 120)
        await pilot.press("o")
        await until(lambda: journal.read().left == set(journal.state.agents), 60)


async def test_what_cannot_be_compared_is_said(open_app, place, small) -> None:
    (place / "saved/searches/small-MyDense-Dense").mkdir(parents=True)
    async with open_app(recipe=str(small), mode="assemble") as pilot:
        await dialog_at(pilot, "model.sequential[0]")
        await pilot.press(*"Nothing")
        await settle(pilot)
        assert "no layer 'Nothing'" in shown(pilot.app)
        await pilot.press("f5")
        assert isinstance(pilot.app.screen, LayerTrialDialog)
        await pilot.press(*["backspace"] * 7, *"MyDense")
        await settle(pilot)
        assert "small-MyDense-Dense-2" in shown(pilot.app)  # the other name is taken
        await pilot.press("escape", "end", "b")
        await settle(pilot)
        assert "no other layer can be tried here" in str(pilot.app.notices)
        assert not pilot.app.screen.is_modal


@pytest.mark.parametrize("size", SIZES)
def test_the_dialog(looks_as_before, small, size) -> None:
    async def open_dialog(pilot: Any) -> None:
        await dialog_at(pilot, "model.sequential[0]")
        await pilot.press(*"MyD")
        await settle(pilot)
        await pilot.app.worker.close()  # the picture is taken after the app; nobody else would end the child

    assert looks_as_before(recipe=str(small), mode="assemble", size=size, before=open_dialog)


@pytest.mark.parametrize("size", SIZES)
def test_the_result(looks_as_before, compared, size) -> None:
    async def read(pilot: Any) -> None:
        await pilot.press("r")
        await until(lambda: getattr(pilot.app.screen, "copy_text", lambda: "")().strip(), 60)

    assert looks_as_before(mode="searches", size=size, before=read)
