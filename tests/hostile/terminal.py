"""`kwb` in a real pseudo-terminal: its exit code, and every byte that it wrote there."""

from __future__ import annotations

import contextlib
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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

KWB = [sys.executable, "-c", "from workbench.cli import command; command()"]

# What Textual and Rich write of their own: colours, cursor and modes, questions to the terminal, the pointer's shape.
_OURS = re.compile(
    rb"\x1b\[[0-9;?<>=$]*[A-Za-z~]|\x1b\[\?[0-9;]*\$p|\x1b_G[^\x1b]*\x1b\\|\x1bP[^\x1b]*\x1b\\|\x1b[78=>]|\x1b\]22;[a-z-]*\x07"
)
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


class Terminal:
    """A process on a pseudo-terminal of its own."""

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        *,
        env: Mapping[str, str | None] | None = None,
        size: tuple[int, int] = (40, 120),
        command: Sequence[str] = KWB,
    ) -> None:
        self.primary, self.secondary = pty.openpty()
        fcntl.ioctl(self.secondary, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.modes = termios.tcgetattr(self.secondary)
        changed = {
            "TERM": "xterm-256color",
            "KWB_STATE_DIR": str(folder / ".state"),
            "COLUMNS": None,
            "LINES": None,
        }
        changed |= {"KWB_CONFIG_DIR": str(folder / ".config"), **(env or {})}
        whole = {name: value for name, value in os.environ.items() if name not in changed}
        whole |= {name: value for name, value in changed.items() if value is not None}
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            stdin=self.secondary,
            stdout=self.secondary,
            stderr=self.secondary,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env=whole,
        )
        self.written = b""

    def read(self, seconds: float = 0.1) -> None:
        """Take what comes within a time, which ends at once where something is there."""
        ready, _, _ = select.select([self.primary], [], [], seconds)
        if ready:
            with contextlib.suppress(OSError):
                self.written += os.read(self.primary, 1 << 16)

    def until(self, holds: Callable[[], object], seconds: float = 60) -> None:
        """Read until something holds."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, self.written[-3000:]
            self.read()

    def until_shown(self, text: str, seconds: float = 60) -> None:
        """Read until a text has been written."""
        self.until(lambda: text in self.text, seconds)

    def press(self, keys: str) -> None:
        os.write(self.primary, keys.encode())

    def wait(self, seconds: float = 60) -> int:
        """Read until the process has ended; its exit code."""
        self.until(lambda: self.process.poll() is not None, seconds)
        while select.select([self.primary], [], [], 0)[0]:
            before = len(self.written)
            self.read(0)
            if len(self.written) == before:
                break
        return self.process.returncode

    @property
    def text(self) -> str:
        """What was written, without colours and movements of the cursor."""
        return _OURS.sub(b"", self.written).decode(errors="replace")

    @property
    def unsafe(self) -> list[str]:
        """The characters written that a terminal obeys or hides, where they are none of kwb's own sequences."""
        return [repr(found) for found in _UNSAFE.findall(self.text)]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.primary)
        os.close(self.secondary)


def run_in_terminal(arguments: Sequence[str], folder: Path, **options: object) -> Terminal:
    """Run `kwb` to its end."""
    terminal = Terminal(arguments, folder, **options)  # type: ignore[arg-type]
    try:
        terminal.wait()
    finally:
        terminal.close()
    return terminal
