"""The devices of other machines, which `kwb devices` finds out there, over ssh."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from workbench.errors import TrainingError, WorkbenchError
from workbench.group.hosts.ssh import OPTIONS, check_host, kwb_there
from workbench.sentence import last_line

_LIMIT = 120.0  # seconds for a machine to answer: it loads TensorFlow

Answer = dict[str, Any] | WorkbenchError


def devices_there(hosts: Sequence[str], ssh: str, *, as_json: bool) -> dict[str, Answer]:
    """What `kwb devices` says on each of several machines, asked at the same time: `{"lines": [...]}`, or with
    `as_json` its record; or why there is no answer.

    Args:
        hosts: as ssh knows them.
        ssh: the command and its options.

    Raises:
        WorkbenchError: a host is no name, or there is no such command.
    """
    for host in hosts:
        check_host(host)

    def ask(host: str) -> Answer:
        command = [*shlex.split(ssh), *OPTIONS, host, kwb_there("devices --json" if as_json else "devices")]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT)
        except subprocess.TimeoutExpired:
            return _no_answer(host, f"it has not answered in {_LIMIT:g} s")
        except OSError as error:
            raise WorkbenchError(f"cannot start: {error.strerror}.", where=ssh) from None
        said = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            why = last_line(done.stderr.decode("utf-8", "replace")) or f"it ended with code {done.returncode}"
            return _no_answer(host, why)
        if not as_json:
            return {"lines": said.rstrip().splitlines()}
        try:
            found = json.loads(said)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else _no_answer(host, "what it says is no record of devices")

    names = list(dict.fromkeys(hosts))
    with ThreadPoolExecutor(max(1, len(names))) as threads:
        return dict(zip(names, threads.map(ask, names), strict=True))


def _no_answer(host: str, why: str) -> WorkbenchError:
    return TrainingError(f"{why.rstrip('.')}.", where=host, hint=f"Try it by hand: `ssh {host} kwb devices`.")
