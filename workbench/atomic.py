"""Write files so that there is always either the whole old file or the whole new one.

A file is written beside its target under a temporary name with the same extension (Keras chooses the format
by it), flushed to the disk, and put in place by one rename. A process killed at any moment leaves the old
file, or the new one, and at most a stray temporary file, which the next write to the same target removes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import socket
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from workbench.errors import FileError

MODEL_EXTENSIONS = (".weights.h5", ".keras", ".h5", ".hdf5")

_TEMPORARY = re.compile(r"\.tmp-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]+")

_REASONS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "Free some space, or save elsewhere."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, or save elsewhere."),
    errno.EFBIG: ("the file would be larger than this process may write", "Raise the limit (ulimit -f)."),
    errno.EACCES: ("permission denied", "Choose a folder you may write to."),
    errno.EPERM: ("not permitted", "Choose a folder you may write to."),
    errno.EROFS: ("the file system is read-only", "Choose a folder you may write to."),
    errno.EISDIR: ("it is a folder", "Give the path of a file."),
    errno.EEXIST: ("a part of the path is a file, not a folder", "Correct the path."),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "Correct the path."),
    errno.ENOENT: ("no such file or folder", "Correct the path."),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter name."),
    errno.EIO: ("the disk reported an error", "Check the disk."),
    errno.EMFILE: ("too many open files", "Raise the limit (ulimit -n)."),
}


_checks: list[Callable[[], None]] = []


def check_before_writing(check: Callable[[], None]) -> None:
    """Call this, in this process, each time before a file that is written takes its place."""
    _checks.append(check)


def may_write() -> None:
    """To be called before something is written in another way than through this module: see `check_before_writing`."""
    for check in _checks:
        check()


def extension_of(path: str | os.PathLike[str]) -> str:
    """The extension that decides a file's format: `.weights.h5` counts as one."""
    name = os.fspath(path)
    for extension in MODEL_EXTENSIONS:
        if name.endswith(extension):
            return extension
    return Path(name).suffix


def file_error(error: Exception, path: str | os.PathLike[str], doing: str = "written") -> FileError:
    """The error of the operating system in plain words."""
    number = errno_of(error)
    reason, hint = _REASONS.get(number or 0, (os.strerror(number) if number else str(error), ""))
    return FileError(f"cannot be {doing}: {reason}.", where=os.fspath(path), hint=hint)


def errno_of(error: Exception) -> int | None:
    """The errno behind an exception. HDF5 has it only in the text, and not only in an OSError."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (found := re.search(r"errno = (\d+)", str(error))):
        number = int(found.group(1))
    return number


def is_of_the_place(error: BaseException | None) -> bool:
    """True if a file could not be written because the disk is full or write permission is missing."""
    seen: set[int] = set()  # a plugin may raise an error from itself
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno is not None:
            return True
        seen.add(id(error))
        error = error.__cause__
    return False


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], *, flush: bool = True) -> Iterator[Path]:
    """A temporary path to write to; at the end of the block it replaces `path` as a whole.

    The parent folder is created. A symbolic link is followed, an old file's permissions are kept. If the
    block raises, the temporary file is removed and the old file stays as it was.

    Args:
        path: the file to write.
        flush: wait until the disk has it. Without, a machine that loses its power may lose the file; a process that
            dies never does.

    Raises:
        FileError: the file cannot be written, with the reason.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        target.parent.mkdir(parents=True, exist_ok=True)
        with scratch_path(target, extension_of(target)) as temporary:
            yield temporary
            with contextlib.suppress(FileNotFoundError):
                temporary.chmod(target.stat().st_mode & 0o7777)
            if flush:
                flush_to_disk(temporary)
            may_write()
            os.replace(temporary, target)
            if flush:
                flush_to_disk(target.parent)
    except OSError as error:
        raise file_error(error, path) from error


@contextlib.contextmanager
def scratch_path(target: Path, extension: str) -> Iterator[Path]:
    """A temporary path beside `target`, whose file is removed at the end of the block if it is still there.

    Its name carries host and process id, so that strays of dead processes are known, and removed here.
    """
    remove_strays(target)
    stem = target.name.removesuffix(extension_of(target))
    if _TEMPORARY.search(stem):  # beside a file that is a temporary one itself
        stem = _TEMPORARY.split(stem)[0].removeprefix(".")
    mark = f".tmp-{_host()}-{os.getpid()}-{os.urandom(4).hex()}"
    temporary = target.with_name(f".{stem[:40]}{mark}{extension}")
    try:
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def remove_strays(target: Path) -> None:
    """Remove what processes of this machine, now dead, left half-written for `target`."""
    stem = f".{target.name.removesuffix(extension_of(target))[:40]}"
    with contextlib.suppress(OSError):
        for stray in list(os.scandir(target.parent)):
            rest = stray.name.removeprefix(stem)
            found = _TEMPORARY.match(rest) if rest != stray.name else None
            if found and found["host"] == _host() and not _alive(int(found["pid"])):
                with contextlib.suppress(OSError):
                    os.unlink(stray.path)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a path that could not be written, before the work whose result it is to hold. Leaves no trace.

    Raises:
        FileError: the file or its folder cannot be written, with the reason.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        folder = target.parent
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if len(os.fsencode(target.name)) > os.pathconf(folder, "PC_NAME_MAX"):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"kwb")
    except OSError as error:
        raise file_error(error, path) from error


def write_bytes(path: str | os.PathLike[str], content: bytes, *, flush: bool = True) -> None:
    """Write a small file atomically; the arguments are those of `atomic_path`.

    Raises:
        FileError: the file cannot be written.
    """
    with atomic_path(path, flush=flush) as temporary, open(temporary, "wb") as file:
        file.write(content)


def keep_as(path: str | os.PathLike[str], kept: Path) -> None:
    """Give a file that is about to be replaced another name too, in place of what has that name. It takes no room
    where the file system knows hard links.

    Raises:
        FileError: it cannot be done.
    """
    source = os.path.realpath(path)
    try:
        with scratch_path(kept, extension_of(kept)) as temporary:
            try:
                os.link(source, temporary)
            except OSError:
                shutil.copy2(source, temporary)
                flush_to_disk(temporary)
            may_write()
            os.replace(temporary, kept)
            flush_to_disk(kept.parent)
    except OSError as error:
        raise file_error(error, kept) from error


def flush_to_disk(path: Path) -> None:
    """Wait until the disk has what was written to a file, or which names a folder has."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _host() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it lives and belongs to another user
        return True
    return True
