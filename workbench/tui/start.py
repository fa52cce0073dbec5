"""Start the app: settings, state, the terminal, and what is said when it is over."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.tui.app import KwbApp
from workbench.tui.settings import read_settings, settings_file
from workbench.tui.state import FILE_NAME, State, state_folder


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
    if os.environ.get("TERM") == "dumb":
        raise WorkbenchError("the workbench needs a terminal that can move its cursor (TERM is 'dumb').")
    settings, faults = read_settings(settings_file())
    watched = None
    if watch is not None:
        from workbench.storage.runs import find_run

        watched = find_run(watch, settings.runs).path
    folder = state_folder()
    app = KwbApp(
        settings=settings,
        state=State(folder / FILE_NAME),
        recipe=recipe,
        watch=watched,
        plugin_files=[path.absolute() for path in plugin_files],
        blocked=blocked,
        log_folder=folder,
        faults=faults,
    )
    app.run(mouse=settings.mouse)
    for line in app.last_words:
        print(line)
    return app.return_code or 0
