"""Start children with the plugins and the logs that a front end has chosen, forked where that is possible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.children import Start, start_alone
from workbench.devices.gpus import gpus_to_share
from workbench.devices.memory import free_memory
from workbench.devices.processor import find_processor
from workbench.spawning import CAN_FORK, ForkServer
from workbench.worker.client import OnEvent, Worker

MEMORY_EACH = 1 << 30  # bytes that a training is reckoned to need


def workers_for_this_machine() -> int:
    """How many trainings at once: one for each GPU; without one, by the cores that this process may use, and the memory
    that is free."""
    if gpus := gpus_to_share():
        return len(gpus)
    return max(1, min(find_processor().cores, free_memory() // MEMORY_EACH))


@contextmanager
def one_fork_server(logs: Path) -> Iterator[ForkServer | None]:
    """A fork server for all that is started inside, so that TensorFlow is loaded once; None where there can be none."""
    fork_server = ForkServer(logs / "fork_server.log") if CAN_FORK else None
    try:
        yield fork_server
    finally:
        if fork_server is not None:
            fork_server.close()


class WorkerStarter:
    """Starts children. Where there are several GPUs, each child sees one: the one that the fewest others have.

    Args:
        logs: the folder for what each of them prints.
        plugin_files, blocked: as for the catalog.
        folder: the children's current folder; None for ours.
        fork_server: forks the children, and is its owner's to close; None for one of its own.
        prefix: what the names of logs begin with.
    """

    def __init__(
        self,
        logs: Path,
        *,
        plugin_files: Sequence[Path] = (),
        blocked: Sequence[str] = (),
        folder: Path | None = None,
        fork_server: ForkServer | None = None,
        prefix: str = "worker",
    ) -> None:
        self._logs = logs
        self._plugin_files = tuple(plugin_files)
        self._blocked = tuple(blocked)
        self._folder = folder
        self._fork_server = fork_server
        self._own_fork_server: ForkServer | None = None
        self._prefix = prefix
        self._started = 0
        self._on_gpus: dict[Worker, str] = {}

    def prepare(self) -> None:
        """Have the fork server load TensorFlow, so that the first child need not wait for it."""
        if CAN_FORK and (self._fork_server is None or not self._fork_server.alive):
            self._fork_server = self._own_fork_server = ForkServer(self._logs / "fork_server.log")

    def start_child(self) -> Start:
        """How other children are started: forked, where that is possible. What it returns is for any thread."""
        with suppress(OSError):
            self.prepare()
        return start_alone if self._fork_server is None else self._fork_server.start

    async def start(self, on_event: OnEvent) -> Worker:
        """A new child.

        Args:
            on_event: see `Worker`.

        Raises:
            OSError: it cannot be started.
            WorkerDied: the fork server has ended, with the reason.
        """
        self._started += 1
        log = self._logs / f"{self._prefix}-{self._started}.log"
        log.unlink(missing_ok=True)
        self.prepare()
        gpu = self._free_gpu()
        worker = await Worker.start(
            on_event,
            log=log,
            folder=self._folder,
            plugin_files=self._plugin_files,
            blocked=self._blocked,
            fork_server=self._fork_server,
            gpu=gpu,
        )
        self._on_gpus[worker] = gpu
        return worker

    def _free_gpu(self) -> str:
        self._on_gpus = {worker: gpu for worker, gpu in self._on_gpus.items() if worker.alive}
        gpus, taken = gpus_to_share(), [*self._on_gpus.values()]
        return min(gpus, key=taken.count) if len(gpus) > 1 else ""

    def close(self) -> None:
        """End the fork server; its children live on."""
        if self._own_fork_server is not None:
            self._own_fork_server.close()
