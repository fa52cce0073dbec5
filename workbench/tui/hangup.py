"""A terminal that goes away (a connection that broke, a window that was closed) takes nothing with it.

What was edited is kept, a training goes on by itself (`kwb watch` shows it, `kwb stop` ends it), and the app ends. Most
terminals say so with SIGHUP. Some only fall silent: their end of file would have Textual read it for ever.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.tui.app import KwbApp

LOOK_EVERY = 1.0  # seconds
PATIENCE = 5.0  # seconds for the child to answer; without an answer it ends after its batch and saves
EXIT_CODE = 128 + signal.SIGHUP


def watch_terminal(app: KwbApp) -> None:
    """From now on, end the app when its terminal is gone."""
    leaving: list[asyncio.Task[None]] = []

    def gone() -> None:
        if not leaving:
            leaving.append(asyncio.create_task(_leave(app)))

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, gone)
    app.set_interval(LOOK_EVERY, lambda: gone() if terminal_is_gone() else None)


def terminal_is_gone() -> bool:
    """Whether nobody holds the other end of standard input any more."""
    try:
        poll = select.poll()
        poll.register(sys.__stdin__.fileno(), 0)  # type: ignore[union-attr]
        return bool(poll.poll(0))
    except (OSError, ValueError, AttributeError):
        return False


async def _leave(app: KwbApp) -> None:
    try:
        with suppress(Exception):
            app.keep_unsaved()
            app.save_state()
        training = app.training
        if training is not None and training.state.live:
            with suppress(Exception):
                await asyncio.wait_for(training.detach(), PATIENCE)
    finally:
        os._exit(EXIT_CODE)  # an orderly end would wait for a terminal that does not answer
