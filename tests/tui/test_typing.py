"""What is typed arrives, in order, where the focus was to be: in every text field, at any speed, right after any key.

Keys are posted with a pause between them and nobody waits for the app; what is expected is computed from the keys
alone.

KWB_WHOLE=typing pytest tests/tui/test_typing.py    with all speeds and all fields; CI takes two speeds and some fields.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key, Paste
from textual.pilot import Pilot
from textual.widgets import Input

from tests.coroutines import until
from tests.tui.assembling.conftest import checked, own_cache
from tests.tui.conftest import OpenApp, settle, shown
from tests.whole import whole
from workbench.recipe.outline import Role
from workbench.recipe.yaml_text import yaml_value
from workbench.tui.forms.field_row import FieldRow
from workbench.tui.screens.assemble.recipe_text import RecipeText
from workbench.tui.screens.assemble.rows_list import RowsList
from workbench.tui.screens.assemble.screen import AssembleScreen
from workbench.tui.screens.recipes.new import NewRecipeDialog
from workbench.tui.widgets.catalog_panel import CatalogPanel
from workbench.tui.widgets.dialogs import PromptDialog
from workbench.tui.widgets.filter_line import FilterLine

__all__ = ["own_cache"]

WHOLE = whole("typing")
GAPS = (0.0, 0.005, 0.02, 0.06, 0.15) if WHOLE else (0.0, 0.02)  # seconds between keys

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
RECIPE = """\
# Mine.
kwb: 1
name: mine
seed: 3
data: {use: diabetes, scale: standard, split: {validation: 0.2}}
model:
  sequential:
    - {use: MyDense, units: 30}
    - {use: Dense, units: 1}
train:
  epochs: 4
  optimizer: {use: Adam, learning_rate: 0.001}
  loss: mse
  callbacks: [{use: EarlyStopping, patience: 5}]
save: [saved/mine.keras]
"""
NAMES = {".": "full_stop", "_": "underscore", "/": "slash", " ": "space", "-": "minus", "#": "number_sign"}


@pytest.fixture
def recipe(working_directory: Path) -> str:
    (working_directory / "mine.yaml").write_text(RECIPE)
    return "mine.yaml"


async def type_keys(pilot: Pilot[Any], keys: Iterable[str], gap: float) -> None:
    """Type keys with a pause after each. A text of several letters that is no key's name is typed letter by letter."""
    for key in keys:
        for one in key.strip("'") if key.startswith("'") else (key,):
            pilot.app.post_message(Key(NAMES.get(one, one), one if len(one) == 1 else None))
            await asyncio.sleep(gap)


async def done(pilot: Pilot[Any]) -> None:
    """Wait until all that was typed has done its work."""
    app = pilot.app
    for _ in range(2):
        await until(lambda: not app.type_ahead.closed, 60, "all keys have had their turn")
        await settle(pilot)


async def begin(pilot: Pilot[Any]) -> AssembleScreen:
    """The rows of the recipe as it is in its file."""
    pilot.app.editor.replace_text(RECIPE)
    screen: AssembleScreen = await checked(pilot)
    await settle(pilot)
    return screen


