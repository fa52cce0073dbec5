"""The devices of other machines, which `kwb devices` finds out there, over ssh."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import TrainingError, WorkbenchError
from workbench.group.hosts.ssh import kwb_there, ssh_command
from workbench.sentence import last_line

_LIMIT = 120.0  # seconds for a machine to answer: it loads TensorFlow


@dataclass(frozen=True)
class DevicesThere:
    """What a machine has answered.

    Attributes:
        host: as ssh knows it.
        lines: the text of `kwb devices`; empty where the record was asked for.
        record: that of `kwb devices --json`; empty where the text was asked for.
        error: why there is no answer.
    """

    host: str
    lines: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    error: WorkbenchError | None = None


def commands_of(hosts: Sequence[str], ssh: str, *, as_json: bool) -> dict[str, list[str]]:
    """What asks each of several machines.

    Args:
        hosts: as ssh knows them.
        ssh: the command that reaches them, with its options.
        as_json: whether the record is asked for, and not the text.

    Raises:
        WorkbenchError: a host is no name, or `ssh` is no command.
    """
    asked = kwb_there("devices --json" if as_json else "devices")
    return {host: ssh_command(ssh, host, asked) for host in hosts}


def devices_there(commands: Mapping[str, list[str]], *, as_json: bool) -> list[DevicesThere]:
    """What `kwb devices` finds on each of several machines, asked at the same time."""
    with ThreadPoolExecutor(max(1, len(commands))) as threads:
        return list(threads.map(lambda each: _ask(*each, as_json=as_json), commands.items()))


def _ask(host: str, command: list[str], *, as_json: bool) -> DevicesThere:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT)
    except subprocess.TimeoutExpired:
        return _no_answer(host, f"it has not answered in {_LIMIT:g} s")
    except OSError as error:
        return _no_answer(host, f"{command[0]} cannot be started: {error.strerror}")
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        why = last_line(done.stderr.decode("utf-8", "replace"))
        return _no_answer(host, why or f"it ended with code {done.returncode}")
    if not as_json:
        return DevicesThere(host, tuple(said.rstrip().splitlines()))
    try:
        record = json.loads(said)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        return _no_answer(host, "what it says is no record of devices")
    return DevicesThere(host, record=record)


def _no_answer(host: str, why: str) -> DevicesThere:
    hint = f"Try it by hand: `ssh {host} kwb devices`."
    return DevicesThere(host, error=TrainingError(f"{why.rstrip('.')}.", where=host, hint=hint))
