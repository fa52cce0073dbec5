"""kwb in a pseudo-terminal, for measuring: what is written to it and when, colours left out."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import psutil

KWB = [sys.executable, "-c", "from workbench.cli import command; command()"]
ROWS, COLUMNS = 40, 120
_ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """The app in a pseudo-terminal."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        primary, secondary = pty.openpty()
        fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        home = {"KWB_STATE_DIR": str(folder / ".state"), "KWB_CONFIG_DIR": str(folder / ".config")}
        self.process = subprocess.Popen(
            [*KWB, *arguments], cwd=folder, stdin=secondary, stdout=secondary, stderr=secondary,
            start_new_session=True, env=os.environ | home | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
        )  # fmt: skip
        os.close(secondary)
        self._primary = primary
        self._torn = b""

    def press(self, key: str) -> None:
        os.write(self._primary, key.encode())

    def read(self, seconds: float) -> str:
        """What came within a time, colours left out; at once if there is something."""
        ready, _, _ = select.select([self._primary], [], [], seconds)
        if not ready:
            return ""
        try:
            found = self._torn + os.read(self._primary, 1 << 16)
        except OSError:
            return ""
        whole = len(found)
        if (last := found.rfind(b"\x1b", whole - 48)) >= 0:  # maybe a sequence torn in two
            whole = last
        found, self._torn = found[:whole], found[whole:]
        return _ESCAPE.sub(b"", found).decode(errors="replace")

    def until(self, wanted: str | Callable[[str], object], seconds: float = 60.0) -> float:
        """When a text came, or one of which something holds. Raises TimeoutError."""
        came_in = wanted if callable(wanted) else lambda text: wanted in text
        end, seen = time.perf_counter() + seconds, ""
        while time.perf_counter() < end:
            came = self.read(0.5)
            moment = time.perf_counter()
            if came_in(seen + came):
                return moment
            seen = (seen + came)[-1000:]
        raise TimeoutError(f"{wanted!r} did not come; the last was {seen!r}")

    def idle_for(self, seconds: float) -> None:
        """Read on, as a terminal does, for a time."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def close(self) -> None:
        for process in [*psutil.Process(self.process.pid).children(recursive=True), self.process]:
            process.kill()
        self.process.wait()
        os.close(self._primary)
