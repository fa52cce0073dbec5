"""Machines for a test: network namespaces of Linux, joined by a bridge, which nothing else can reach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from tests.group.trainings import is_member

NETWORK = "10.77.0.0/24"
WITHIN = 20.0  # seconds in which nothing of a training is left


@cache
def _why_none() -> str:
    missing = [each for each in ("ip", "nsenter", "unshare") if shutil.which(each) is None]
    if missing:
        return f"{', '.join(missing)} not installed"
    tried = subprocess.run([*_UNSHARE, "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip()[:120] if tried.returncode else ""


_USER = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
_UNSHARE = ["unshare", *_USER, "--net"]
_ENTER_USER = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]

needs_machines = pytest.mark.skipif(bool(_why_none()), reason=_why_none())


class Program:
    """`kwb` on one of the machines."""

    def __init__(self, process: subprocess.Popen[str], output: Path) -> None:
        self.process = process
        self.output = output

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        return self.output.read_text()

    def wait_for(self, text: str, seconds: float = 90.0) -> None:
        """Until it has said something."""
        end = time.monotonic() + seconds
        while text not in self.said():
            assert self.process.poll() is None, f"ended without '{text}': {self.said()[-3000:]}"
            assert time.monotonic() < end, f"no '{text}': {self.said()[-3000:]}"
            time.sleep(0.05)

    def end(self, seconds: float = 120.0) -> tuple[int, str]:
        """Its exit code, and what it has said."""
        try:
            return self.process.wait(seconds), self.said()
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end: {self.said()[-3000:]}") from None


@dataclass
class Machine:
    """One of them.

    Attributes:
        folder: its files: the copy of the user's folder on this machine.
        state: kwb's folder for state.
        holder: a process that does nothing but be in its network.
    """

    number: int
    folder: Path
    state: Path
    holder: subprocess.Popen[bytes]
    programs: list[Program] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"10.77.0.{self.number}"

    def command(self, *arguments: str) -> list[str]:
        return ["nsenter", f"--target={self.holder.pid}", *_ENTER_USER, "--net", *arguments]

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Program:
        """Start `kwb` on it."""
        kwb = [sys.executable, "-c", "from workbench.cli import command; command()"]
        output = self.state / f"output-{len(self.programs)}"
        with output.open("w") as file:
            process = subprocess.Popen(
                self.command(*kwb, *arguments),
                cwd=self.folder,
                env={**os.environ, "KWB_STATE_DIR": str(self.state), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.programs.append(Program(process, output))
        return self.programs[-1]

    def run(self, *arguments: str) -> None:
        """Run a command of the system on it."""
        subprocess.run(self.command(*arguments), check=True, capture_output=True)

    def listening(self) -> set[int]:
        """The ports that somebody listens on."""
        lines = [
            line.split()
            for name in ("tcp", "tcp6")
            for line in Path(f"/proc/{self.holder.pid}/net/{name}").read_text().splitlines()[1:]
        ]
        return {int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == "0A"}

    def processes(self) -> list[int]:
        """Those in its network, without the holder."""
        mine = os.stat(f"/proc/{self.holder.pid}/ns/net").st_ino
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if os.stat(folder / "ns" / "net").st_ino == mine and int(folder.name) != self.holder.pid:
                    found.append(int(folder.name))
        return found

    def training(self) -> list[int]:
        """The processes of it that train."""
        return sorted(pid for pid in self.processes() if is_member(pid))

    def is_left(self, seconds: float = WITHIN) -> bool:
        """Whether some process of it is left after so many seconds."""
        end = time.monotonic() + seconds
        while self.processes():
            if time.monotonic() > end:
                return True
            time.sleep(0.05)
        return False


@dataclass
class Machines:
    """All of them, and the bridge between."""

    bridge: subprocess.Popen[bytes]
    machines: list[Machine] = field(default_factory=list)

    def __getitem__(self, index: int) -> Machine:
        return self.machines[index]

    def cable(self, machine: Machine, *, plugged: bool) -> None:
        """Pull the cable of a machine, or put it back."""
        self.on_bridge("ip", "link", "set", f"p{machine.number}", "up" if plugged else "down")

    def on_bridge(self, *arguments: str) -> None:
        command = ["nsenter", f"--target={self.bridge.pid}", *_ENTER_USER, "--net", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def add(self, folder: Path) -> Machine:
        number = len(self.machines) + 1
        enter = ["nsenter", f"--target={self.bridge.pid}", *_ENTER_USER]
        holder = _holder([*enter, "unshare", "--net"])
        own = folder / f"machine{number}"
        files, state = own / "work", own / "state"
        files.mkdir(parents=True)
        state.mkdir()
        machine = Machine(number, files, state, holder)
        self.machines.append(machine)
        inside, outside = f"v{number}", f"p{number}"
        self.on_bridge(
            *("ip", "link", "add", outside, "type", "veth"),
            *("peer", "name", inside, "netns", str(holder.pid)),
        )
        self.on_bridge("ip", "link", "set", outside, "master", "br0")
        self.on_bridge("ip", "link", "set", outside, "up")
        machine.run("ip", "addr", "add", f"{machine.address}/24", "dev", inside)
        machine.run("ip", "link", "set", inside, "up")
        machine.run("ip", "link", "set", "lo", "up")
        return machine


def _holder(command: list[str]) -> subprocess.Popen[bytes]:
    """A process that has entered its network once it says so, and then only waits."""
    holder = subprocess.Popen(
        [*command, "sh", "-c", "echo here; exec sleep 3600"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"here\n"
    return holder


@contextmanager
def machines(folder: Path, count: int) -> Iterator[Machines]:
    """So many machines; at the end nothing of them is left."""
    bridge = _holder(_UNSHARE)
    found = Machines(bridge)
    try:
        found.on_bridge("ip", "link", "add", "br0", "type", "bridge")
        found.on_bridge("ip", "link", "set", "br0", "up")
        for _ in range(count):
            found.add(folder)
        yield found
    finally:
        for machine in found.machines:
            for pid in machine.processes():
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)
            for program in machine.programs:
                program.process.wait()
        for holder in (*(each.holder for each in found.machines), bridge):
            holder.kill()
            holder.communicate()
