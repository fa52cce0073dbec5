"""Checks made for the app: in a child process, followed by a thread, reported to the app's loop in batches."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from workbench.check.results import Result
from workbench.check.supervising import CheckBegun, CheckStop, Order, PartsFound, follow_checks
from workbench.children import Start
from workbench.errors import WorkbenchError

PAUSE = 0.1  # seconds between two batches of reports

Report = PartsFound | CheckBegun | Result
OnReports = Callable[[Sequence[Report]], None]
OnEnd = Callable[[WorkbenchError | None], None]


class Checking:
    """Makes the checks of one order. Both functions are called in the loop of who makes this.

    Args:
        order: what to check.
        on_reports: what has happened since the last call.
        on_end: called once when all is done, or with the error; not after `stop`.
        start: how a child is started.
    """

    def __init__(self, order: Order, on_reports: OnReports, on_end: OnEnd, start: Start) -> None:
        self._order = order
        self._start = start
        self._on_reports = on_reports
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._stop = CheckStop()
        self._lock = threading.Lock()
        self._pending: list[Report] = []
        # A daemon: should the loop be gone, nothing waits for a check.
        threading.Thread(target=self._follow, name="checks", daemon=True).start()

    def stop(self) -> None:
        """End the child now. What is reported by then arrives, and nothing after."""
        self._deliver()
        self._stop.stop()

    def _follow(self) -> None:
        """In the thread: follow the child to its end."""
        error: WorkbenchError | None = None
        try:
            for report in follow_checks(self._order, self._stop, self._start):
                with self._lock:
                    self._pending.append(report)
                    first = len(self._pending) == 1
                if first:
                    self._in_loop(lambda: self._loop.call_later(PAUSE, self._deliver))
        except WorkbenchError as found:
            error = found
        except OSError as found:
            error = WorkbenchError(f"the checks cannot be made: {found}.")
        self._in_loop(lambda: self._ended(error))

    def _in_loop(self, do: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(do)
        except RuntimeError:  # the app has ended
            self._stop.stop()

    def _deliver(self) -> None:
        with self._lock:
            reports, self._pending = self._pending, []
        if reports and not self._stop.wanted:
            self._on_reports(reports)

    def _ended(self, error: WorkbenchError | None) -> None:
        self._deliver()
        if not self._stop.wanted:
            self._on_end(error)
