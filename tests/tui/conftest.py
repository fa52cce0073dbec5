"""How the app is tested: the real one, in a working directory, a settings and a state folder of the test's own.

    async def test_x(open_app):                             # a coroutine test needs no mark
        async with open_app(mode="runs", size=(80, 24)) as pilot:
            await pilot.press("enter")
            await settle(pilot)

    def test_looks(looks_as_before):                        # a picture, renewed by: pytest --snapshot-update
        assert looks_as_before("down", mode="runs", size=(80, 24))

Pictures are taken with animations off, at a fixed size; see to it that no time and no path is in view.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import _wait
from textual.app import App
from textual.pilot import Pilot

from tests.coroutines import pytest_pyfunc_call, until
from tests.fork_server import shared_fork_server
from tests.reruns import rerun_once
from workbench.tui.app import KwbApp
from workbench.tui.settings import Settings
from workbench.tui.state import AppState
from workbench.tui.terminal import gc_tuning

__all__ = ["pytest_pyfunc_call", "settle", "shown", "shows", "until"]

# The pilot looks whether the app is idle for 20 ms, twice at every key: with some thousand keys, minutes of waiting.
_wait.SLEEP_GRANULARITY = 1 / 200
_wait.SLEEP_IDLE = _wait.SLEEP_GRANULARITY / 20

QUIET_PASSES = 3  # so many times in a row nothing is at work: then all is done
MOST_PASSES = 40  # a screen that gets messages without end holds no test up for ever

OpenApp = Callable[..., AbstractAsyncContextManager[Pilot[Any]]]
MakeApp = Callable[..., KwbApp]
LooksAsBefore = Callable[..., bool]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    rerun_once(config, items, Path(__file__).parent)


@pytest.fixture
def working_directory(tmp_path: Path) -> Path:
    """The current folder of the app under test."""
    folder = tmp_path / "working_directory"
    folder.mkdir()
    return folder


@pytest.fixture
def make_app(tmp_path: Path, working_directory: Path, monkeypatch: pytest.MonkeyPatch) -> MakeApp:
    """Make the app with `KwbApp`'s arguments: `make_app(recipe=..., mode=..., settings=...)`.

    `warm=False` (the default) starts no child until one is needed. Children are forked from a fork server that all
    tests of this process share, unless `fork_server=None` is given.
    """
    monkeypatch.chdir(working_directory)
    # A process of tests holds TensorFlow, which an app never does, and is not left when an app ends.
    for name in ("set_aside", "take_back"):
        monkeypatch.setattr(gc_tuning, name, lambda: None)

    def make(*, no_color: bool = False, settings: Settings | None = None, **arguments: Any) -> KwbApp:
        if not no_color:
            monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv(
            "COLORTERM", "truecolor"
        )  # kwb's themes have other colours where there are only 256
        arguments.setdefault("state", AppState(tmp_path / "state" / "state.json"))
        arguments.setdefault("warm", False)
        arguments.setdefault("fork_server", shared_fork_server())
        return KwbApp(
            settings=settings or Settings(animations=False),
            working_directory=working_directory,
            log_folder=tmp_path / "state",
            **arguments,
        )

    return make


@pytest.fixture
def open_app(make_app: MakeApp) -> OpenApp:
    """Open the app: `async with open_app(size=(120, 40), recipe=..., mode=...) as pilot`.

    The test fails if anything crashed inside, unless it says `crashes=True`. With `settled=False` the app is given
    as it is right after its start.
    """

    @asynccontextmanager
    async def opened(
        *,
        size: tuple[int, int] = (120, 40),
        crashes: bool = False,
        settled: bool = True,
        **arguments: Any,
    ) -> AsyncIterator[Pilot[Any]]:
        app = make_app(**arguments)
        async with app.run_test(size=size, notifications=True) as pilot:
            try:
                if settled:
                    await settle(pilot)
                yield pilot
            finally:
                app.queue.close()
                await app.worker.close()
        if not crashes:
            assert [crash.details for crash in app.crash_log.crashes] == []

    return opened


@pytest.fixture
def looks_as_before(make_app: MakeApp, snap_compare: Callable[..., bool]) -> LooksAsBefore:
    """Whether the app, after some keys, looks as in the picture kept beside the test."""

    def looks(
        *keys: str,
        size: tuple[int, int] = (80, 24),
        before: Callable[[Pilot[Any]], Awaitable[None]] | None = None,
        **arguments: Any,
    ) -> bool:
        async def run_before(pilot: Pilot[Any]) -> None:
            await settle(pilot)
            if before is not None:
                await before(pilot)
            for key in keys:
                await pilot.press(key)
            await settle(pilot)

        return snap_compare(make_app(**arguments), terminal_size=size, run_before=run_before)

    return looks


def at_work(app: App[Any]) -> bool:
    """True if background work is not done; the watching of files, which never ends, is none."""
    return any(not worker.is_finished for worker in app.workers if worker.group != "watching")


async def settle(pilot: Pilot[Any], seconds: float = 60.0) -> None:
    """Wait until messages and the background work that they began are done, and the screen is painted.

    Work that waits for an answer in a dialog is not waited for, nor the watching of files, which never ends.
    """
    app = pilot.app
    end = time.monotonic() + seconds
    quiet = 0
    for _ in range(MOST_PASSES):
        await pilot.pause()
        # A pause ends when the process gets no processor time, which on a busy machine is not its own choice. What
        # the last message or answer set off (it climbs from widget to widget, then all is laid out) may be to come.
        quiet = quiet + 1 if messages_waiting(app) == 0 else 0
        while at_work(app) and not app.screen.is_modal:
            quiet = 0
            assert time.monotonic() < end, f"still at work: {list(app.workers)}"
            await asyncio.sleep(0.01)
        if quiet == QUIET_PASSES:
            return


def messages_waiting(app: App[Any]) -> int:
    """How many messages the app, its screen and the widgets in it have still to handle."""
    nodes = [app, *app.screen.walk_children(with_self=True)]
    return sum(node.message_queue_size for node in nodes)


async def shows(pilot: Pilot[Any], *texts: str, seconds: float = 30.0) -> str:
    """Wait until the screen shows all of these texts, and give all that it shows then.

    For what a child process answers, a little later than the key that asked for it. Line breaks and runs of spaces
    count as one space, here and in the texts.
    """
    end = time.monotonic() + seconds
    while True:
        screen = " ".join(shown(pilot.app).split())
        missing = [text for text in texts if " ".join(text.split()) not in screen]
        if not missing:
            return screen
        if time.monotonic() > end:
            raise AssertionError(f"not shown within {seconds:g} s: {missing}, but:\n{shown(pilot.app)}")
        await asyncio.sleep(0.02)


def shown(app: KwbApp) -> str:
    """What the terminal shows, as text."""
    return "\n".join(
        "".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()
    )
