"""Keep the app alive: an error in a handler, a timer, a worker or a paint is shown as a notice and logged.

Textual ends the app at the first exception that a handler raises. In kwb, handlers process
texts of plugins, files of users and answers of children, and an hour of training depends on the app; so only the
message whose handler raised is dropped, and everything else goes on. Two things still end the app: an error before it
is up, and one that repeats without end.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.widget import Widget

from workbench.tui.terminal.textual_private import CatchingApp, is_left

MOST_A_SECOND = 50  # crashes; beyond that the app is of no use to anyone
SHOW_AGAIN_AFTER = 10.0  # seconds before the same crash is shown a second time
UNDRAWABLE = 3  # crashes while painting one widget before it is hidden


@dataclass(frozen=True)
class Crash:
    """An unexpected exception."""

    error: BaseException
    moment: float

    @property
    def what(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"

    @property
    def place(self) -> tuple[type, str, int]:
        """Where it was raised; a repetition has the same place."""
        frames = traceback.extract_tb(self.error.__traceback__)
        last = frames[-1] if frames else None
        return type(self.error), last.filename if last else "", (last.lineno or 0) if last else 0

    @property
    def details(self) -> str:
        return "".join(traceback.format_exception(self.error))


class CrashLog:
    """Counts crashes, writes them to a file, and knows which are new.

    Args:
        path: the file; None keeps none.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.crashes: deque[Crash] = deque(maxlen=100)
        self._shown: dict[tuple[type, str, int], float] = {}
        self._recent: deque[float] = deque(maxlen=MOST_A_SECOND)
        self._undrawable: dict[Widget, int] = {}

    def take(self, error: BaseException) -> tuple[Crash, bool]:
        """Note a crash; True where it is news."""
        crash = Crash(error, time.time())
        now = time.monotonic()
        self._recent.append(now)
        last = self._shown.get(crash.place)
        news = last is None or now - last > SHOW_AGAIN_AFTER
        if news:
            self._shown[crash.place] = now
            self.crashes.append(crash)
            self._write(crash)
        return crash, news

    def note(self, error: BaseException) -> None:
        """Only log a crash: the app is ending, and the code that raised had lost its screen."""
        self._write(Crash(error, time.time()))

    @property
    def endless(self) -> bool:
        """True if crashes come so fast that going on makes no sense."""
        return len(self._recent) == MOST_A_SECOND and self._recent[-1] - self._recent[0] < 1.0

    def widget_not_drawn(self, error: BaseException) -> Widget | None:
        """The widget that crashed while it was painted, once it has done so a few times."""
        trace = error.__traceback__
        found: Widget | None = None
        while trace is not None:
            code, node = trace.tb_frame.f_code, trace.tb_frame.f_locals.get("self")
            if code.co_name in (
                "render_lines",
                "render_line",
                "get_content_height",
                "get_content_width",
            ) and (isinstance(node, Widget)):
                found = node
            trace = trace.tb_next
        if found is None:
            return None
        self._undrawable[found] = self._undrawable.get(found, 0) + 1
        return found if self._undrawable[found] >= UNDRAWABLE else None

    def _write(self, crash: Crash) -> None:
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(crash.moment))
                file.write(f"{stamp} {crash.what}\n{crash.details}\n")
        except OSError:
            pass


class SafeApp(CatchingApp[Any]):
    """An app that survives exceptions of its handlers. A subclass handles a crash in `on_crash`."""

    crash_log: CrashLog

    _up = False

    def on_ready(self) -> None:
        """The first screen is there: from now on, the app is to survive."""
        self._up = True

    @property
    def ending(self) -> bool:
        """True if the user has left the app and it closes its screens."""
        return self._up and (is_left(self) or not self.is_running)

    @property
    def survives(self) -> bool:
        """True if the app can report the error and go on."""
        return (self._up or self.is_running) and not self.crash_log.endless

    def survive(self, error: Exception) -> None:
        """Show and log an exception instead of ending."""
        if self.ending:
            self.crash_log.note(error)
            return
        cause = getattr(error, "error", None)  # Textual wraps what a worker raised
        crash, news = self.crash_log.take(cause if isinstance(cause, Exception) else error)
        if (widget := self.crash_log.widget_not_drawn(error)) is not None:
            widget.display = False
        if news:
            self.on_crash(crash)

    def on_crash(self, crash: Crash) -> None:
        """A crash that is news."""
        raise NotImplementedError

    def catches(self, error: Exception) -> bool:
        """Every exception, as long as the app survives."""
        if not self.survives:
            return False
        self.survive(error)
        return True
