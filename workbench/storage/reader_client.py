"""Ask a separate process to read a file of unknown origin (see `reader_process`). Imports neither keras nor h5py."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.children import JsonChild, Process, Streams, start_alone
from workbench.errors import FileError

MODULE = "workbench.storage.reader_process"
PATIENCE = 60.0  # seconds for an answer, where the system keeps no other limit or the disk does not answer
_HARM = "It is damaged, or made to do harm. Nothing else was touched."

_checked: set[tuple[str, int, int, int]] = set()


def environment() -> dict[str, str]:
    """Its environment: a thread for each processor would take memory that it may not have."""
    return os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def start(module: str, arguments: Sequence[str], streams: Streams, /) -> Process:
    """Start it. See `children.Start`."""
    return start_alone(module, arguments, streams, environment=environment())


class ReadingProcess:
    """One process for one request. It starts to load what it needs as soon as this is made."""

    def __init__(self) -> None:
        try:
            self._child = JsonChild(MODULE, start=start)
        except OSError as error:
            raise FileError(f"the process that reads files cannot be started: {error.strerror}.") from error

    def ask(self, do: str, file: str | os.PathLike[str], **arguments: Any) -> Any:
        """Have a file read.

        Raises:
            FileError: it cannot be read, it is refused, or reading it takes too long or ended the process.
        """
        path = os.fspath(file)
        try:
            found = self._child.ask({"do": do, "file": path, **arguments}, PATIENCE)
        except TimeoutError:
            raise too_slow(path) from None
        finally:
            code = self._child.close()
        if found is None:
            raise death(code, path)
        return result_of(found)

    def close(self) -> None:
        """End the process, if it has not ended."""
        self._child.close()


def result_of(answer: Mapping[str, Any]) -> Any:
    """The result in an answer.

    Raises:
        FileError: the answer is an error.
    """
    if "error" in answer:
        raise FileError.from_record(answer["error"])
    return answer["result"]


def check(path: Path) -> None:
    """Have another process read a model file of unknown origin from end to end, before this one does.

    A file is checked once, until it changes.

    Raises:
        FileError: as `ReadingProcess.ask`.
    """
    stamp = _stamp(path)
    if stamp is None or stamp not in _checked:
        ReadingProcess().ask("check", path)
        if stamp is not None:
            _checked.add(stamp)


def too_slow(file: str) -> FileError:
    """Reading a file was given up."""
    return FileError("refused: reading it takes too long.", where=file, hint=_HARM)


def death(code: int, file: str) -> FileError:
    """Reading a file ended the process; its exit code, negative for a signal."""
    if code in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return too_slow(file)
    how = f"exit code {code}"
    if code < 0:
        with suppress(ValueError):
            how = signal.Signals(-code).name
    return FileError(f"reading it ended the process that reads files ({how}).", where=file, hint=_HARM)


def _stamp(path: Path) -> tuple[str, int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return os.fspath(path.absolute()), status.st_ino, status.st_mtime_ns, status.st_size
