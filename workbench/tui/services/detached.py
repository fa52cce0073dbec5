"""Run `kwb` in a process that lives on when the app ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.atomic import file_error

if TYPE_CHECKING:
    from workbench.tui.context import AppContext

_START = "from workbench.cli import command; command()"


def run_detached(arguments: Sequence[str], working_directory: Path, log: Path) -> subprocess.Popen[bytes]:
    """Run `kwb ARGUMENTS`.

    Args:
        log: the file for what it writes to standard error.

    Raises:
        WorkbenchError: it cannot be started.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as output:
            return subprocess.Popen(
                command_line(arguments),
                cwd=working_directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=output,
                start_new_session=True,  # the app's end is not its own
            )
    except OSError as error:
        raise file_error(error, log) from error


def command_line(arguments: Sequence[str]) -> list[str]:
    """What runs `kwb ARGUMENTS`, by the Python that runs this."""
    return [sys.executable, "-P", "-c", _START, *arguments]


def plugin_options(app: AppContext) -> list[str]:
    """The options that give another process the plugins of the app."""
    files = [word for path in app.plugins.files for word in ("--plugin", str(path))]
    return files + [word for each in app.plugins.blocked for word in ("--no-plugin", each)]
