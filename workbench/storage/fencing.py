"""The fence of a run: a number that grows each time that another agent of a search goes on with the run.

A process that was frozen, or cut off from the others, may wake when another one has taken its run over. It knows the
number with which it began; where there is a larger one it must write nothing more, and ends at once.

    .fence/000001    who trained it first, as the lock of a run names a process
    .fence/000002    whoever took it over

A name is all that counts, so that nothing can be read half-written, and nobody has to wait for a frozen one. The
number is looked for before each file, checkpoint and event that is written, and once a second. What remains is a
process that is frozen just between the look and the writing. It has no lasting hold of the event stream, which
`break_lock` puts into a new file; a checkpoint that it still writes is one that this training has come to.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from workbench import atomic
from workbench.atomic import file_error
from workbench.storage.ownership import owner, this_process
from workbench.storage.run_folder import RunFolder

LOOK_EVERY = 1.0  # seconds

SUPERSEDED = 75  # the exit code of a process that ended for its fence


def number_of(run: RunFolder) -> int:
    """The largest number at a run; 0 where there is none."""
    try:
        return max((int(name) for name in os.listdir(run.fence) if name.isdecimal()), default=0)
    except OSError:
        return 0


def raise_fence(run: RunFolder, number: int, who: str = "") -> None:
    """Have whoever began with a smaller number end.

    Raises:
        FileError: the folder cannot be written.
    """
    try:
        run.fence.mkdir(exist_ok=True)
        (run.fence / f"{number:06d}").write_text(who)
    except OSError as error:
        raise file_error(error, run.fence) from error


def hold(run: RunFolder, number: int, end: Callable[[], None] | None = None) -> None:
    """From now on this process ends where another one has a larger number, before it writes anything.

    Args:
        end: how; by default at once, without a word to anybody: no plugin can keep it from it.

    Raises:
        FileError: the folder cannot be written.
    """
    ending = end or (lambda: os._exit(SUPERSEDED))

    def check() -> None:
        if number_of(run) > number:
            ending()

    def look() -> None:
        while not stopped.wait(LOOK_EVERY):
            check()

    stopped = threading.Event()
    check()
    raise_fence(run, number, this_process())
    atomic.check_before_writing(check)
    threading.Thread(target=look, name="fence", daemon=True).start()


def break_lock(run: RunFolder) -> bool:
    """Take the run from a process that began with a smaller number and does not end: it is frozen, or cut off.

    Its lock, and its event stream, are of files that have no name any more. False where another process owns the run:
    one that was never part of a search is not fenced.

    Raises:
        FileError: the folder cannot be written.
    """
    holder, largest = owner(run), number_of(run)
    if holder is None:
        return True
    if holder not in (_who(run.fence / f"{number:06d}") for number in range(1, largest)):
        return False
    try:
        for path in (run.events, run.lock):
            if path.exists():
                fresh = path.with_name(f"{path.name}.new")
                shutil.copyfile(path, fresh)
                os.replace(fresh, path)
    except OSError as error:
        raise file_error(error, run.path) from error
    return True


def _who(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text().strip()
    return ""
