"""The process that reads strangers' files, kept for many questions: the one that `kwb inspect` starts for each."""

from __future__ import annotations

import json
import select
import subprocess
from pathlib import Path
from typing import Any

from workbench.storage import reader

LIMIT = 120.0  # seconds by the clock, on a machine that does other things; the process has its own limit, far below


class Asker:
    """Asks, and starts the process again when a file has ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.ended = 0  # how many files have ended it

    def ask(self, do: str, path: Path) -> dict[str, Any]:
        """The answer: {result} or {error}; a file that ends the process gives the error that the user sees."""
        if self._process is None:
            self._process = subprocess.Popen(
                reader.command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=reader.environment(),
                bufsize=0,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"id": 0, "do": do, "file": str(path)}).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], LIMIT)
            assert ready, f"no answer for {path}"
            part = self._process.stdout.read(1 << 20)
            if not part:
                code = self._process.wait()
                self._process.stdin.close()
                self._process.stdout.close()
                self._process = None
                self.ended += 1
                fault = reader.death(code, str(path))
                return {"error": fault.as_record()}
            line += part
        answer: dict[str, Any] = json.loads(line)
        return answer

    def memory(self) -> int:
        """The most bytes that the process has had in memory so far."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) << 10

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
