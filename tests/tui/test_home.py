"""Home: recipes and runs to choose from, and what can be done with them; how it looks."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.tui.conftest import LooksAsBefore, OpenApp, settle, shown, until
from workbench import events
from workbench.errors import WorkbenchError
from workbench.storage.event_stream import EventLog
from workbench.storage.runs import create_run
from workbench.tui.app import KwbApp
from workbench.tui.services.files import list_recipes, recent_runs
from workbench.tui.state import AppState
from workbench.tui.widgets.dialogs import ConfirmDialog, PromptDialog

RECIPE = """\
# Prices of houses.
kwb: 1
name: prices
data: {use: diabetes}
model: {sequential: [{use: Dense, units: 1}]}
train: {loss: mse}
"""


def make_run(folder: Path, name: str, *happened: events.Event) -> Path:
    run = create_run(folder / "saved/runs", name, recipe=RECIPE, environment={})
    with EventLog(run) as log:
        for event in happened:
            log.append(event)
    return run.path


async def test_recipes_and_runs_of_this_folder_are_listed(open_app: OpenApp, working_directory: Path) -> None:
    (working_directory / "prices.yaml").write_text(RECIPE)
    (working_directory / "compose.yaml").write_text("services: {}\n")
    os.mkfifo(working_directory / "pipe.yaml")  # which would be waited for
    (working_directory / "more").mkdir()
    (working_directory / "more" / "other.yml").write_text(RECIPE)
    make_run(
        working_directory,
        "prices",
        events.Epoch(3, 3, {"loss": 2.0, "val_loss": 1.25}, 0.1, 10.0, 0.001),
        events.Finished("done", {"loss": 2.0}, {}, 1.0),
    )
    make_run(working_directory, "broken", events.Failed({"what": "no", "where": "", "hint": ""}))
    async with open_app(size=(160, 48)) as pilot:
        text = shown(pilot.app)
        assert "In this folder" in text
        assert "prices.yaml" in text
        assert "Prices of houses." in text
        assert "more/other.yml" in text
        assert "compose.yaml" not in text
        assert "Recent runs" in text
        assert "✓ done  epoch 3/3  val_loss 1.25  just now" in text
        assert "✗ failed" in text

        (working_directory / "later.yaml").write_text(RECIPE)
        await pilot.press("r")
        await settle(pilot)
        assert "later.yaml" in shown(pilot.app)


@pytest.mark.parametrize(
    "kept", [{"/elsewhere": "builtin:kwb_custom.digits"}, "builtin:kwb_custom.digits", {}]
)
async def test_in_a_new_folder_the_cursor_is_on_its_first_recipe(
    open_app: OpenApp, working_directory: Path, tmp_path: Path, kept: object
) -> None:
    for name in ("a.yaml", "b.yaml"):
        (working_directory / name).write_text("kwb: 1\ndata: diabetes\nmodel: ResidualRegressor\n")
    os.utime(working_directory / "b.yaml", (1, 1))  # the newest is the first
    (working_directory / "table.csv").write_text("x,y\n1,2\n")

    def cursor(app: KwbApp) -> str:
        listing = app.screen.query_one("#items", OptionList)
        return str(listing.get_option_at_index(listing.highlighted or 0).id)

    path = tmp_path / "own" / "state.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"recipes.chosen": kept}))
    async with open_app(state=AppState(path), mode="recipes", size=(80, 24)) as pilot:
        assert cursor(pilot.app) == f"file:{working_directory / 'a.yaml'}"
        await pilot.press("down")
        await settle(pilot)
        pilot.app.save_state()
    # the next time the cursor is where it was, and what was chosen in another folder is kept
    async with open_app(state=AppState(path), mode="recipes", size=(80, 24)) as pilot:
        await until(lambda: cursor(pilot.app) == f"file:{working_directory / 'b.yaml'}")
    chosen = json.loads(path.read_text())["recipes.chosen"]
    assert chosen.pop(str(working_directory)) == f"file:{working_directory / 'b.yaml'}"
    assert chosen == (kept if isinstance(kept, dict) else {})


async def test_enter_opens_a_recipe_and_asks_before_changes_are_lost(
    open_app: OpenApp, working_directory: Path
) -> None:
    path = working_directory / "prices.yaml"
    path.write_text(RECIPE)
    async with open_app() as pilot:
        app = pilot.app
        app.open_recipe(path, then="recipes")
        await settle(pilot)
        assert app.editor.path == path
        assert "prices.yaml" in shown(app).splitlines()[0]
        app.editor.set("train.epochs", 3)
        await settle(pilot)
        assert "prices.yaml *" in shown(app).splitlines()[0]  # unsaved changes are marked

        app.open_recipe("digits", then="recipes")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("escape")
        await settle(pilot)
        assert app.editor.path == path
        app.open_recipe("digits", then="recipes")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(lambda: app.editor.name == "digits")
        assert "epochs: 3" in path.read_text()
        assert "# Prices of houses." in path.read_text()


async def test_a_built_in_recipe_is_duplicated_to_a_file(open_app: OpenApp, working_directory: Path) -> None:
    (working_directory / "taken.yaml").write_text("mine")
    async with open_app() as pilot:
        await pilot.press("d")
        await until(lambda: isinstance(pilot.app.screen, PromptDialog))
        for wrong, message in (
            ("x.txt", "ends with .yaml"),
            ("no/x.yaml", "there is no folder"),
            ("", "a name"),
        ):
            pilot.app.screen.query_one("Input").value = wrong
            await pilot.pause()
            await pilot.press("enter")
            assert message in shown(pilot.app)
        pilot.app.screen.query_one("Input").value = "taken.yaml"
        await pilot.press("enter")
        await until(lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("k")
        await settle(pilot)
        assert (working_directory / "taken.yaml").read_text() == "mine"

        await pilot.press("d")
        await until(lambda: isinstance(pilot.app.screen, PromptDialog))
        pilot.app.screen.query_one("Input").value = "mine.yaml"
        await pilot.press("enter")
        await until(lambda: pilot.app.editor is not None)
        text = (working_directory / "mine.yaml").read_text()
        assert "name: mine" in text
        assert "# ResidualRegressor predicts how far" in text


async def test_a_wrong_recipe_is_reported_before_it_is_trained(
    open_app: OpenApp, working_directory: Path
) -> None:
    (working_directory / "prices.yaml").write_text(RECIPE.replace("Dense", "Dens"))
    async with open_app() as pilot:
        app = pilot.app
        app.open_recipe(working_directory / "prices.yaml", train=True)
        await until(lambda: app.notices)
        error = app.notices[0][1]
        assert "no layer 'Dens'" in error.what
        assert error.where.startswith("prices.yaml: 5")
        assert "Did you mean 'Dense'" in error.hint
        assert app.training is None


async def test_an_unreadable_recipe_is_reported(open_app: OpenApp, working_directory: Path) -> None:
    (working_directory / "bad.yaml").write_bytes(b"kwb: 1\n\xff\xfe")
    async with open_app() as pilot:
        pilot.app.open_recipe(working_directory / "bad.yaml")
        await until(lambda: pilot.app.notices)
        assert "UTF-8" in pilot.app.notices[0][1].what
        await pilot.press(*["down"] * 8)  # and choosing it in the list is no error either
        await settle(pilot)
        pilot.app.open_recipe(working_directory / "gone.yaml")
        await until(lambda: len(pilot.app.notices) == 2)


def test_a_huge_folder_is_not_searched_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.tui.services.files.MOST_LOOKED_AT", 5)
    for number in range(20):
        (tmp_path / f"{number:02}.yaml").write_text(RECIPE if number in (3, 19) else "a: 1")
    assert [recipe.path.name for recipe in list_recipes(tmp_path)] == ["03.yaml"]
    assert list_recipes(tmp_path / "none") == []
    assert recent_runs(tmp_path / "none") == []


@pytest.fixture
def looks(looks_as_before: LooksAsBefore, working_directory: Path) -> LooksAsBefore:
    """Home with two recipes of its own: what plugins bring may change, the pictures should not."""
    (working_directory / "prices.yaml").write_text(RECIPE)
    (working_directory / "wine.yaml").write_text(
        RECIPE.replace("prices", "wine").replace("Prices of houses.", "Wines.")
    )
    times = (1_700_000_000, 1_700_000_000)
    os.utime(working_directory / "wine.yaml", times)
    return functools.partial(looks_as_before, blocked=("kwb_custom", "kwb_keras"))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 20)])
def test_how_home_looks(looks: LooksAsBefore, size: tuple[int, int]) -> None:
    assert looks("down", size=size)


def test_how_help_looks(looks: LooksAsBefore) -> None:
    assert looks("f1", size=(120, 40))


def test_how_a_search_without_a_find_looks(looks: LooksAsBefore) -> None:
    assert looks("slash", *"nothing like it", size=(80, 24))


def test_how_a_notice_looks(looks: LooksAsBefore) -> None:
    async def notify(pilot: Pilot[Any]) -> None:
        error = WorkbenchError("no layer 'Dens'.", where="price.yaml:5", hint="Did you mean 'Dense'?")
        pilot.app.notice(error)

    assert looks("f2", size=(80, 24), before=notify)


def test_how_a_question_looks(looks: LooksAsBefore, working_directory: Path) -> None:
    async def change(pilot: Pilot[Any]) -> None:
        pilot.app.open_recipe(working_directory / "prices.yaml", then="recipes")
        await settle(pilot)
        pilot.app.editor.set("train.epochs", 3)

    assert looks("q", size=(80, 24), before=change)
