"""The form itself: what becomes known of a thing while its arguments are typed disturbs nobody."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import Select

from tests.coroutines import until
from tests.tui.conftest import pytest_pyfunc_call, settle, shown
from workbench import tui
from workbench.tui.forms.fields import Field
from workbench.tui.forms.form import Form, FormSubject

__all__ = ["pytest_pyfunc_call"]

APP_CSS = Path(tui.__file__).with_name("app.tcss")
TAKES = Field("takes", "text", required=True)
AXIS = Field("axis", "integer", default=-1)
NAME = Field("name", "text")


class FormApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Form()


def names(form: Form) -> list[str]:
    return [row.field.name for row in form.rows]


async def test_a_text_being_typed_survives_that_more_becomes_known() -> None:
    async with FormApp().run_test() as pilot:
        form = pilot.app.query_one(Form)
        await form.show(FormSubject("line 3", fields=(TAKES,)), {"takes": "z3"})
        form.focus_field("takes")
        await settle(pilot)
        await pilot.press("end", *", z2", "left", "left")
        known = Field("takes", "text", required=True, suggestions=("z1", "z2"), label="called on")
        await form.show(FormSubject("line 3", "Concatenate", fields=(NAME, known, AXIS)), {"takes": "z3, z2"})
        await pilot.press(*"z9, ")
        await settle(pilot)
        assert names(form) == ["name", "takes", "axis"]
        row = form.rows[1]
        assert row.has_focus_within
        assert (row.editor.value, row.value) == ("z3, z9, z2", "z3, z9, z2")
        assert row.editor.suggester is not None
        await pilot.press("tab")
        assert form.rows[2].has_focus_within


async def test_the_arrows_go_past_a_menu_which_opens_when_it_is_asked_to() -> None:
    async with FormApp().run_test() as pilot:
        form = pilot.app.query_one(Form)
        padding = Field("padding", "choice", choices=("valid", "same"))
        await form.show(FormSubject("line 3", fields=(AXIS, padding, NAME)), {"padding": "valid"})
        form.focus_field("axis")
        await settle(pilot)
        await pilot.press("down", "down", *"n1")
        assert (form.rows[1].value, form.rows[2].value) == ("valid", "n1")
        await pilot.press("up", "up", *"2")
        assert form.rows[0].value == 2
        await pilot.press("down", "enter")
        menu = form.rows[1].query_one(Select)
        await until(lambda: menu.expanded)
        await pilot.press("down", "enter")
        await until(lambda: form.rows[1].value == "same")


async def test_the_arrows_go_through_a_form_that_is_longer_than_its_pane() -> None:
    async with FormApp().run_test(size=(60, 8)) as pilot:
        form = pilot.app.query_one(Form)
        await form.show(FormSubject("line 3", fields=tuple(Field(f"a{i}", "text") for i in range(12))), {})
        form.focus_field("a0")
        await settle(pilot)
        await pilot.press(*["down"] * 11, "x")
        assert form.rows[11].value == "x"
        await until(lambda: form.region.contains_region(form.rows[11].region), what="the field is in view")


async def test_a_text_that_is_no_value_goes_when_the_value_becomes_another_one() -> None:
    async with FormApp().run_test() as pilot:
        form = pilot.app.query_one(Form)
        subject = FormSubject("line 3", fields=(AXIS, NAME))
        await form.show(subject, {"axis": 20})
        form.focus_field("axis")
        await settle(pilot)
        await pilot.press(*"7s")
        await form.show(subject, {"axis": 30})  # changed elsewhere while it is typed in
        await pilot.press("down")
        await until(lambda: [draft.text for draft in form.drafts] == ["7s"])
        await form.show(subject, {"axis": 7})
        assert (form.rows[0].text, list(form.drafts)) == ("7", [])


async def test_what_needs_another_editor_gets_it_when_the_focus_has_left() -> None:
    async with FormApp().run_test() as pilot:
        form = pilot.app.query_one(Form)
        await form.show(FormSubject("line 3", fields=(AXIS,)), {})
        form.focus_field("axis")
        await settle(pilot)
        chosen = Field("axis", "choice", choices=(0, 1))
        await form.show(FormSubject("line 3", fields=(TAKES, chosen)), {})
        await settle(pilot)
        assert names(form) == ["takes", "axis"]
        assert form.rows[1].has_focus_within
        await pilot.press("1")  # typed as ever
        await settle(pilot)
        assert form.rows[1].value == 1
        await pilot.press("up")
        await settle(pilot)
        assert isinstance(form.rows[1].editor, Select)
        assert form.rows[1].editor.value == 1  # the second choice


async def test_another_thing_gets_a_form_of_its_own() -> None:
    async with FormApp().run_test() as pilot:
        form = pilot.app.query_one(Form)
        await form.show(FormSubject("line 3", fields=(TAKES,)), {"takes": "z3"})
        form.focus_field("takes")
        await settle(pilot)
        await form.show(FormSubject("line 4", fields=(TAKES, AXIS)), {"takes": "z4"})
        assert names(form) == ["takes", "axis"]
        assert form.rows[0].editor.value == "z4"


async def test_a_comma_that_more_comes_after_stays() -> None:
    """The recipe knows of the names only and says so at every key."""
    async with FormApp().run_test() as pilot:
        form = pilot.app.query_one(Form)
        subject = FormSubject("line 3", fields=(TAKES,))
        await form.show(subject, {"takes": "z3"})
        form.focus_field("takes")
        await settle(pilot)
        await pilot.press("end")
        for key in ", z2, z1":
            await pilot.press("space" if key == " " else key)
            row = form.rows[0]
            names = [name.strip() for name in row.editor.value.split(",") if name.strip()]
            await form.show(subject, {"takes": ", ".join(names)})
            await settle(pilot)
        assert form.rows[0].editor.value == "z3, z2, z1"


async def test_what_comes_back_late_does_not_undo_what_was_typed_since() -> None:
    async with FormApp().run_test() as pilot:
        form = pilot.app.query_one(Form)
        subject = FormSubject("line 3", fields=(AXIS,))
        await form.show(subject, {})
        form.focus_field("axis")
        await settle(pilot)
        await pilot.press("1", "2")
        await form.show(subject, {"axis": 1})  # what the first key made of it
        await pilot.press("3")
        await form.show(subject, {"axis": 123})
        assert form.rows[0].editor.value == "123"
        # What somebody else did to it shows when the focus has left.
        await form.show(subject, {"axis": 7})
        await settle(pilot)
        assert form.rows[0].editor.value == "123"
        pilot.app.set_focus(None)
        await until(lambda: form.rows[0].editor.value == "7")
        assert form.rows[0].value == 7


async def test_a_field_that_gets_the_focus_is_typed_over() -> None:
    async with FormApp().run_test() as pilot:
        form = pilot.app.query_one(Form)
        await form.show(FormSubject("line 3", fields=(AXIS, NAME)), {"axis": 8, "name": "b"})
        form.focus_field("axis")
        await settle(pilot)
        await pilot.press("3", "0", "down", "a", "up", "end", "5")
        await settle(pilot)
        assert [row.value for row in form.rows] == [305, "a"]


async def test_a_text_that_is_no_value_stays_until_it_is_taken_back() -> None:
    async with FormApp().run_test() as pilot:
        form = pilot.app.query_one(Form)
        subject, other = FormSubject("line 3", fields=(AXIS, NAME)), FormSubject("line 4", fields=(NAME,))
        await form.show(subject, {"axis": 8})
        form.focus_field("axis")
        await settle(pilot)
        await pilot.press(*"30xyz", "down")
        await settle(pilot)
        assert [str(draft) for draft in form.drafts] == ["axis: '30xyz' must be a whole number; 8 stays."]
        await form.show(other, {})
        await form.show(subject, {"axis": 8})
        row = form.rows[0]
        assert (row.text, row.wrong, row.value) == ("30xyz", "must be a whole number", 8)
        form.focus_field("axis")
        await settle(pilot)
        await pilot.press("ctrl+z")
        await settle(pilot)
        assert (row.text, row.wrong, row.value, list(form.drafts)) == ("8", "", 8, [])
        # Where the recipe has another value by then, the text is of no use any more.
        await pilot.press("x", "down")
        await settle(pilot)
        await form.show(other, {})
        await form.show(subject, {"axis": 9})
        assert (form.rows[0].text, list(form.drafts)) == ("9", [])
        # Its note goes at once, though the row is not shown.
        await form.show(subject, {"axis": 8})
        form.focus_field("axis")
        await settle(pilot)
        await pilot.press("x", "down")
        await settle(pilot)
        form.forget_where(lambda draft: True)
        assert len(form.drafts) == 1  # it is shown
        await form.show(other, {})
        form.forget_where(lambda draft: draft.value != 8)
        assert len(form.drafts) == 1
        form.forget_where(lambda draft: draft.value == 8)
        assert not form.drafts
        await form.show(subject, {"axis": 9})
        # So it is where the form shows the same row all the time: an edit is taken back in the rows.
        form.focus_field("axis")
        await settle(pilot)
        await pilot.press("x", "down")
        await settle(pilot)
        assert len(form.drafts) == 1
        await form.show(subject, {"axis": 9})
        assert (form.rows[0].text, len(form.drafts)) == ("x", 1)
        await form.show(subject, {"axis": 7})
        assert (form.rows[0].text, list(form.drafts)) == ("7", [])


class KeysApp(FormApp):
    """Has commands of one letter and looks as kwb does."""

    CSS_PATH = APP_CSS
    BINDINGS: ClassVar[list[BindingType]] = [("t", "count", "T"), ("1", "count", "1"), ("s", "count", "S")]
    commands = 0

    def action_count(self) -> None:
        self.commands += 1


async def test_letters_typed_on_a_closed_menu_search_it_and_are_no_commands() -> None:
    async with KeysApp().run_test() as pilot:
        form = pilot.app.query_one(Form)
        activation = Field("activation", "choice", choices=("linear", "relu", "softmax", "tanh"))
        await form.show(FormSubject("line 3", fields=(activation, NAME)), {"activation": "linear"})
        form.focus_field("activation")
        await settle(pilot)
        await pilot.press(*"tanh", "enter")
        await until(lambda: form.rows[0].value == "tanh")
        await until(lambda: form.rows[0].in_focus, what="the focus is on the closed menu again")
        await pilot.press(*"so", "enter")
        await until(lambda: form.rows[0].value == "softmax")
        await until(lambda: form.rows[0].in_focus)
        await pilot.press(*"1")  # stands in none of them
        menu = form.rows[0].query_one(Select)
        await until(lambda: menu.expanded)
        await pilot.press("escape")
        await until(lambda: form.rows[0].in_focus)
        assert (form.rows[0].value, pilot.app.commands) == ("softmax", 0)
        await pilot.press("down", *"s1")
        assert (form.rows[1].value, pilot.app.commands) == ("s1", 0)


async def test_a_value_longer_than_its_field_is_seen() -> None:
    """A scrollbar would take the only line of the field."""
    async with KeysApp().run_test(size=(50, 6)) as pilot:
        form = pilot.app.query_one(Form)
        value = "/home/somebody/data/of/last/year/houses-of-the-whole-country.csv"
        await form.show(FormSubject("data", fields=(Field("path", "text"),)), {"path": value})
        await settle(pilot)
        assert value[:25] in shown(pilot.app)
        form.focus_field("path")
        await pilot.press("end")
        await until(lambda: value[-20:] in shown(pilot.app))
