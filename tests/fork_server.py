"""One fork server for all tests of a process: TensorFlow is loaded once for them, as it is once for an app."""

from __future__ import annotations

import atexit
import tempfile
from pathlib import Path

from workbench.spawning import CAN_FORK, ForkServer

_found: list[ForkServer] = []


def shared_fork_server() -> ForkServer | None:
    """The fork server of this process, made when it is first asked for; None where children cannot be forked.

    It knows the environment variables and the plugins' packages of that moment.
    """
    if not CAN_FORK:
        return None
    if not _found or not _found[-1].alive:
        folder = tempfile.TemporaryDirectory(prefix="kwb-fork_server-")
        _found.append(ForkServer(Path(folder.name) / "fork_server.log"))
        atexit.register(folder.cleanup)
        atexit.register(_found[-1].close)
    return _found[-1]
