"""Take the run of a training over from an agent that is dead, or is taken for dead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from workbench.search import leases
from workbench.storage.fencing import break_lock, raise_fence
from workbench.storage.ownership import owner
from workbench.storage.run_folder import RunFolder

LOOK_EVERY = 0.3  # seconds


async def take_over(run: RunFolder, number: int, stopping: Callable[[], bool]) -> None:
    """Have a process that is still at a run end, and wait until it has: also one that saves its last state.

    One that does not end is frozen, or cut off. It is left out, and ends when it goes on.

    Args:
        number: of the fence.
        stopping: whether to wait no more.

    Raises:
        FileError: the run's folder cannot be written.
    """
    await asyncio.to_thread(raise_fence, run, number)
    began = time.monotonic()
    while not stopping() and await asyncio.to_thread(owner, run) is not None:
        if time.monotonic() - began > leases.LEASE and await asyncio.to_thread(break_lock, run):
            return
        await asyncio.sleep(LOOK_EVERY)
