"""A slow line: what is written for a picture, how much is under way, and that a key does not wait behind frames."""

from __future__ import annotations

import fcntl
import inspect
import os
import pty
import random
import re
import select
import signal
import struct
import sys
import termios
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual import messages
from textual._xterm_parser import XTermParser
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from tests.tui.conftest import OpenApp, settle
from workbench.tui.terminal.lean_output import lean
from workbench.tui.terminal.slow_link import (
    FULL,
    MOST_WAITING,
    PING,
    Outflow,
    PacedDriver,
    Wait,
    _MeasuredFile,
)

# ---------------------------------------------------------------------- fewer bytes, the same picture


def cells(text: str) -> dict[tuple[int, int], tuple[str, str, str, tuple[str, ...]]]:
    """What a terminal shows: the glyph of each cell, its colours and its attributes. A blank has no foreground."""
    shown, at = {}, [1, 1]
    style = {"fore": "", "back": "", "attributes": ()}
    for token in re.split(r"(\x1b\[[?\d;]*[A-Za-z])", text):
        if token.startswith("\x1b[") and token.endswith("m"):
            numbers = deque(token[2:-1].split(";"))
            while numbers:
                number = numbers.popleft()
                if number in ("", "0"):
                    style = {"fore": "", "back": "", "attributes": ()}
                elif number in ("38", "48"):
                    kind = numbers.popleft()
                    colour = [numbers.popleft() for _ in range(1 if kind == "5" else 3)]
                    style["fore" if number == "38" else "back"] = ",".join(colour)
                elif number in ("39", "49"):
                    style["fore" if number == "39" else "back"] = ""
                elif len(number) == 1:
                    style["attributes"] = tuple(sorted({*style["attributes"], number}))
                else:
                    style["fore" if number[0] in "39" else "back"] = number
        elif token.startswith("\x1b[") and token.endswith("H"):
            at = [int(number) for number in token[2:-1].split(";")]
        elif not token.startswith("\x1b"):
            for glyph in token:
                attributes = style["attributes"]
                visible = glyph != " " or {"7", "4", "9"} & set(attributes)
                shown[tuple(at)] = (glyph, style["fore"] if visible else "", style["back"],
                                    attributes if visible else ())  # fmt: skip
                at[1] += 1
    return shown


def test_random_pictures_stay_the_same_and_take_fewer_bytes() -> None:
    chance = random.Random(7)
    colours = ["38;2;1;2;3", "38;5;9", "31", "94", ""]
    backs = ["48;2;4;5;6", "48;5;7", "41", "104", ""]
    attributes = ["1", "2", "7", "4", "1;3", "", ""]
    for _ in range(300):
        text = "\x1b[2;3H"
        for _ in range(chance.randrange(1, 40)):
            codes = [chance.choice(kind) for kind in (attributes, colours, backs)]
            words = chance.choice(["a", "  ", "x y", "⣿⡇", " "])
            style = ";".join(code for code in codes if code)
            text += f"\x1b[{style}m{words}\x1b[0m" if style else words
            if chance.random() < 0.2:
                text += f"\x1b[{chance.randrange(1, 30)};{chance.randrange(1, 90)}H"
        assert cells(lean(text)) == cells(text)
        assert len(lean(text)) <= len(text)


def test_what_is_not_known_is_left_as_it_is() -> None:
    for text in (
        "\x1b[1m\x1b[31ma\x1b[0m",  # one style added to another
        "\x1b[38;9;1ma\x1b[0m",  # no colour of a known kind
        "\x1b[?2026h",
        "plain",
        "",
    ):
        assert lean(text) == text
    after = lean("\x1b[1ma\x1b[0m\x1b[?1049l")
    assert after.index("\x1b[0m") < after.index("\x1b[?1049l")  # nothing unknown is met with a style on


