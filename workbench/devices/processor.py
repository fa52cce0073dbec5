"""The processor: its name, and how many of its cores this process may use."""

from __future__ import annotations

import math
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from workbench.devices.cgroups import ROOT, cpu_quota, read_text
from workbench.devices.cores import allowed_cores


@dataclass(frozen=True)
class Processor:
    """A processor as this process sees it.

    Attributes:
        machine_cores: logical cores of the machine.
        allowed_cores: those that this process may run on (`taskset`, a job of a cluster).
        quota: how many cores' time its control groups allow; None where they set no limit.
    """

    name: str
    machine_cores: int
    allowed_cores: int
    quota: float | None = None

    @property
    def cores(self) -> int:
        """How many cores it can keep busy; at least one."""
        quota = math.inf if self.quota is None else max(1, math.ceil(self.quota))
        return int(min(self.allowed_cores, quota))


def find_processor(root: Path = ROOT) -> Processor:
    line = processor_line(root)
    name = " ".join(line.partition(":")[2].split()) or line or platform.machine()
    machine_cores = os.cpu_count() or 1
    allowed = len(allowed_cores()) or machine_cores  # macOS and Windows do not say
    return Processor(name, machine_cores, allowed, cpu_quota(root))


def processor_line(root: Path = ROOT) -> str:
    """The line of the system that names the processor. Receipts and kept choices of engines hold it as it is."""
    try:
        lines = read_text(root / "proc/cpuinfo").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith("model name")), platform.processor())
