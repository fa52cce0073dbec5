"""The processes that are asked about files, kept for many questions, and started again when a file has ended them."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench import children
from workbench.storage import reader_client

LIMIT = 120.0  # seconds by the clock, on a machine that does other things; the process has its own limit, far below


class Ended(Exception):
    """A file has ended the process, or keeps it busy; `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


class Asked:
    """One process that answers a line of JSON with a line of JSON."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self.ended = 0  # how many files have ended it

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer.

        Raises:
            Ended: there is none.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=reader_client.environment(),
                bufsize=0,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], LIMIT)
            part = self._process.stdout.read(1 << 20) if ready else b""
            if not part:
                self.ended += 1
                raise Ended(self.close())
            line += part
        answer: dict[str, Any] = json.loads(line)
        return answer

    def memory(self) -> int:
        """The most bytes that the process has had in memory so far; 0 where there is none."""
        if self._process is None:
            return 0
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) << 10

    def close(self) -> int:
        """End it, if it has not ended; its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None and select.select([process.stdout], [], [], 0)[0] == []:
            process.kill()
        process.communicate()
        return process.returncode


class Asker(Asked):
    """The process that reads strangers' files: the one that `kwb inspect` starts for each."""

    def __init__(self) -> None:
        super().__init__(children.command(reader_client.MODULE))

    def ask_of(self, do: str, path: Path) -> dict[str, Any]:
        """The answer: {result} or {error}; a file that ends the process gives the error that the user sees."""
        try:
            return self.ask({"do": do, "file": str(path)})
        except Ended as ended:
            return {"error": reader_client.death(ended.code, str(path)).as_record()}


class Harness(Asked):
    """See `tests.hostile.harness`."""

    def __init__(self) -> None:
        super().__init__([sys.executable, "-m", "tests.hostile.harness"])
