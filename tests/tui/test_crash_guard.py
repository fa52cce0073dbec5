"""Whatever a handler, a timer, a worker, a paint or a screen raises, the app lives, shows it and logs it."""

from __future__ import annotations

import asyncio
from typing import Any

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button

from tests.tui.conftest import OpenApp, settle, shown, until
from workbench.tui.screens.base import WorkbenchScreen


class Asked(Message):
    pass


class Bad(Widget, can_focus=True):
    """Raises wherever a test asks for it."""

    BINDINGS = [Binding("x", "explode", "Explode", id="bad.explode", tooltip="Raise")]
    DEFAULT_CSS = "Bad { height: 3; }"

    def __init__(self) -> None:
        super().__init__()
        self.heard = 0
        self.undrawable = False

    def render(self) -> Text:
        if self.undrawable:
            raise ZeroDivisionError("in render")
        return Text(f"heard {self.heard}")

    def action_explode(self) -> None:
        raise ValueError("in an action [red]")

    @on(Asked)
    def _asked(self) -> None:
        self.heard += 1
        self.refresh()
        if self.heard == 1:
            raise KeyError("in a handler")

    @work
    async def work_badly(self) -> None:
        raise RuntimeError("in a worker")

    @work(thread=True)
    def work_badly_in_a_thread(self) -> None:
        raise RuntimeError("in a thread")


class BadScreen(WorkbenchScreen):
    def compose_body(self) -> ComposeResult:
        yield Bad()
        yield Button("fine")


class UnmountableScreen(WorkbenchScreen):
    def compose_body(self) -> ComposeResult:
        raise OSError("in compose")
        yield


def shown_errors(app: Any) -> list[str]:
    return [error.what for _, error in app.notices]


async def test_a_handler_that_raises_is_reported_and_the_widget_goes_on(open_app: OpenApp) -> None:
    async with open_app(crashes=True) as pilot:
        app = pilot.app
        await app.push_screen(BadScreen())
        bad = app.screen.query_one(Bad)
        bad.post_message(Asked())
        bad.post_message(Asked())
        await until(lambda: bad.heard == 2)  # its message loop did not end
        await settle(pilot)
        assert shown_errors(app) == ["an error inside kwb: KeyError: 'in a handler'"]
        assert "heard 2" in shown(app)

        bad.focus()
        await pilot.press("x")
        await settle(pilot)
        assert "in an action [red]" in shown_errors(app)[-1]
        assert "in an action [red]" in shown(app)  # not read as markup
        log = app.crash_log.path.read_text()
        assert "Traceback" in log
        assert "in a handler" in log
        await pilot.press("f2")
        await settle(pilot)
        assert "Traceback" in shown(app)
        assert "raise ValueError" in app.screen.copy_text()


async def test_workers_timers_and_callbacks_that_raise_are_reported(open_app: OpenApp) -> None:
    async with open_app(crashes=True) as pilot:
        app = pilot.app
        await app.push_screen(BadScreen())
        bad = app.screen.query_one(Bad)
        bad.work_badly()
        bad.work_badly_in_a_thread()
        bad.set_timer(0.01, lambda: 1 / 0)
        bad.call_next(lambda: [][1])
        bad.call_after_refresh(lambda: {}["gone"])
        await until(lambda: len(shown_errors(app)) == 5)
        assert app.is_running
        for word in ("in a worker", "in a thread", "division", "IndexError", "gone"):
            assert any(word in what for what in shown_errors(app))


async def test_a_widget_that_cannot_be_drawn_is_put_away(open_app: OpenApp) -> None:
    async with open_app(crashes=True) as pilot:
        app = pilot.app
        await app.push_screen(BadScreen())
        bad = app.screen.query_one(Bad)
        bad.undrawable = True
        for _ in range(5):
            bad.refresh()
            await asyncio.sleep(0.05)
        await until(lambda: not bad.display)
        await settle(pilot)
        assert len(shown_errors(app)) == 1  # once, however often it was tried
        assert "fine" in shown(app)
        assert "1 Recipes" in shown(app)


async def test_a_screen_that_cannot_be_composed_does_not_end_the_app(open_app: OpenApp) -> None:
    async with open_app(crashes=True) as pilot:
        app = pilot.app
        app.push_screen(UnmountableScreen())
        await until(lambda: shown_errors(app))
        assert "in compose" in shown_errors(app)[0]
        app.pop_screen()
        await settle(pilot)
        assert "residual-regressor" in shown(app)


async def test_what_is_raised_while_the_app_ends_is_only_logged(open_app: OpenApp) -> None:
    async with open_app() as pilot:
        app = pilot.app
        await app.push_screen(BadScreen())
        bad = app.screen.query_one(Bad)
        app.exit()
        bad.post_message(Asked())
        await until(lambda: bad.heard == 1 or not bad.is_running)
    assert shown_errors(app) == []
    assert "in a handler" in app.crash_log.path.read_text()


async def test_an_error_without_end_ends_the_app(open_app: OpenApp) -> None:
    """A loop of crashes would burn the processor and show nothing: then the app ends, with the traceback."""
    try:
        async with open_app(crashes=True) as pilot:
            pilot.app.set_interval(0.001, lambda: 1 / 0)
            await until(lambda: not pilot.app.is_running or pilot.app._exception, 20)
    except ZeroDivisionError:
        return
    raise AssertionError("the app goes on")
