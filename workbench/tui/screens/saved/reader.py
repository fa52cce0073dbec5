"""Reader: the parent's side of the process that looks into files (see `reading`)."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from itertools import count
from typing import Any

from workbench.errors import FileError
from workbench.storage.reader_client import PATIENCE, command, death, environment

MOST_SECONDS = PATIENCE  # for one answer
_MOST_BYTES = 1 << 26  # of an answer
_MODULE = "workbench.tui.screens.saved.reading"


class FileReader:
    """Asks the process, which is started for the first request, and again after it has ended."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any] | None]] = {}
        self._numbers = count()
        self._starting = asyncio.Lock()

    async def ask(self, do: str, file: str, **arguments: Any) -> dict[str, Any]:
        """Have a file read. Who cancels this ends the process, if it has not answered yet.

        Args:
            do: look, weight, recipe.
            file: which.
            arguments: more for that.

        Raises:
            FileError: it cannot be read, or reading it ended the process or takes too long.
        """
        while (found := await self._ask({"do": do, "file": file, **arguments})) is None:
            pass  # another question ended the process; this one was not wrong
        if "error" in found:
            raise FileError.from_record(found["error"])
        if "died" in found:
            raise death(found["died"], file)
        return dict(found["result"])

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        process = await self._ready()
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps({"id": number, **request}).encode() + b"\n")
            async with asyncio.timeout(MOST_SECONDS):
                return await answer
        except TimeoutError:
            self.close()
            raise FileError(
                f"reading it takes longer than {MOST_SECONDS:.0f} s, so it was given up.",
                where=request["file"],
                hint="It is very large, lies on a slow disk, or is made to do harm.",
            ) from None
        except asyncio.CancelledError:
            if answer.cancelled():  # along with who waited for it: the process is still at it
                self.close()
            raise
        finally:
            self._answers.pop(number, None)

    async def _ready(self) -> Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                self._process = await asyncio.create_subprocess_exec(
                    *command(_MODULE),
                    env=environment(),
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=DEVNULL,
                    limit=_MOST_BYTES,
                    start_new_session=True,  # the terminal's Ctrl-C does not reach it
                )
                self._listening = asyncio.create_task(self._listen(self._process))
            return self._process

    async def _listen(self, process: Process) -> None:
        """Pass each answer to its caller; when the process ends, pass an error to those who still wait."""
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                found = json.loads(line)
                if (answer := self._answers.get(found["id"])) is not None and not answer.done():
                    answer.set_result(found)
        except (ValueError, ConnectionError):  # an answer beyond the limit
            with suppress(ProcessLookupError):
                process.kill()
        died = await process.wait()
        if self._process is process:
            self._process = None
            self._answer_all({"died": died})

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        self._answer_all(None)

    def _answer_all(self, found: dict[str, Any] | None) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(found)

    async def closed(self) -> None:
        """End the process and wait until it has."""
        self.close()
        if self._listening is not None:
            await self._listening
