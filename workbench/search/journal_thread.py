"""An agent's way to the journal: a thread of its own, that tries again while the journal cannot be reached.

Meanwhile trainings go on, and what is to be written waits. An agent that could not be heard of for too long is *cut
off*: others take it for dead soon, so it ends its trainings, and goes on when it is heard of again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from workbench.errors import WorkbenchError
from workbench.search import leases
from workbench.search.journal import Decide, JournalUnreachable, SearchJournal
from workbench.search.state import SearchState

TRY_AGAIN = 1.0  # seconds from one attempt to the next
PATIENCE = 3600.0  # seconds of attempts, after which the agent ends


class JournalThread:
    """Adds to a journal for an agent.

    Args:
        journal: the journal.
        on_message: called with what a person should know.
    """

    def __init__(self, journal: SearchJournal, on_message: Callable[[str], None]) -> None:
        self._journal = journal
        self._on_message = on_message
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._away = False
        self._patient = True
        self._heard = time.monotonic()
        self.cut_off = False

    @property
    def state(self) -> SearchState:
        return self._journal.state

    async def update(self, decide: Decide) -> SearchState:
        """Add to the journal, and try again where it cannot be reached.

        Raises:
            JournalUnreachable: it could not be reached for an hour, or there is no time to wait any more.
            WorkbenchError: it cannot be used.
        """
        began = time.monotonic()
        while True:
            try:
                return await self.try_to_update(decide)
            except JournalUnreachable:
                if not self._patient or time.monotonic() - began > PATIENCE:
                    raise
            await asyncio.sleep(TRY_AGAIN)

    async def try_to_update(self, decide: Decide) -> SearchState:
        """The same, once."""
        loop = asyncio.get_running_loop()
        try:
            state = await loop.run_in_executor(self._thread, self._journal.update, decide)
        except JournalUnreachable as error:
            if not self._away and self._patient:
                self._away = True
                self._on_message(f"{error} Trainings go on meanwhile, and nothing they came to is lost.")
            raise
        if self._away:
            self._away = False
            self._on_message("the journal can be reached again")
        return state

    async def beat(
        self, agent: str, observer: leases.Leases, on_state: Callable[[SearchState], None] = lambda _: None
    ) -> None:
        """Have others hear of this agent, and hear of them, without end; `on_state` is called each time."""

        def decide(state: SearchState) -> list[dict[str, str]]:
            observer.observe(state)
            return [{"kind": "beat", "agent": agent}]

        self._heard = time.monotonic()
        while True:
            await asyncio.sleep(TRY_AGAIN if self._away else leases.BEAT)
            began = time.monotonic()
            try:
                state = await self.try_to_update(decide)
            except WorkbenchError:
                continue
            on_state(state)
            self._heard, self.cut_off = began, False

    async def watch(self, on_cut_off: Callable[[], None]) -> None:
        """Call this once each time that the agent is cut off."""
        while True:
            await asyncio.sleep(TRY_AGAIN)
            if time.monotonic() - self._heard > leases.GIVE_UP and not self.cut_off:
                self.cut_off = True
                self._on_message(
                    "the journal could not be reached for so long that others take over what is trained here: "
                    "it ends, and goes on from its checkpoints when the journal is back"
                )
                on_cut_off()

    def lose_patience(self) -> None:
        """Wait for the journal no more, where it cannot be reached."""
        self._patient = False

    def close(self) -> None:
        self._thread.shutdown()
