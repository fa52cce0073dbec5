"""Handle signals and a lost terminal (a broken connection, a closed window) without losing anything.

What was edited is kept, trainings go on by themselves (`kwb watch` shows one, `kwb stop` ends it), and so does the
queue, unless it is held. The app ends:
after SIGINT or SIGTERM with the terminal as it was before, at once where there is no terminal any more. Most terminals
say so with SIGHUP. Some only become silent: without this, Textual would read their end of file for ever.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from workbench.tui.actions.leaving import let_run_on
from workbench.tui.context import kwb
from workbench.tui.terminal.textual_private import restore_terminal

if TYPE_CHECKING:
    from textual.app import App

LOOK_EVERY = 1.0  # seconds
PATIENCE = 5.0  # seconds for the child to answer; without an answer it ends after its batch and saves


def watch_signals(app: App[Any], *keep: Callable[[], None]) -> None:
    """From now on, end the app in good order when a signal asks for it; a second one ends it at once.

    Args:
        app: the app.
        keep: called before it ends: each writes what must not be lost.
    """
    loop = asyncio.get_running_loop()
    leaving: list[asyncio.Task[None]] = []

    def leave(number: signal.Signals) -> None:
        if not leaving:
            leaving.append(asyncio.create_task(_leave(app, keep, number)))
        elif number != signal.SIGHUP:
            _leave_at_once(app, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN or number != signal.SIGHUP:
            loop.add_signal_handler(number, leave, number)
    app.set_interval(LOOK_EVERY, lambda: leave(signal.SIGHUP) if terminal_is_gone() else None)


def terminal_is_gone() -> bool:
    """True if the other end of standard input is closed."""
    try:
        poll = select.poll()
        poll.register(sys.__stdin__.fileno(), 0)  # type: ignore[union-attr]
        return bool(poll.poll(0))
    except (OSError, ValueError, AttributeError):
        return False


async def _leave(app: App[Any], keep: Sequence[Callable[[], None]], number: signal.Signals) -> None:
    try:
        for each in keep:
            with suppress(Exception):
                each()
        with suppress(Exception):
            await asyncio.wait_for(let_run_on(kwb(app), kwb(app).queue.goes_on), PATIENCE)
    finally:
        if number == signal.SIGHUP or terminal_is_gone():
            os._exit(128 + number)  # an orderly end would wait for a terminal that does not answer
        asyncio.get_running_loop().call_later(PATIENCE, _leave_at_once, app, number)
        app.exit(return_code=128 + number)


def _leave_at_once(app: App[Any], number: signal.Signals) -> None:
    """End the process; the terminal is still made what it was."""
    with suppress(Exception):
        restore_terminal(app)
    os._exit(128 + number)
