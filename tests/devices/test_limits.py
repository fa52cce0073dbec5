"""Cores and memory within the limits of control groups, version 1 and 2, and of `taskset`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.devices.machines import put
from workbench.devices.cgroups import cpu_quota, memory_left, memory_limit
from workbench.devices.memory import find_memory, free_memory
from workbench.devices.processor import Processor, find_processor, processor_line

GIB = 1 << 30


def test_version_2_of_a_service_within_a_slice(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "0::/work.slice/kwb.service\n")
    group = "sys/fs/cgroup/work.slice"
    put(tmp_path, f"{group}/cpu.max", "150000 100000\n")
    put(tmp_path, f"{group}/memory.max", f"{4 * GIB}\n")
    put(tmp_path, f"{group}/memory.current", f"{3 * GIB}\n")
    put(tmp_path, f"{group}/memory.stat", f"anon 5\ninactive_file {GIB}\nactive_file 7\n")
    own = f"{group}/kwb.service"
    put(tmp_path, f"{own}/cpu.max", "max 100000\n")
    put(tmp_path, f"{own}/memory.max", "max\n")
    put(tmp_path, f"{own}/memory.current", "5\n")
    assert cpu_quota(tmp_path) == 1.5
    assert memory_limit(tmp_path) == 4 * GIB
    assert memory_left(tmp_path) == 2 * GIB
    put(tmp_path, f"{own}/cpu.max", "50000 100000\n")
    assert cpu_quota(tmp_path) == 0.5


def test_version_2_of_a_container_that_sees_its_own_group_only(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "0::/\n")
    put(tmp_path, "sys/fs/cgroup/cpu.max", "200000 100000\n")
    put(tmp_path, "sys/fs/cgroup/memory.max", f"{GIB}\n")
    put(tmp_path, "sys/fs/cgroup/memory.current", f"{GIB // 4}\n")
    assert (cpu_quota(tmp_path), memory_limit(tmp_path)) == (2.0, GIB)
    assert memory_left(tmp_path) == GIB - GIB // 4


@pytest.mark.parametrize("seen", ["docker/4f2", ""])
def test_version_1_with_the_path_of_the_machine_or_of_the_container(tmp_path: Path, seen: str) -> None:
    lines = [
        "5:cpu,cpuacct:/docker/4f2",
        "4:memory:/docker/4f2",
        "3:cpuset:/",
        "1:name=systemd:/",
        "0::/system",
    ]
    put(tmp_path, "proc/self/cgroup", "\n".join(lines))
    put(tmp_path, f"sys/fs/cgroup/cpu,cpuacct/{seen}/cpu.cfs_quota_us", "250000\n")
    put(tmp_path, f"sys/fs/cgroup/cpu,cpuacct/{seen}/cpu.cfs_period_us", "100000\n")
    put(tmp_path, f"sys/fs/cgroup/memory/{seen}/memory.limit_in_bytes", f"{2 * GIB}\n")
    put(tmp_path, f"sys/fs/cgroup/memory/{seen}/memory.usage_in_bytes", f"{GIB}\n")
    put(
        tmp_path,
        f"sys/fs/cgroup/memory/{seen}/memory.stat",
        f"inactive_file 1\ntotal_inactive_file {GIB // 2}\n",
    )
    assert (cpu_quota(tmp_path), memory_limit(tmp_path)) == (2.5, 2 * GIB)
    assert memory_left(tmp_path) == GIB + GIB // 2
    assert find_processor(tmp_path).quota == 2.5
    assert find_memory(tmp_path).free <= GIB + GIB // 2


def test_no_limits(tmp_path: Path) -> None:
    assert (cpu_quota(tmp_path), memory_limit(tmp_path), memory_left(tmp_path)) == (None, None, None)
    put(tmp_path, "proc/self/cgroup", "5:cpu:/\n4:memory:/\nnonsense\n")
    put(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    put(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    put(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    put(tmp_path, "sys/fs/cgroup/memory/memory.usage_in_bytes", "5\n")
    assert (cpu_quota(tmp_path), memory_limit(tmp_path), memory_left(tmp_path)) == (None, None, None)
    memory = find_memory(tmp_path)
    assert (memory.total, memory.limit) == (psutil.virtual_memory().total, None)
    assert memory.most == memory.total


def test_a_limit_above_the_memory_of_the_machine_is_none(tmp_path: Path) -> None:
    put(tmp_path, "sys/fs/cgroup/memory.max", f"{1 << 55}\n")
    put(tmp_path, "sys/fs/cgroup/memory.current", "0\n")
    assert find_memory(tmp_path).limit is None
    put(tmp_path, "sys/fs/cgroup/memory.max", "1000\n")
    put(tmp_path, "sys/fs/cgroup/memory.current", "3000\n")  # as right after the limit was lowered
    assert (find_memory(tmp_path).most, free_memory(tmp_path)) == (1000, 0)


@pytest.mark.parametrize(
    ("allowed", "quota", "cores"), [(8, None, 8), (8, 2.5, 3), (2, 6.0, 2), (4, 0.5, 1), (4, 0.0, 1)]
)
def test_the_cores_that_can_be_kept_busy(allowed: int, quota: float | None, cores: int) -> None:
    assert Processor("x", 8, allowed, quota).cores == cores


def test_the_name_of_the_processor(tmp_path: Path) -> None:
    put(tmp_path, "proc/cpuinfo", "processor\t: 0\nmodel name\t: AMD EPYC 7B13  64-Core\nflags\t: sse\n")
    assert find_processor(tmp_path).name == "AMD EPYC 7B13 64-Core"
    assert processor_line(tmp_path) == "model name\t: AMD EPYC 7B13  64-Core"
    put(tmp_path, "proc/cpuinfo", "processor\t: 0\nCPU part\t: 0xd0c\n")  # ARM
    assert find_processor(tmp_path).name


@pytest.mark.skipif(shutil.which("taskset") is None, reason="taskset is not installed")
def test_the_cores_that_a_process_may_run_on() -> None:
    code = "from workbench.devices.processor import find_processor as find; print(find().allowed_cores)"
    first = str(min(os.sched_getaffinity(0)))
    command = ["taskset", "-c", first, sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == "1\n", done.stderr


MEMINFO = {
    "no file": None,
    "no line": "",
    "without the total": "MemFree: 500 kB\n",
    "without what is available": "MemTotal: 1000 kB\nMemFree: 500 kB\n",
    "nothing but nonsense": "MemTotal: much\n",
}


@pytest.mark.parametrize("what", MEMINFO)
def test_a_sandbox_that_hides_what_memory_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    text = MEMINFO[what]
    if text is not None:
        put(tmp_path, "proc/meminfo", text)
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path / "proc"))
    memory = find_memory(tmp_path)
    own = (
        1000 << 10
        if text and "MemTotal: 1000" in text
        else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    )
    assert memory.total == own
    assert 0 <= memory.free <= own


def test_names_of_groups_and_processors_that_are_no_text(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup")
    (tmp_path / "proc/self/cgroup").write_bytes(b"0::/caf\xe9\n")
    group = tmp_path / os.fsdecode(b"sys/fs/cgroup/caf\xe9")
    group.mkdir(parents=True)
    (group / "cpu.max").write_text("150000 100000\n")
    assert cpu_quota(tmp_path) == 1.5
    (tmp_path / "proc/cpuinfo").write_bytes(b"model name\t: Caf\xe9 9000\n")
    assert "9000" in find_processor(tmp_path).name
