"""The lock of a run: one process at a time trains it; others can see which one and ask it to stop."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from workbench.atomic import file_error
from workbench.errors import FileError

if TYPE_CHECKING:
    from workbench.storage.run_folder import RunFolder

_ITS_NAME = "process {} on {}"
_PATIENCE = 0.5  # seconds; one who only looks whether a run is owned holds the lock for a moment


@contextlib.contextmanager
def own(run: RunFolder) -> Iterator[None]:
    """Own a run for the time of the block: no other process trains it meanwhile.

    Raises:
        FileError: another process owns it, or the folder cannot be written.
    """
    file = hold(run.lock)
    if file is None:
        raise FileError(
            f"another process is working on this run ({owner(run) or 'unknown'}).",
            where=str(run.path),
            hint=f"Watch it with: kwb watch {run.name}, or end it with: kwb stop {run.name}.",
        )
    with file:
        yield


def hold(lock: Path, patience: float = _PATIENCE) -> IO[str] | None:
    """Hold a lock until the file that is returned is closed; None where another process holds it.

    The lock is the operating system's, so it ends with the process however that ends. The file says who holds it.

    Args:
        lock: its file.
        patience: seconds to wait for another process.

    Raises:
        FileError: the file cannot be written.
    """
    try:
        file = open(lock, "a+", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise file_error(error, lock) from error
    if not _lock(file, patience):
        file.close()
        return None
    file.truncate(0)
    file.write(f"{this_process()}\n")
    file.flush()
    return file


def this_process() -> str:
    """This process, as the lock of a run names it."""
    return _ITS_NAME.format(os.getpid(), os.uname().nodename)


def owner(run: RunFolder) -> str | None:
    """The process that owns the run now, as text; None if there is none."""
    return holder(run.lock)


def holder(lock: Path) -> str | None:
    """The process that holds a lock now, as text; None if there is none."""
    try:
        with open(lock, encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read().strip() or "unknown"
    except OSError:
        return None
    return None


def ask_to_stop(run: RunFolder) -> str:
    """Ask the process that trains the run to end after its batch and to save; it may take a while until it has.

    Returns:
        Who was asked, in words.

    Raises:
        FileError: nobody works on it, or one who cannot be asked from here: on another machine, of another user.
    """
    import psutil

    found = owner(run)
    if found is None:
        raise FileError("nobody is working on this run.", where=str(run.path))
    words = re.fullmatch(_ITS_NAME.format(r"(\d+)", "(.+)"), found)
    if words is None or words[2] != os.uname().nodename:
        raise FileError(
            f"cannot be stopped from here: {found} is working on it.",
            where=str(run.path),
            hint="Stop it there.",
        )
    try:
        process = psutil.Process(int(words[1]))
        if process.create_time() > run.lock.stat().st_mtime + 1.0:  # its number went to another one since
            raise FileError("it has just changed hands.", where=str(run.path), hint="Try again.")
        process.terminate()
    except (psutil.NoSuchProcess, FileNotFoundError):
        raise FileError("it has just ended.", where=str(run.path)) from None
    except psutil.AccessDenied as error:
        raise FileError(
            f"cannot be stopped: {found} belongs to another user.", where=str(run.path), hint="Ask them to."
        ) from error
    return found


def _lock(file: IO[str], patience: float) -> bool:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
