"""FileReader: the parent's side of the process that looks into files (see `reading`)."""

from __future__ import annotations

import asyncio
from typing import Any

from workbench.children import JsonChild
from workbench.errors import FileError
from workbench.storage.reader_client import PATIENCE, death, result_of, start

MOST_SECONDS = PATIENCE  # for one answer
_MODULE = "workbench.tui.screens.saved.reading"


class FileReader:
    """Asks the process, one question after the other. It is started for the first, and again after it has ended."""

    def __init__(self) -> None:
        self._child: JsonChild | None = None
        self._asking = asyncio.Lock()

    async def ask(self, do: str, file: str, **arguments: Any) -> dict[str, Any]:
        """Have a file read. Who cancels this ends the process, if it is at this question.

        Args:
            do: look, weight, recipe.
            file: which.
            arguments: more for that.

        Raises:
            FileError: it cannot be read, or reading it ended the process or takes too long.
        """
        async with self._asking:
            if self._child is None:
                self._child = await asyncio.to_thread(JsonChild, _MODULE, start=start)
            child = self._child
            try:
                found = await asyncio.to_thread(
                    child.ask, {"do": do, "file": file, **arguments}, MOST_SECONDS
                )
            except TimeoutError:
                await self.closed()
                raise FileError(
                    f"reading it takes longer than {MOST_SECONDS:.0f} s, so it was given up.",
                    where=file,
                    hint="It is very large, lies on a slow disk, or is made to do harm.",
                ) from None
            except asyncio.CancelledError:
                self.close()
                raise
            if found is None:
                code = await asyncio.to_thread(child.close)
                self._child = None
                raise death(code, file)
        return dict(result_of(found))

    def close(self) -> None:
        """End the process."""
        if (child := self._child) is not None:
            self._child = None
            child.kill()
            asyncio.get_running_loop().run_in_executor(None, child.close)

    async def closed(self) -> None:
        """End the process and wait until it has."""
        if (child := self._child) is not None:
            self._child = None
            await asyncio.to_thread(child.close)
