"""A field's error is that of the text in it, however fast it is typed."""

from __future__ import annotations

import pytest
from textual.events import Key

from tests.tui.conftest import OpenApp, settle, shown, until
from workbench.tui.forms.field_row import FieldRow
from workbench.tui.forms.form import Form


@pytest.mark.parametrize(
    ("typed", "error"), [("6x", "must be a number"), ("12", ""), ("7x8", "must be a number")]
)
async def test_an_answer_to_the_text_before_is_not_shown(open_app: OpenApp, typed: str, error: str) -> None:
    async with open_app(recipe="custom-stack") as pilot:
        app = pilot.app
        await until(lambda: app.editor is not None)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("down", "down", "enter")
        await until(lambda: app.screen.query_one(Form).rows and app.screen.query_one(Form).rows[0].in_focus)
        await settle(pilot)
        row: FieldRow = app.screen.query_one(Form).rows[0]
        for letter in typed:  # in one go: the answers to the first ones come after the last one
            app.post_message(Key(letter, letter))
        await until(lambda: row.text == typed)
        await settle(pilot)
        assert row.wrong == error
        await pilot.press("escape")
        await settle(pilot)
        assert (error in shown(app)) if error else ("must be" not in shown(app))
