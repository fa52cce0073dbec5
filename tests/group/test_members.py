"""A process is alive while it computes, also where it says nothing; not while it is frozen."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from workbench.children import start_alone
from workbench.group import members
from workbench.group.members import LocalMember


@pytest.mark.slow
def test_a_process_that_computes_and_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(members, "_LOOK", 0.2)
    member = LocalMember([], start_alone, log=tmp_path / "log")
    try:
        # While TensorFlow is loaded it says nothing.
        assert member.receive(30.0) == {"alive": True}
        first = member.receive(30.0)
        pid = next(int(each) for each in os.listdir("/proc") if each.isdigit() and is_child(int(each)))
        os.kill(pid, signal.SIGSTOP)
        assert first == {"alive": True} or (first is not None and "ready" in first)
        assert falls_silent(member)
        os.kill(pid, signal.SIGCONT)
        assert member.receive(30.0)
    finally:
        member.close()
    assert member.how_it_ended() == "was ended by SIGKILL"


def falls_silent(member: LocalMember) -> bool:
    """Whether it says nothing any more, after what it had said before."""
    end = time.monotonic() + 10.0
    while time.monotonic() < end:
        try:
            member.receive(1.5)
        except TimeoutError:
            return True
    return False


def is_child(pid: int) -> bool:
    """Whether it is the process that the test has started."""
    try:
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        return int(parent) == os.getpid() and b"child_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
