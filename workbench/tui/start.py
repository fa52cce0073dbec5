"""Start the app: settings, state, the terminal, and the messages after its end."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.output import echo
from workbench.places import state_folder
from workbench.process import leave_at_once
from workbench.tui.app import KwbApp
from workbench.tui.settings import read_settings, settings_file
from workbench.tui.state import FILE_NAME, AppState
from workbench.tui.terminal.escape_key import install as install_escape_key

PATIENCE = 3.0  # seconds for what a thread is at when the app is left


def start(
    *,
    recipe: str | None = None,
    watch: str | None = None,
    plugin_files: Sequence[Path] = (),
    blocked: Sequence[str] = (),
) -> int:
    """Run the app until it is left; the exit code.

    Args:
        recipe: a recipe to open: a file or a built-in one's name.
        watch: a run to watch: its folder, or its name below the folder of runs.
        plugin_files, blocked: as `--plugin` and `--no-plugin`.

    Raises:
        WorkbenchError: there is no terminal, or no such run.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise WorkbenchError(
            "the workbench needs a terminal.", hint="Without one: kwb --batch RECIPE, or kwb COMMAND --json."
        )
    if (term := os.environ.get("TERM", "")) in ("", "dumb"):
        text = "TERM is 'dumb'" if term else "TERM is not set"
        raise WorkbenchError(f"the workbench needs a terminal that can move its cursor ({text}).")
    settings, errors = read_settings(settings_file())
    watched = None
    if watch is not None:
        from workbench.storage.runs import find_run

        watched = find_run(watch, settings.runs).path
    folder, temporary = _folder_for_state()
    if temporary:
        text = f"{state_folder()} cannot be written: nothing is kept between starts."
        errors = [*errors, WorkbenchError(text, hint="KWB_STATE_DIR names another folder.")]
    app = KwbApp(
        settings=settings,
        state=AppState(folder / FILE_NAME),
        recipe=recipe,
        watch=watched,
        plugin_files=[path.absolute() for path in plugin_files],
        blocked=blocked,
        log_folder=folder,
        errors=errors,
    )
    _run(app, settings.mouse)
    echo(*app.last_words)
    if temporary:
        shutil.rmtree(folder, ignore_errors=True)
    code = app.return_code or 0
    if not _threads_ended():
        leave_at_once(code)
    return code


def _folder_for_state() -> tuple[Path, bool]:
    """Where state and logs go; and whether that is only for this time, since the right place cannot be written."""
    folder = state_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder, False
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="kwb-")), True


def _run(app: KwbApp, mouse: bool) -> None:
    """Run the app; its threads may outlast it."""
    install_escape_key()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    threads = ThreadPoolExecutor(thread_name_prefix="kwb")
    loop.set_default_executor(threads)
    try:
        app.run(mouse=mouse, loop=loop)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _threads_ended() -> bool:
    """True if no thread is working any more, after a while. One that reads from a mount that is gone never ends, and
    Python would wait for it for ever."""
    until = time.monotonic() + PATIENCE
    others = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.current_thread() and not thread.daemon
    ]
    for thread in others:
        thread.join(max(until - time.monotonic(), 0.0))
    return not any(thread.is_alive() for thread in others)