# ------------------------------------------------------------------ the recipe's text


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["", "  - ["], ids=["valid", "invalid"])
async def test_the_recipes_text(open_app: OpenApp, recipe: str, wrong: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        await checked(pilot)
        for gap in GAPS:
            before = f"{RECIPE}{wrong}" if wrong else RECIPE
            app.editor.replace_text(before)
            await settle(pilot)
            area = app.screen.query_one(RecipeText)
            area.move_cursor((0, len("# Mine.")))
            await type_keys(pilot, ["escape", "v", f"' {ALPHABET}'", *["backspace"] * 9, "'1 2'"], gap)
            await done(pilot)
            wanted = before.replace("# Mine.", f"# Mine. {ALPHABET[:-9]}1 2", 1)
            assert area.text == app.editor.text == wanted, gap
            await type_keys(pilot, ["'x'", "enter", "'# y'", "ctrl+z", "escape", "5", "2"], gap)
            await done(pilot)
            assert isinstance(app.focused, RowsList)
            assert area.text == app.editor.text == before, gap


# ------------------------------------------------------------------ forms


def text_for(row: FieldRow) -> str:
    """A text for a field that is a value there and differs from what it has."""
    field = row.field
    if field.bounds and field.bounds[-1] == ("<", 1.0):
        return "0.125"
    match field.type:
        case "integer":
            return "1234"
        case "number":
            return "0.0625"
        case "list":
            return "abc, xyz" if field.name == "train.watch" else "[16]"
    if field.name == "file:":
        return "saved/other_name.h5"
    return "hidden_layer_2"


def value_of(row: FieldRow, text: str) -> Any:
    if row.field.type == "list" and not text.startswith("["):
        return [part.strip() for part in text.split(",")]
    return text if row.field.type == "text" else yaml_value(text)


async def fields_of(pilot: Pilot[Any], at: int) -> list[FieldRow]:
    """The fields of a row's form, all that the worker knows of."""
    await type_keys(pilot, ["escape", "home", *["down"] * at, "enter"], 0.0)
    await done(pilot)
    found = list(pilot.app.screen.form.rows)
    await type_keys(pilot, ["escape"], 0.0)
    await done(pilot)
    return found


@pytest.mark.slow
async def test_every_field_of_every_form(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        screen = await begin(pilot)
        tried = 0
        for at, row in enumerate(app.editor.rows):
            if row.role in (Role.MODEL, Role.LOSS, Role.METRIC):
                continue
            if not WHOLE and row.role not in (Role.TRAIN, Role.OPTIMIZER, Role.FILE):
                continue
            fields = await fields_of(pilot, at)
            first = next((i for i, each in enumerate(fields) if each.in_focus), None)
            first = first or 0
            texts = [i for i, each in enumerate(fields) if isinstance(each.editor, Input)]
            for number, index in enumerate(texts):
                # In CI each field at one speed, the speeds in turn.
                for gap in GAPS if WHOLE else (GAPS[number % len(GAPS)],):
                    if not WHOLE and number > 1:
                        break
                    app.editor.replace_text(RECIPE)
                    await settle(pilot)
                    typed = text_for(fields[index])
                    step = "tab" if index >= first else "shift+tab"
                    keys = [
                        "escape",
                        "home",
                        *["down"] * at,
                        "enter",
                        *[step] * abs(index - first),
                        f"'{typed}'",
                    ]
                    await type_keys(pilot, keys, gap)
                    await done(pilot)
                    field = screen.form.rows[index]
                    where = f"{row.key} {field.field.name} at {gap}"
                    assert field.in_focus, where
                    assert field.text == typed, where
                    if not field.wrong:
                        assert field.value == value_of(field, typed), where
                    tried += 1
        assert tried >= (60 if WHOLE else 5)


@pytest.mark.slow
@pytest.mark.parametrize("valid", [True, False])
async def test_what_is_typed_into_a_form_is_in_the_recipe(
    open_app: OpenApp, recipe: str, valid: bool
) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        await begin(pilot)
        before = RECIPE if valid else RECIPE.replace("units: 1}", "units: none at all}")
        roles = [row.role for row in app.editor.rows]
        for gap in GAPS:
            app.editor.replace_text(before)
            await checked(pilot)
            keys = ["escape", "home", *["down"] * roles.index(Role.TRAIN), "enter", "'1234'", "escape"]
            await type_keys(pilot, [*keys, "down", "enter", "'0.0625'", "escape", "5", "1", "2"], gap)
            await done(pilot)
            assert isinstance(app.focused, RowsList)
            wanted = before.replace("epochs: 4", "epochs: 1234").replace("rate: 0.001", "rate: 0.0625")
            assert app.editor.text == wanted, gap


@pytest.mark.slow
async def test_the_settings_of_the_data(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        await begin(pilot)
        for gap in GAPS:
            await begin(pilot)
            await type_keys(pilot, ["3", "e", "tab", "'0.125'", "escape", "6", "2"], gap)
            await done(pilot)
            fields = [name for name in ("validation", "test") if f"{name}: 0.125" in app.editor.text]
            assert fields, (gap, app.editor.text)
            assert app.current_mode == "assemble"


# ------------------------------------------------------------------ lines of text: filters, catalog, prompts


def text_in_focus(pilot: Pilot[Any], kind: type) -> Callable[[], str | None]:
    def text() -> str | None:
        focused = pilot.app.focused
        if not isinstance(focused, Input) or not any(
            isinstance(each, kind) for each in focused.ancestors_with_self
        ):
            return None
        return focused.value

    return text


LINES = {
    "recipes": (["1", "slash"], FilterLine, ["escape"]),
    "saved": (["6", "slash"], FilterLine, ["escape"]),
    "runs": (["5", "slash"], FilterLine, ["escape"]),
    "catalog": (["2", "slash"], CatalogPanel, ["escape"]),
    "add": (["2", "end", "home", "a"], CatalogPanel, ["escape"]),
    "dataset": (["3", "c"], CatalogPanel, ["escape"]),
    "duplicate": (["1", "d"], PromptDialog, ["escape"]),
    "look into": (["6", "o"], PromptDialog, ["escape"]),
    "rename": (["5", "n"], PromptDialog, ["escape"]),
}


@pytest.mark.slow
async def test_filter_lines_the_catalog_and_prompts(
    open_app: OpenApp, recipe: str, working_directory: Path
) -> None:
    (working_directory / "saved").mkdir()
    (working_directory / "saved" / "some.keras").write_bytes(b"no model")
    run = working_directory / "saved" / "runs" / "mine-20260101-120000"
    run.mkdir(parents=True)
    (run / "recipe.yaml").write_text(RECIPE)
    async with open_app(recipe=recipe) as pilot:
        await begin(pilot)
        for name, (keys, kind, back) in LINES.items():
            for gap in GAPS:
                await type_keys(pilot, [*keys, f"'{ALPHABET}'", *["backspace"] * 9, "'7_'"], gap)
                await done(pilot)
                assert text_in_focus(pilot, kind)() == f"{ALPHABET[:-9]}7_", (name, gap)
                await type_keys(pilot, back, gap)
                await done(pilot)
                if not isinstance(pilot.app.focused, Input):
                    continue
                await type_keys(pilot, back, gap)
                await done(pilot)


@pytest.mark.slow
async def test_a_new_recipe_takes_what_is_typed_while_its_data_is_read(
    open_app: OpenApp, working_directory: Path
) -> None:
    rows = "\n".join(f"{i * 37 % 61},{i * 23 % 59},{i % 3}" for i in range(60))  # in no order of time
    (working_directory / "table.csv").write_text(f"alpha,beta,gamma\n{rows}\n")
    async with open_app() as pilot:
        app = pilot.app
        for gap in GAPS:
            app.editor = None
            await type_keys(pilot, ["n", "enter", "'beta'"], gap)
            await until(
                lambda: isinstance(app.screen, NewRecipeDialog) and "targets: [beta]" in shown(app), 60
            )
            assert text_in_focus(pilot, NewRecipeDialog)() == "beta"
            await type_keys(pilot, ["enter", "5", "1"], gap)
            await done(pilot)
            assert app.current_mode == "recipes"
            assert app.editor.get("data.targets") == ["beta"]
            # Enter before the data is read is for what was typed, or for the guess.
            app.editor = None
            await type_keys(pilot, ["n", "enter", "'alpha'", "enter"], gap)
            await until(lambda: app.editor is not None, 60)
            assert app.editor.get("data.targets") == ["alpha"]
            await done(pilot)
            await type_keys(pilot, ["1"], gap)
            await done(pilot)


async def test_what_follows_enter_waits_for_the_data(
    open_app: OpenApp, working_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is for what the recipe is opened in, not a part of the target's name."""
    rows = "\n".join(f"{i * 37 % 61},{i * 23 % 59},{i % 3}" for i in range(60))
    (working_directory / "table.csv").write_text(f"alpha,beta,gamma\n{rows}\n")
    async with open_app() as pilot:
        app = pilot.app
        read, call = asyncio.Event(), app.worker.call

        async def slow(command: str, **arguments: Any) -> Any:
            if command == "preview":
                await read.wait()
            return await call(command, **arguments)

        monkeypatch.setattr(app.worker, "call", slow)
        await type_keys(pilot, ["n", "enter"], 0.0)
        await until(lambda: isinstance(app.screen, NewRecipeDialog) and "Tab takes over" in shown(app))
        await type_keys(pilot, ["enter", "2"], 0.0)
        await asyncio.sleep(0.1)
        read.set()
        await until(lambda: app.editor is not None, 60)
        await done(pilot)
        assert app.current_mode == "assemble"
        assert app.editor.get("data.targets") == ["gamma"]


# ------------------------------------------------------------------ right after a key that goes somewhere


@pytest.mark.slow
async def test_right_after_enter_and_f5(open_app: OpenApp, recipe: str, working_directory: Path) -> None:
    (working_directory / "other.yaml").write_text(RECIPE.replace("name: mine", "name: other"))
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        await begin(pilot)
        app.editor.save()
        for gap in GAPS:
            await type_keys(pilot, ["1", "slash", "'other.yaml'", "enter", "enter", "f5", "5", "4"], gap)
            await until(lambda: app.training is not None and app.current_mode == "train", 60)
            await done(pilot)
            assert app.training.name == "other.yaml", gap
            assert app.editor.name == "other.yaml"
            await until(lambda: not app.training.state.live, 120)
            app.open_recipe(recipe)
            await done(pilot)
            assert app.editor.name == "mine.yaml"
            app.worker.training = None
            await type_keys(pilot, ["1", "slash", "escape"], gap)
            await done(pilot)


@pytest.mark.slow
async def test_right_after_the_keys_of_the_screens(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe, settled=False) as pilot:
        app = pilot.app
        # From the very start, while no screen has been made yet.
        await type_keys(pilot, ["2", "3", "4", "5", "6", "1", "slash", f"'{ALPHABET}'"], 0.0)
        await until(lambda: text_in_focus(pilot, FilterLine)() == ALPHABET, 60)
        await done(pilot)
        await type_keys(pilot, ["escape"], 0.0)
        for gap in GAPS:
            for mode, key in {"assemble": "2", "data": "3", "train": "4", "runs": "5", "saved": "6"}.items():
                await type_keys(pilot, [key, "1", key, "1", key], gap)
                await done(pilot)
                assert app.current_mode == mode, (key, gap)
            await type_keys(pilot, ["ctrl+p", f"'{ALPHABET}'"], gap)
            await done(pilot)
            assert isinstance(app.focused, Input)
            assert app.focused.value == ALPHABET
            await type_keys(pilot, ["escape"], gap)
            await done(pilot)


@pytest.mark.slow
async def test_a_pasted_text_comes_after_the_key_before_it(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        screen = await begin(pilot)
        roles = [row.role for row in app.editor.rows]
        await type_keys(pilot, ["home", *["down"] * roles.index(Role.TRAIN), "enter"], 0.0)
        app.post_message(Paste("77"))
        await type_keys(pilot, ["'8'", "escape", "v"], 0.0)
        app.post_message(Paste("# one\n# two\n"))
        await done(pilot)
        assert app.editor.get("train.epochs") == 778
        assert "# one\n# two\n" in app.editor.text
        assert screen.query_one(RecipeText).text == app.editor.text


# ------------------------------------------------------------------ taking back


@pytest.mark.slow
async def test_undo_right_after_a_change_or_an_addition(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        screen = await begin(pilot)
        for gap in GAPS:
            for keys in (["c", "'dropout'", "enter"], ["a", "'mydense'", "enter"]):
                await type_keys(pilot, ["escape", "home", "down", *keys], gap)
                await done(pilot)
                assert app.editor.text != RECIPE
                assert isinstance(app.focused, Input)
                assert "^z Undo" in shown(app)
                await type_keys(pilot, ["'17'", "ctrl+z", "ctrl+z"], gap)
                await done(pilot)
                assert app.editor.text == RECIPE, (keys, gap)
                assert app.focused is screen.rows


@pytest.mark.slow
async def test_a_text_that_is_no_value_is_kept_and_said(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        screen = await begin(pilot)
        roles = [row.role for row in app.editor.rows]
        at = roles.index(Role.TRAIN)
        await type_keys(pilot, ["home", *["down"] * at, "enter", "'30xyz'", "escape", "home"], 0.0)
        await done(pilot)
        said = "epochs: '30xyz' must be a whole number; 30 stays."
        assert said in str(app.notices[-1][1])
        assert "! training" in shown(app)
        assert app.editor.text == RECIPE.replace("epochs: 4", "epochs: 30")
        await type_keys(pilot, [*["down"] * at], 0.0)
        await done(pilot)
        field = next(row for row in screen.form.rows if row.field.name == "train.epochs")
        assert (field.text, field.wrong) == ("30xyz", "must be a whole number")
        await type_keys(pilot, ["enter", "'7'", "escape"], 0.0)
        await done(pilot)
        assert app.editor.get("train.epochs") == 7
        assert "! training" not in shown(app)
