"""Send frames no faster than the terminal accepts them.

Over a slow line, frames wait in buffers that no program can read, and the answer to a key waits behind them. So the
app counts the bytes that it wrote and that have not arrived. If there are too many, the next frame is delayed, and
then shows the newest state.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable
from threading import Lock
from typing import IO, Any, NamedTuple

from textual import messages
from textual.driver import Driver
from textual.message import Message

from workbench.tui.terminal.lean_output import lean
from workbench.tui.terminal.textual_private import MeasuredDriver, driver_may_be_measured

MOST_WAITING = 2048  # bytes on their way beside which another frame may be sent
FULL = 16 << 10  # bytes that a pseudo terminal of Linux holds before a write has to wait
FAST = 1e6  # bytes a second beyond which nothing needs to be held back
SLOWEST = 2e3  # bytes a second: a terminal that stood still for a while (ctrl+s) is no slow line
FASTER = 1.03  # how much faster the line is taken to be with each second in which no write had to wait
SHARE = 0.25  # of the line, for what paints by itself; the rest is for what a key does
NO_ANSWER = 8.0  # seconds after which a question to the terminal is given up
_PARTS = 2048, 512  # bytes of one write, so that it is known when a write began to wait; fewer on a slow line
_WAITED = 0.025  # seconds; a shorter write may only have had to wait for its turn on a busy machine
_LOOK = 0.02, 0.2  # seconds between looks at whether there is room again
PING = "\x1b[?2026$p"  # the question about synchronized output, which Textual asks at the start as well


class Wait(NamedTuple):
    """A write that had to wait: when it ended, how long it took, and how many bytes had been written by then."""

    ended: float
    seconds: float
    written: int


class Outflow:
    """How many bytes have not reached the terminal, as far as can be known.

    What the writing thread still holds is known. The rest is known from the terminal itself where it answers the
    question that is sent after each frame. Where it does not, the line's speed is measured whenever a write has to
    wait, and what is under way is estimated from it. (Linux does not say how much a pseudo terminal holds: TIOCOUTQ is
    always 0.)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._queued = 0
        self._written = 0
        self.speed = math.inf
        """Bytes a second that the line takes; inf while no write had to wait."""
        self._under_way = 0.0
        self._at = clock()
        self.answers = False
        """True if the terminal answers questions."""
        self._asked: tuple[int, float] | None = None  # bytes written up to the question, and when
        self._arrived = 0  # bytes written up to the last question that was answered
        self._quickest = math.inf  # seconds
        self._waiting_to_paint: dict[Callable[[], None], asyncio.TimerHandle] = {}

    # ------------------------------------------------------------------ what is known

    @property
    def waiting(self) -> float:
        """Bytes that have not arrived."""
        with self._lock:
            now = self._clock()
            if self._asked is not None and now - self._asked[1] > NO_ANSWER:
                self.answers, self._asked = False, None
            if self.answers:
                return float(self._queued - self._arrived)
            return self._queued - self._written + self._left(now)

    @property
    def sent(self) -> int:
        """All bytes since the start, those on their way too."""
        return self._queued

    @property
    def behind(self) -> bool:
        """True if another frame would only wait."""
        return self.waiting > MOST_WAITING

    def pause(self, size: int) -> float:
        """Seconds that what paints by itself should leave after a frame of `size` bytes, so that the line has room
        for what a key does."""
        return 0.0 if math.isinf(self.speed) else size / self.speed / SHARE

    def _left(self, now: float) -> float:
        passed = now - self._at
        return 0.0 if math.isinf(self.speed) else max(self._under_way - passed * self.speed, 0.0)

    # ------------------------------------------------------------------ what happens

    def queue(self, size: int) -> bool:
        """So many bytes were given to the writing thread. Returns True if the terminal is to be asked after them."""
        with self._lock:
            self._queued += size
            return self._ask()

    def answered(self) -> bool:
        """The terminal has answered: it has all that was written before it was asked. Returns True if it is to be asked
        again."""
        with self._lock:
            self.answers = True
            if self._asked is None:  # it was asked at the start, by Textual
                self._arrived = self._queued
                return False
            upto, when = self._asked
            took = self._clock() - when
            sent, self._arrived, self._asked = upto - self._arrived, upto, None
            self._quickest = min(self._quickest, took)
            on_the_line = took - self._quickest
            speed = sent / on_the_line if on_the_line > _WAITED else math.inf
            self.speed = math.inf if speed > FAST else max(speed, SLOWEST)
            return self._ask()

    def _ask(self) -> bool:
        if not self.answers or self._asked is not None or self._queued - self._arrived < MOST_WAITING / 4:
            return False
        self._asked = self._queued, self._clock()
        return True

    def wrote(self, size: int, waits: list[Wait], saved: int = 0) -> None:
        """The writing thread has written `size` bytes.

        Args:
            size: of them.
            waits: the writes among them that had to wait.
            saved: by how many less this is than was given to the thread.
        """
        with self._lock:
            now = self._clock()
            self._written += size
            self._queued -= saved
            if self._asked is not None:
                self._asked = self._asked[0] - saved, self._asked[1]
            if self.answers:
                return
            if not waits:
                left = self._left(now)
                self.speed *= FASTER ** min(now - self._at, 10.0)
                if self.speed > FAST:
                    self.speed = math.inf
                self._under_way, self._at = left + size, now
                return
            first, last = waits[0], waits[-1]
            between = last.written - first.written
            if between >= 2 * _PARTS[1]:  # all the while there was something to send
                self.speed = max(between / (last.ended - first.ended), SLOWEST)
            else:  # a wait ends at the latest when all that was held has gone
                self.speed = max(min(FULL / last.seconds, self.speed), SLOWEST)
            # Linux lets a writer wait until next to nothing is held. Where waits are many, it does not.
            often = len(waits) > 1 and between / (len(waits) - 1) < FULL / 4
            self._under_way, self._at = size - last.written + (FULL if often else 0.0), last.ended

    # ------------------------------------------------------------------ painting

    def may_paint(self, paint: Callable[[], None]) -> bool:
        """True if there is room for a frame. If not, `paint` is called when there is (once, however often asked)."""
        if not self.behind:
            if handle := self._waiting_to_paint.pop(paint, None):
                handle.cancel()
            return True
        if paint not in self._waiting_to_paint:
            self._wait(paint)
        return False

    def _wait(self, paint: Callable[[], None]) -> None:
        least, most = _LOOK
        excess = self.waiting - MOST_WAITING
        seconds = least if math.isinf(self.speed) else min(max(excess / self.speed, least), most)

        def look() -> None:
            self._waiting_to_paint.pop(paint, None)
            if self.behind:
                self._wait(paint)
            else:
                paint()

        self._waiting_to_paint[paint] = asyncio.get_running_loop().call_later(seconds, look)

    async def arrived(self, seconds: float) -> None:
        """Wait until no answer is outstanding, at most so long: one that came after the app's end would be typed
        into the shell."""
        until = self._clock() + seconds
        while self._asked is not None and self._clock() < until:
            await asyncio.sleep(0.02)
        self.answers = False


