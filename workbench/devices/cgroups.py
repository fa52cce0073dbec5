"""The limits of control groups, which containers, services and jobs of a cluster are in: version 2, and version 1.

Every function takes the root folder of the machine: a test lays out the folders of another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path("/")
_NO_LIMIT = 1 << 60  # bytes; version 1 writes a number beyond it where there is no limit


def read_text(path: Path) -> str:
    """A file of the system. Names in it may be in any encoding.

    Raises:
        OSError: it cannot be read.
    """
    return path.read_text("utf-8", errors="surrogateescape")


def cpu_quota(root: Path = ROOT) -> float | None:
    """How many CPUs' time the groups of this process allow, which may be less than one; None where they do not say."""
    quotas = []
    for folder in _folders("cpu", root):
        with suppress(OSError, ValueError, ZeroDivisionError):  # no such file, or "max"
            quota, period = (folder / "cpu.max").read_text().split()
            quotas.append(int(quota) / int(period))
        with suppress(OSError, ValueError, ZeroDivisionError):
            microseconds = int((folder / "cpu.cfs_quota_us").read_text())
            if microseconds > 0:  # -1: no limit
                quotas.append(microseconds / int((folder / "cpu.cfs_period_us").read_text()))
    return min(quotas, default=None)


def memory_limit(root: Path = ROOT) -> int | None:
    """The bytes of memory that the groups of this process may take; None where there is no limit."""
    return min((limit for limit, _ in _memory(root)), default=None)


def memory_left(root: Path = ROOT) -> int | None:
    """The bytes that the groups may still take, files that are only cached being given up; None without a limit."""
    return min((limit - used for limit, used in _memory(root)), default=None)


def _memory(root: Path) -> Iterator[tuple[int, int]]:
    """Limit and use of each group that has a limit, in bytes."""
    for folder in _folders("memory", root):
        with suppress(OSError, ValueError):  # no such file, or "max"
            yield int((folder / "memory.max").read_text()), _used(folder, "memory.current", "inactive_file")
        with suppress(OSError, ValueError):
            limit = int((folder / "memory.limit_in_bytes").read_text())
            if limit < _NO_LIMIT:
                yield limit, _used(folder, "memory.usage_in_bytes", "total_inactive_file")


def _used(folder: Path, file: str, cached: str) -> int:
    """Bytes in use, without those of files that are only cached."""
    used = int((folder / file).read_text())
    with suppress(OSError):
        for line in (folder / "memory.stat").read_text().splitlines():
            if line.startswith(f"{cached} "):
                used -= int(line.split()[1])
    return used


def _folders(controller: str, root: Path) -> Iterator[Path]:
    """The folders of the groups that this process is in, from its own to the outermost; some may not be there. A
    container sees the outermost only, which is its own."""
    base = root / "sys/fs/cgroup"
    lines = []
    with suppress(OSError):
        lines = read_text(root / "proc/self/cgroup").splitlines()
    for line in lines or ["0::/"]:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:  # version 2; beside version 1 it is in a folder of its own
            mounts = [base, base / "unified"]
        elif controller in controllers.split(","):
            mounts = [base / controllers, *([base / controller] if controllers != controller else [])]
        else:
            continue
        for mount in mounts:
            own = mount / path.lstrip("/")
            yield own
            yield from (folder for folder in own.parents if folder == mount or mount in folder.parents)