async def test_a_whole_screen_of_the_app_in_half_the_bytes(open_app: OpenApp) -> None:
    async with open_app(mode="assemble", recipe="reconstructing-regressor") as pilot:
        await settle(pilot)
        app = pilot.app
        text = app.screen._compositor.render_full_update().render_segments(app.console)
        assert cells(lean(text)) == cells(text)
        assert len(lean(text)) < len(text) * 0.7


# ---------------------------------------------------------------------- how much is under way


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_what_the_driver_relies_on_in_textual(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade that moves these private parts would leave a slow line without its account, in silence."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "__stderr__", terminal)
        app = SimpleNamespace(outflow=Outflow(), _post_message=None)
        driver = PacedDriver(app)
        assert isinstance(driver._file, _MeasuredFile), "the driver's constructor keeps its file in `_file`"
        assert "WriterThread(self._file)" in inspect.getsource(LinuxDriver.start_application_mode)
        driver._writer_thread = WriterThread(driver._file)
        driver._writer_thread.start()
        driver.write("abc\u20ac")
        driver._writer_thread.stop()
        assert os.read(master, 100) == "abc\u20ac".encode()
        assert (app.outflow.sent, app.outflow.waiting) == (6, 0)
    os.close(master)
    answers = [event for event in XTermParser().feed("\x1b[?2026;2$y") if isinstance(event, Message)]
    assert [type(answer) for answer in answers] == [messages.TerminalSupportsSynchronizedOutput]


def test_a_quick_terminal_is_never_waited_for() -> None:
    outflow = Outflow(Clock())
    for _ in range(100):
        outflow.queue(30_000)
        outflow.wrote(30_000, [])
        assert not outflow.behind
        assert outflow.pause(30_000) == 0.0


def test_bytes_that_the_thread_holds_are_waited_for() -> None:
    outflow = Outflow(Clock())
    outflow.queue(30_000)
    assert outflow.waiting == 30_000
    assert outflow.behind
    outflow.wrote(30_000, [])
    assert not outflow.behind


def test_the_speed_is_found_where_writes_have_to_wait_and_forgotten_when_they_no_longer_do() -> None:
    clock = Clock()
    outflow = Outflow(clock)
    outflow.queue(30_000)
    clock.now += 1.0
    outflow.wrote(30_000, [Wait(clock.now - 0.6, 0.5, 10_000), Wait(clock.now, 0.5, 25_000)])
    assert outflow.speed == pytest.approx(25_000)  # 15,000 bytes in 0.6 seconds
    assert outflow.behind  # what was written after the last wait
    assert outflow.pause(5_000) > 0.2
    clock.now += (5_000 - MOST_WAITING) / 25_000 + 0.01
    assert not outflow.behind
    for _ in range(400):
        clock.now += 1.0
        outflow.queue(1_000)
        outflow.wrote(1_000, [])
    assert outflow.pause(5_000) == 0.0


def test_one_long_wait_tells_the_speed_as_well_but_a_standstill_does_not() -> None:
    outflow = Outflow(Clock())
    outflow.wrote(FULL, [Wait(100.0, 1.0, FULL)])
    assert outflow.speed == pytest.approx(FULL)
    outflow.wrote(FULL, [Wait(100.0, 3600.0, FULL)])
    assert outflow.speed >= 2_000


def test_a_terminal_that_answers_is_believed() -> None:
    clock = Clock()
    outflow = Outflow(clock)
    outflow.queue(5_000)
    outflow.wrote(5_000, [])
    outflow.answered()  # it answers what is asked at the start
    assert outflow.queue(9_000)  # asks
    outflow.wrote(9_000, [])
    assert outflow.behind  # the line took it, the terminal has not
    assert not outflow.queue(20)  # one question at a time
    clock.now += 0.5
    outflow.answered()
    assert not outflow.behind
    assert outflow.queue(9_000)
    clock.now += 60.0  # it has stopped to answer: then it is not waited for
    outflow.wrote(9_000, [])
    assert not outflow.behind


# ---------------------------------------------------------------------- the real app over a slow line

RECIPE = """
kwb: 1
name: endless
data: {use: diabetes, split: {validation: 0.2, test: 0.1}, scale: standard}
model: {sequential: [{use: Dense, units: 16, activation: relu}, {use: Dense, units: 1}]}
train: {epochs: 1000000, engine: chunk, loss: mse, metrics: [mae], optimizer: {use: Adam, learning_rate: 1.0e-3}}
"""
SPEED = 10_000  # bytes a second
ANSWER = b"\x1b[?2026;2$y"
PATIENCE = 120.0


class Line:
    """A terminal of 120 x 40 at the end of a line. `seen` is what has arrived at its end.

    `deep`: what lies between (an SSH client and server) takes all at once, holds it, and hands it on slowly; the
    terminal at its end answers questions. Otherwise only the pseudo terminal's own buffer lies between, and nobody
    answers.
    """

    def __init__(self, folder: Path, *, deep: bool) -> None:
        self.deep = deep
        self.speed = 0.0  # no limit
        self.seen = b""
        self._held = bytearray()
        self.child, self._terminal = pty.fork()
        if not self.child:
            os.chdir(folder)
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", KWB_STATE_DIR=str(folder / "state"),
                              KWB_CONFIG_DIR=str(folder / "config"))  # fmt: skip
            code = "from workbench.cli import command; command()"
            os.execv(sys.executable, [sys.executable, "-c", code, "endless.yaml"])
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def _take(self) -> bytes:
        """What arrives within a moment."""
        size = max(int(self.speed / 50), 1) if self.speed else 1 << 16
        if select.select([self._terminal], [], [], 0.0 if self._held else 0.05)[0]:
            self._held += os.read(self._terminal, (1 << 16) if self.deep else size)
        part = bytes(self._held[:size])
        del self._held[:size]
        if self.speed:
            time.sleep(len(part) / self.speed)
        return part

    def until(self, words: bytes, what: str) -> int:
        """Look until the words arrive. How many bytes arrived before them."""
        self.seen = b""
        end = time.monotonic() + PATIENCE
        while words not in self.seen:
            assert time.monotonic() < end, f"no {what}"
            before = len(self.seen)
            self.seen += self._take()
            if self.deep:
                for _ in re.finditer(re.escape(PING.encode()), self.seen[max(before - len(PING) + 1, 0) :]):
                    os.write(self._terminal, ANSWER)
        return self.seen.index(words)

    def skip(self, size: int) -> None:
        """Let so many bytes arrive."""
        end = time.monotonic() + PATIENCE
        arrived = b""
        while len(arrived) < size:
            assert time.monotonic() < end
            before = len(arrived)
            arrived += self._take()
            if self.deep:
                for _ in re.finditer(re.escape(PING.encode()), arrived[max(before - len(PING) + 1, 0) :]):
                    os.write(self._terminal, ANSWER)

    def press(self, keys: bytes) -> None:
        os.write(self._terminal, keys)

    def close(self) -> None:
        os.kill(self.child, signal.SIGKILL)
        os.close(self._terminal)
        os.waitpid(self.child, 0)


@pytest.fixture(params=[False, True], ids=["nobody answers", "the terminal answers"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    (tmp_path / "endless.yaml").write_text(RECIPE)
    line = Line(tmp_path, deep=request.param)
    yield line
    line.close()


@pytest.mark.slow
def test_a_key_is_answered_before_many_bytes_have_gone_by(line: Line) -> None:
    """What lies between a key and its answer is counted in bytes, so the machine's speed does not matter. With every
    frame sent as it comes, it is 150,000 here."""
    line.until(b"442 rows", "open recipe")
    line.press(b"t")
    line.until(b"steps/s", "training")
    line.speed = SPEED
    line.skip(60_000)
    for key, words in ((b"1", b"Built in"), (b"4", b"Internals"), (b"5", b"newest first")):
        line.press(key)
        before = line.until(words, f"answer to {key!r}")
        assert before < 30_000
        if key == b"4":
            line.skip(20_000)  # the charts are still drawn
