"""Where agents of a search work on a machine, and how they start children there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.spawning import ForkServer
from workbench.worker.starting import WorkerStarter


@dataclass(frozen=True)
class Place:
    """Where an agent works: the folder of runs, that of its logs, and the plugins.

    `fork_server` forks its children, and is its owner's to close; None for one of the agent's own.
    """

    runs: Path
    logs: Path
    plugin_files: Sequence[Path] = ()
    blocked: Sequence[str] = ()
    fork_server: ForkServer | None = None

    def starter(self, prefix: str) -> WorkerStarter:
        """What starts children there; `prefix` is what the names of their logs begin with."""
        return WorkerStarter(
            self.logs,
            plugin_files=self.plugin_files,
            blocked=self.blocked,
            fork_server=self.fork_server,
            prefix=prefix,
        )
