"""The memory of the machine, and how much of it this process may still take."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from workbench.devices.cgroups import ROOT, memory_left, memory_limit


@dataclass(frozen=True)
class MachineMemory:
    """Memory in bytes.

    Attributes:
        total: of the machine.
        free: what this process may still take.
        limit: of its control groups; None where they set none.
    """

    total: int
    free: int
    limit: int | None = None

    @property
    def most(self) -> int:
        """What there is for this process when nothing else needs any."""
        return self.total if self.limit is None else min(self.total, self.limit)


def find_memory(root: Path = ROOT) -> MachineMemory:
    total, _ = _of_the_machine()
    limit = memory_limit(root)
    if limit is not None and limit >= total:  # which limits nothing
        limit = None
    return MachineMemory(total, free_memory(root), limit)


def free_memory(root: Path = ROOT) -> int:
    """Bytes that this process may still take: of the machine, its container or group, and its own limit."""
    _, available = _of_the_machine()
    free = [available]
    # Windows has no such limit; and where /proc is closed, nobody knows what this process has.
    with suppress(ImportError, OSError, psutil.Error):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            free.append(limit - psutil.Process().memory_info().vms)
    left = memory_left(root)
    if left is not None:
        free.append(left)
    return max(0, min(free))


def _of_the_machine() -> tuple[int, int]:
    """All of its memory and what is available, in bytes. A sandbox may hide /proc/meminfo, or lines of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of lines that are missing
            found = psutil.virtual_memory()
        if found.total > 0:
            return int(found.total), int(found.available)
    except (OSError, KeyError, ValueError, psutil.Error):
        pass
    page = os.sysconf("SC_PAGE_SIZE")
    return page * os.sysconf("SC_PHYS_PAGES"), page * os.sysconf("SC_AVPHYS_PAGES")


def size_text(size: float) -> str:
    """A number of bytes for people: `6.8 GiB`."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
