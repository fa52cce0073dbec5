"""Which agents still live.

An agent on this machine lives as long as its process does. One on another machine lives as long as something is heard
of it: an observer goes by its own clock, for those of machines differ. An agent that cannot be heard of ends its
trainings by itself before the others take it for dead, so that none is trained twice.
"""

from __future__ import annotations

import os
import secrets
import time

import psutil

from workbench.search.state import Record, SearchState

LEASE = 30.0  # seconds without a beat after which another machine's agent is taken for dead
BEAT = 5.0  # seconds between two beats
GIVE_UP = 18.0  # seconds without having been able to write a beat, after which an agent ends its trainings


def describe_agent(workers: int) -> tuple[str, Record]:
    """A new agent's name, and what it says of itself."""
    host, pid = os.uname().nodename, os.getpid()
    name = f"{host}-{pid}-{secrets.token_hex(3)}"
    started = psutil.Process(pid).create_time()
    return name, {
        "kind": "agent",
        "agent": name,
        "host": host,
        "boot": _boot(),
        "pid": pid,
        "started": started,
        "workers": workers,
    }


def is_new_here(agent: Record, state: SearchState) -> bool:
    """True for the first agent of a search on its machine and in its folder."""
    place = [agent[key] for key in ("boot", "runs")]
    others = [record for name, record in state.agents.items() if name != agent["agent"]]
    return place not in ([record.get(key) for key in ("boot", "runs")] for record in others)


class Leases:
    """Sees by the state of a search which agents are dead."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[int, float]] = {}
        self._observed = time.monotonic()
        self._boot = _boot()

    def observe(self, state: SearchState) -> None:
        """Note who was heard of. To be called with every beat: time in which nothing could be seen does not count."""
        now = time.monotonic()
        if now - self._observed > 2 * BEAT:
            self._heard = {agent: (beats, now) for agent, (beats, _) in self._heard.items()}
        self._observed = now
        for agent in state.agents:
            self._note(agent, state, now)

    def dead(self, agent: str, state: SearchState) -> bool:
        """True if the agent works no more on what it has begun."""
        if agent in state.left:
            return True
        record = state.agents.get(agent)
        if record is not None and record.get("boot") == self._boot and self._boot:
            return not _runs(int(record["pid"]), float(record["started"]))
        now = time.monotonic()
        return now - self._note(agent, state, now) > LEASE

    def _note(self, agent: str, state: SearchState, now: float) -> float:
        """Since when nothing was heard of an agent."""
        beats = state.beats.get(agent, 0)
        before, since = self._heard.setdefault(agent, (beats, now))
        if beats == before:
            return since
        self._heard[agent] = (beats, now)
        return now


def _runs(pid: int, started: float) -> bool:
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _boot() -> str:
    """A name of this boot of this machine, "" where there is none. A container numbers its processes for itself, so it
    counts as a machine."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
