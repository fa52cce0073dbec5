"""The importance of a search's keys, asked of a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.children import JsonChild
from workbench.search.importance import LEAST, with_values
from workbench.tui.screens.searches.listing import SearchSummary

MOST_SECONDS = 300.0  # for one answer
_MODULE = "workbench.search.importance_child"
_GROWTH = 1.1  # it is worked out again when so many times the trials have ended


@dataclass(frozen=True)
class KeyShares:
    """What is known of the importance of keys.

    Attributes:
        trials: how many it was worked out from.
        shares: by key, the most important first.
        error: why there are none.
    """

    trials: int
    shares: Mapping[str, float] = field(default_factory=dict)
    error: str = ""


class Importances:
    """Keeps the answer for each search."""

    def __init__(self) -> None:
        self._known: dict[Path, KeyShares] = {}
        self._asked: dict[Path, int] = {}  # how many trials had ended
        self._working: set[Path] = set()

    def known(self, search: SearchSummary) -> KeyShares | None:
        """What is known of a search, perhaps of fewer trials than have ended by now."""
        count = len(with_values(search.trials))
        if count < LEAST:
            return KeyShares(
                count, error=f"{count} of {LEAST} trials have ended: too few to say which key matters"
            )
        return self._known.get(search.folder)

    def is_due(self, search: SearchSummary) -> bool:
        """Whether it is to be worked out (again)."""
        count, asked = len(with_values(search.trials)), self._asked.get(search.folder)
        if count < LEAST or search.folder in self._working:
            return False
        if asked is None or count < asked:
            return True
        return count >= asked * _GROWTH if search.agents else count > asked

    async def work_out(self, search: SearchSummary) -> None:
        """Work it out. Who cancels this ends the process."""
        self._working.add(search.folder)
        try:
            self._known[search.folder] = await self._answer(search)
            self._asked[search.folder] = len(with_values(search.trials))
        finally:
            self._working.discard(search.folder)

    async def _answer(self, search: SearchSummary) -> KeyShares:
        child = await asyncio.to_thread(JsonChild, _MODULE)
        try:
            found = await asyncio.to_thread(child.ask, {"folder": str(search.folder)}, MOST_SECONDS)
        except TimeoutError:
            found = {"error": f"it takes longer than {MOST_SECONDS:.0f} s, so it was given up", "hint": ""}
        finally:
            child.kill()
            await asyncio.to_thread(child.close)
        if found is None:
            found = {"error": "the process that works it out has ended", "hint": ""}
        if error := found.get("error"):
            return KeyShares(0, error=f"{error} {found['hint'] or ''}".strip())
        return KeyShares(int(found["trials"]), found["shares"])
