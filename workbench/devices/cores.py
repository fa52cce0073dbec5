"""The cores of a machine, shared out to processes that compute at the same time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.devices.cgroups import ROOT, read_text


@dataclass(frozen=True)
class CoreShare:
    """The part of one of several processes in the cores of their machine.

    Attributes:
        process: its number among them, from 0.
        processes: how many they are.
        cores: how many cores they have together.
    """

    process: int = 0
    processes: int = 1
    cores: int = 1

    @property
    def threads(self) -> int:
        """How many it computes with; at least one."""
        return max(1, self.cores // self.processes)

    def as_record(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> CoreShare:
        return cls(**{name: int(value) for name, value in record.items()})


_before: set[int] = set()  # the allowed cores, from before this process was kept to some of them


def allowed_cores() -> set[int]:
    """The logical cores that this process may run on, or could before it was kept to some of them; empty where the
    system does not say."""
    if _before or not hasattr(os, "sched_getaffinity"):
        return set(_before)
    return set(os.sched_getaffinity(0))


def keep_to_cores(share: CoreShare, root: Path = ROOT) -> None:
    """Keep this process to cores of its own; threads that it starts later as well.

    Else the threads of another process that carry sums run where this one computes, and all wait for it. Nothing is
    changed where there are fewer cores than processes, and where a process cannot be kept to some (macOS, Windows).
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    allowed = allowed_cores()
    cores = own_cores(share, allowed, root)
    if not cores:
        return
    _before.update(allowed)
    for thread in os.listdir("/proc/self/task"):
        with suppress(OSError):  # it has ended, or this is not allowed here
            os.sched_setaffinity(int(thread), cores)


def own_cores(share: CoreShare, allowed: set[int], root: Path = ROOT) -> set[int]:
    """Of the logical cores that all may run on, those of one process; none where there are too few.

    What belongs together stays together: logical cores of one core, cores of one socket.
    """
    if len(allowed) < share.processes:
        return set()
    ordered = sorted(allowed, key=lambda core: (_socket_and_core(core, root), core))
    first = len(ordered) * share.process // share.processes
    return set(ordered[first : len(ordered) * (share.process + 1) // share.processes])


def _socket_and_core(logical: int, root: Path) -> tuple[int, int]:
    folder = root / f"sys/devices/system/cpu/cpu{logical}/topology"
    try:
        socket = int(read_text(folder / "physical_package_id"))
        return socket, int(read_text(folder / "core_id"))
    except (OSError, ValueError):
        return 0, logical