class _MeasuredFile:
    """Replaces the terminal's file in the writing thread: writes, and notices when it has to wait."""

    def __init__(self, file: IO[str], outflow: Outflow) -> None:
        self._file = file
        self._outflow = outflow

    def write(self, text: str) -> None:
        slow = not math.isinf(self._outflow.speed)
        content = (lean(text) if slow else text).encode("utf-8", "replace")
        descriptor = self._file.fileno()
        written = 0
        waits: list[Wait] = []
        part = _PARTS[slow]
        while written < len(content):
            began = time.monotonic()
            written += os.write(descriptor, content[written : written + part])
            if (ended := time.monotonic()) - began > _WAITED:
                waits.append(Wait(ended, ended - began, written))
        self._outflow.wrote(written, waits, saved=len(text.encode("utf-8", "replace")) - written)

    def flush(self) -> None:
        """Nothing is kept back."""

    def fileno(self) -> int:
        return self._file.fileno()


class PacedDriver(MeasuredDriver):
    """Textual's driver for terminals, which counts in `app.outflow` what it writes."""

    def __init__(self, app: Any, **settings: Any) -> None:
        super().__init__(app, **settings)
        self._outflow: Outflow = app.outflow
        self.measure(lambda file: _MeasuredFile(file, self._outflow))

    def write(self, data: str) -> None:
        asks = self._outflow.queue(len(data.encode("utf-8", "replace")))
        super().write(data)
        if asks:
            self._ask()

    def _ask(self) -> None:
        self._outflow.queue(len(PING))
        super().write(PING)

    def process_message(self, message: Message) -> None:
        if isinstance(message, messages.TerminalSupportsSynchronizedOutput):
            known = self._outflow.answers
            if self._outflow.answered():
                self._ask()
            if known:
                return
        super().process_message(message)


def paced(driver: type[Driver]) -> type[Driver]:
    """The driver to use in place of one; only Textual's own for a terminal is replaced."""
    return PacedDriver if driver_may_be_measured(driver) else driver
