"""The cores of a machine, shared out to processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.devices.cores import CoreShare, own_cores


def lay_out(root: Path, places: dict[int, tuple[int, int]]) -> None:
    """A machine whose logical cores have these sockets and cores."""
    for logical, (socket, core) in places.items():
        folder = root / f"sys/devices/system/cpu/cpu{logical}/topology"
        folder.mkdir(parents=True)
        (folder / "physical_package_id").write_text(f"{socket}\n")
        (folder / "core_id").write_text(f"{core}\n")


def shares(processes: int, allowed: set[int], root: Path) -> list[set[int]]:
    return [own_cores(CoreShare(process, processes), allowed, root) for process in range(processes)]


def test_logical_cores_of_one_core_stay_together(tmp_path: Path) -> None:
    lay_out(tmp_path, {logical: (0, logical % 4) for logical in range(8)})  # as Linux numbers them
    assert shares(2, set(range(8)), tmp_path) == [{0, 4, 1, 5}, {2, 6, 3, 7}]


def test_cores_of_one_socket_stay_together(tmp_path: Path) -> None:
    lay_out(tmp_path, {logical: (logical % 2, logical // 2) for logical in range(8)})
    assert shares(2, set(range(8)), tmp_path) == [{0, 2, 4, 6}, {1, 3, 5, 7}]


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
def test_each_core_is_of_one_process(processes: int, tmp_path: Path) -> None:
    allowed = {1, 2, 3, 8, 9}  # of a job; nothing is known of where they are
    found = shares(processes, allowed, tmp_path)
    assert set.union(*found) == allowed
    assert sum(map(len, found)) == len(allowed)
    assert all(found)


def test_fewer_cores_than_processes_are_used_by_all(tmp_path: Path) -> None:
    assert shares(3, {0, 1}, tmp_path) == [set(), set(), set()]


@pytest.mark.parametrize(
    ("share", "threads"), [((0, 2, 8), 4), ((2, 3, 8), 2), ((0, 4, 2), 1), ((0, 1, 1), 1)]
)
def test_threads(share: tuple[int, int, int], threads: int) -> None:
    assert CoreShare(*share).threads == threads


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes cannot be kept to cores here")
def test_a_process_is_kept_with_the_threads_it_has() -> None:
    allowed = sorted(os.sched_getaffinity(0))
    code = (
        "import json, os, threading\n"
        "from workbench.devices.cores import CoreShare, keep_to_cores\n"
        "end = threading.Event()\n"
        "thread = threading.Thread(target=end.wait)\n"
        "thread.start()\n"
        f"keep_to_cores(CoreShare(0, {len(allowed)}, {len(allowed)}))\n"
        "found = [os.sched_getaffinity(int(each)) for each in os.listdir('/proc/self/task')]\n"
        "end.set()\n"
        "print(json.dumps([sorted(each) for each in found]))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    found = json.loads(printed)
    assert len(found) >= 2
    assert all(len(each) == 1 for each in found)
