"""Enter and Tab in the YAML pane, as in an editor for YAML; Esc is the way out."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets.text_area import Selection

from tests.coroutines import pytest_pyfunc_call
from tests.tui.assembling.conftest import checked, typed
from tests.tui.conftest import OpenApp
from workbench.tui.screens.assemble.recipe_text import RecipeText
from workbench.tui.views import indentation

__all__ = ["pytest_pyfunc_call"]


@pytest.mark.parametrize(
    ("before", "column"),
    [
        ("", 0),
        ("name: a", 0),
        ("train:", 2),
        ("train:   # of the model", 2),
        ("  epochs: 3", 2),
        ("  sequential:", 4),
        ("    - Flatten", 4),  # the next item
        ("    - {use: Dense, units: 3}", 4),
        ("    - z = Dense(3)(x)", 4),
        ("    - use: Dense", 6),  # its next key
        ("    - use: Dense  # wide", 6),
        ("    - sequential:", 8),
        ("    -", 4),
        ("      units: 3", 6),
        ("  data: {use: csv,", 2),
        ("  inputs: {", 4),
        ("  columns: [", 4),
        ("  note: |", 4),
        ("  note: >-", 4),
        ("  url: http://a", 2),
        ("  # a comment:", 2),
        ('  "a: b":', 4),
        ("   ", 3),
    ],
)
def test_where_the_next_line_begins(before: str, column: int) -> None:
    assert indentation.of_next_line(before) == " " * column


def test_lines_are_moved_in_and_out() -> None:
    assert [indentation.moved_in(line) for line in ("a", "  a", "")] == ["  a", "    a", ""]
    assert [indentation.moved_out(line) for line in ("    a", "   a", " a", "a")] == ["  a", "  a", "a", "a"]


RECIPE = "kwb: 1\nname: mine\ndata: diabetes\nmodel: ResidualRegressor\ntrain:\n  loss: mse\n"


async def test_a_model_is_typed_without_a_blank(open_app: OpenApp, working_directory: Path) -> None:
    (working_directory / "mine.yaml").write_text(RECIPE)
    async with open_app(recipe="mine.yaml", size=(80, 24)) as pilot:
        app = pilot.app
        screen = await checked(pilot)
        await typed(pilot, "v")
        text = app.focused
        assert isinstance(text, RecipeText)
        text.move_cursor((3, len("model:")))
        await typed(pilot, *["delete"] * len(" ResidualRegressor"))
        keys = ["enter", "'sequential:'", "enter", "'- use: Dense'", "enter", "'units: 3'", "enter"]
        await typed(pilot, *keys, "shift+tab", "'- Flatten'", "enter", "'- {use: Dense, units: 1}'")
        assert app.editor.text == RECIPE.replace(
            "model: ResidualRegressor",
            "model:\n  sequential:\n    - use: Dense\n      units: 3\n    - Flatten\n    - {use: Dense, units: 1}",
        )
        await checked(pilot)
        assert screen.examination.total == 10 * 3 + 3 + 3 + 1
        # Esc is the way out: Tab is the text's
        await typed(pilot, "tab")
        assert app.focused is text
        assert text.text.splitlines()[8].startswith("    - {use: Dense, units: 1}")
        await typed(pilot, "escape")
        assert app.focused is screen.rows


async def test_a_line_is_split_and_blanks_are_not_left_behind(
    open_app: OpenApp, working_directory: Path
) -> None:
    (working_directory / "mine.yaml").write_text(RECIPE.replace("  loss: mse", "  loss:   mse"))
    async with open_app(recipe="mine.yaml", size=(80, 24)) as pilot:
        await typed(pilot, "v")
        text = pilot.app.focused
        assert isinstance(text, RecipeText)
        text.move_cursor((5, len("  loss:")))
        await typed(pilot, "enter")
        assert text.text.endswith("train:\n  loss:\n    mse\n")
        # an empty line between two, and the cursor where the next key goes
        await typed(pilot, "end", "enter", "enter")
        assert text.text.endswith("    mse\n\n    \n")
        # before the first letter: the line moves down as it is
        text.move_cursor((5, 0))
        await typed(pilot, "enter")
        assert text.text.endswith("train:\n\n  loss:\n    mse\n\n    \n")
        await typed(pilot, "ctrl+z")
        assert pilot.app.editor.text == RECIPE.replace("  loss: mse", "  loss:   mse")


async def test_selected_lines_are_moved_and_stay_selected(open_app: OpenApp, working_directory: Path) -> None:
    (working_directory / "mine.yaml").write_text(RECIPE)
    async with open_app(recipe="mine.yaml", size=(80, 24)) as pilot:
        await typed(pilot, "v")
        text = pilot.app.focused
        assert isinstance(text, RecipeText)
        text.selection = Selection((1, 2), (3, 0))  # `name` and `data`; the line that it ends before stays
        await typed(pilot, "tab")
        assert text.text == RECIPE.replace("name: mine\ndata", "  name: mine\n  data")
        assert text.selection == Selection((1, 4), (3, 0))
        await typed(pilot, "shift+tab")
        assert text.text == RECIPE == pilot.app.editor.text
        assert text.selection == Selection((1, 2), (3, 0))
