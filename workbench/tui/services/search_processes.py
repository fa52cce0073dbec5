"""Processes that work on searches, begun by the app: `kwb search` and `kwb repeat`. They live on when the app ends."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import ExitCode, WorkbenchError
from workbench.tui.services.detached import run_detached

# The last one is of a process that was stopped while it was still starting.
_NO_ERROR = (ExitCode.DONE, ExitCode.INTERRUPTED, ExitCode.TERMINATED, -signal.SIGTERM)
_TAIL = 4000  # characters of what a process printed, in which its error is looked for


class SearchProcesses:
    """Begins them, stops them, and says how they ended; one for each folder of a search."""

    def __init__(self) -> None:
        self._running: dict[Path, subprocess.Popen[bytes]] = {}
        self._stopping: set[Path] = set()

    def begin(self, folder: Path, working_directory: Path, arguments: Sequence[str]) -> None:
        """Run `kwb ARGUMENTS` for the search in a folder.

        Raises:
            WorkbenchError: it cannot be started.
        """
        self._running[folder] = run_detached(arguments, working_directory, _log(folder))

    def works_on(self, folder: Path) -> bool:
        """Whether one begun here works on the search."""
        return folder in self._running

    def stop(self, folder: Path) -> None:
        """Have the trainings stop after their batch, saved. Once: to ask a second time would end them at once."""
        process = self._running.get(folder)
        if process is not None and folder not in self._stopping:
            self._stopping.add(folder)
            process.send_signal(signal.SIGTERM)

    def ended(self) -> list[tuple[Path, WorkbenchError | None]]:
        """Those that have ended since it was asked last, each with its error, if it had one."""
        over = [(folder, code) for folder, each in self._running.items() if (code := each.poll()) is not None]
        for folder, _ in over:
            del self._running[folder]
            self._stopping.discard(folder)
        return [(folder, _error(folder, code)) for folder, code in over]


def _log(folder: Path) -> Path:
    return folder / "logs" / "app.log"


def _error(folder: Path, code: int) -> WorkbenchError | None:
    if code in _NO_ERROR:
        return None
    try:
        lines = _log(folder).read_text("utf-8", "replace")[-_TAIL:].splitlines()
    except OSError:
        lines = []
    start = next((at for at in reversed(range(len(lines))) if lines[at].startswith("kwb: ")), len(lines) - 1)
    words = " ".join(line.strip() for line in lines[max(start, 0) :]) or "it said nothing."
    words = words.removeprefix("kwb: ")
    return WorkbenchError(
        f"the search ended: {words}", where=folder.name, hint=f"All that it printed: {_log(folder)}"
    )
