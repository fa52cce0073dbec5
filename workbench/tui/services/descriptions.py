"""The arguments of constructors, asked from the worker once and kept on disk by the distribution's version.

A form is there at once, also on a start without a worker yet. What is on disk is shown first and asked for again in
the background once in a session: an editable plugin changes without its version doing so.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from workbench.atomic import atomic_path
from workbench.catalog import Entry
from workbench.errors import WorkbenchError

Description = Mapping[str, Any]


class Descriptions:
    """Descriptions by entry.

    Args:
        ask: asks the worker: (command, **arguments).
        folder: where they are kept; by default the user's cache folder.
    """

    def __init__(self, ask: Callable[..., Awaitable[Any]], folder: Path | None = None) -> None:
        self._ask = ask
        self._folder = folder or user_cache_path("kwb") / "descriptions"
        self._files: dict[str, dict[str, Description]] = {}
        self._asked: dict[str, Description] = {}
        self._fresh: set[str] = set()
        self._failed: dict[str, WorkbenchError] = {}
        self._lock = asyncio.Lock()

    def known(self, entry: Entry) -> Description | None:
        """The known description of an entry, without waiting."""
        name = _name(entry)
        return self._asked.get(name) or self._file(entry).get(name)

    def is_fresh(self, entry: Entry) -> bool:
        """True if the worker has described the present code, or has failed to."""
        return _name(entry) in self._fresh or _name(entry) in self._failed

    def renew(self) -> None:
        """Ask again for everything: plugins' code may be another. What is known is shown until then."""
        self._fresh.clear()
        self._failed.clear()

    async def fetch(self, entry: Entry) -> Description:
        """Ask the worker, unless it has answered already.

        Raises:
            WorkbenchError: the plugin's code cannot be imported, or the worker died. It is not asked again.
        """
        name = _name(entry)
        async with self._lock:
            if name in self._failed:
                raise self._failed[name]
            if name not in self._fresh:
                try:
                    answer = await self._ask("describe", kind=entry.kind.value, name=entry.qualified_name)
                except WorkbenchError as error:
                    self._failed[name] = error
                    raise
                self._asked[name] = answer
                self._fresh.add(name)
                if answer != self._file(entry).get(name):
                    self._file(entry)[name] = answer
                    await asyncio.to_thread(self._write, entry)
        return self._asked[name]

    def _path(self, entry: Entry) -> Path | None:
        if not entry.version:  # a plugin that is a single file has none: never kept
            return None
        return self._folder / f"{re.sub(r'[^A-Za-z0-9.]', '_', f'{entry.distribution}-{entry.version}')}.json"

    def _file(self, entry: Entry) -> dict[str, Description]:
        path = self._path(entry)
        if path is None:
            return {}
        if path.name not in self._files:
            self._files[path.name] = _read(path)
        return self._files[path.name]

    def _write(self, entry: Entry) -> None:
        path = self._path(entry)
        if path is None:
            return
        try:
            with atomic_path(path) as temporary:
                temporary.write_text(json.dumps(self._file(entry)), encoding="utf-8")
        except (WorkbenchError, TypeError, ValueError):
            return  # a cache that cannot be written is no error of the user's


def _read(path: Path) -> dict[str, Description]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {key: value for key, value in content.items() if isinstance(value, dict) and "parameters" in value}


def _name(entry: Entry) -> str:
    return f"{entry.kind.value}:{entry.qualified_name}"
