"""How the app is tested: the real one, in a workplace, a settings and a state folder of the test's own.

async def test_x(open_app):                             # a coroutine test needs no mark
    async with open_app(mode="runs", size=(80, 24)) as pilot:
        await pilot.press("enter")
        await settle(pilot)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.coroutines import pytest_pyfunc_call, until
from workbench.tui.app import KwbApp
from workbench.tui.settings import Settings
from workbench.tui.state import State


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """The current folder of the app under test."""
    folder = tmp_path / "workplace"
    folder.mkdir()
    return folder


__all__ = ["pytest_pyfunc_call", "settle", "shown", "until"]

Opened = Callable[..., AbstractAsyncContextManager[Pilot[Any]]]


@pytest.fixture
def open_app(tmp_path: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Open the app: `async with open_app(size=(120, 40), recipe=..., mode=..., settings=...) as pilot`.

    `warm=False` (the default) starts no child until one is needed. The test fails if anything crashed inside,
    unless it says `crashes=True`.
    """
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(workplace)

    @asynccontextmanager
    async def opened(
        *,
        size: tuple[int, int] = (120, 40),
        warm: bool = False,
        crashes: bool = False,
        settings: Settings | None = None,
        **arguments: Any,
    ) -> AsyncIterator[Pilot[Any]]:
        arguments.setdefault("state", State(tmp_path / "state" / "state.json"))
        app = KwbApp(
            settings=settings or Settings(animations=False),
            workplace=workplace,
            log_folder=tmp_path / "state",
            warm=warm,
            **arguments,
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            await settle(pilot)
            yield pilot
            await app.worker.close()
        if not crashes:
            assert [crash.details for crash in app.crash_log.crashes] == []

    return opened


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until messages and the background work that they began are done, and the screen is painted."""
    for _ in range(3):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()


def shown(app: KwbApp) -> str:
    """What the terminal shows, as text."""
    return "\n".join(
        "".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()
    )
